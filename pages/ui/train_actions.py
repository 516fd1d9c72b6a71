"""What the buttons of Train do. A click only leaves a word; `act` follows it once the controls have been read,

so that a value typed just before the click counts, and so that the page is drawn once, in its new state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from mtl_core.evaluation.report import run_name
from mtl_core.experiment import Experiment
from mtl_core.registry import InvalidInput
from pages.ui import session
from pages.ui.addresses import in_hand, without_changes
from pages.ui.patience import wait_until
from pages.ui.turning import ACTIVE, begin, differing, pass_on, standing

if TYPE_CHECKING:
    from mtl_core.api import RunRecord


def wish(word: str) -> None:
    """Callback of the buttons."""
    st.session_state["wish"] = word


def act() -> None:
    """Do what was clicked; what cannot be done is said in one sentence."""
    word = st.session_state.pop("wish", "")
    if not word:
        return
    try:
        WISHES[word]()
    except InvalidInput as problem:
        st.session_state["refused"] = str(problem)


def _run() -> None:
    _begin(session.experiment())
    run_id = session.attached() or ""
    wait_until(lambda: not session.lab().history(run_id).is_empty or session.lab().run(run_id).status == "failed")


def _step() -> None:
    record = _record()
    if record is None or record.status not in ACTIVE:
        _begin(session.experiment(), paused=True)
    run_id, before = session.attached() or "", 0 if record is None else record.step
    session.lab().command(run_id, "step")
    wait_until(lambda: session.lab().run(run_id).step > before and session.lab().run(run_id).status != "running")


def _reset() -> None:
    """The same experiment from its first weights, waiting at step 0."""
    record = _record()
    if record is None:
        return
    if record.status in ACTIVE:
        session.lab().command(record.id, "stop")
    fresh = in_hand(without_changes(record.experiment))
    session.load(fresh)
    _begin(fresh, paused=True)


def _tell(command: str, statuses: tuple[str, ...]) -> Callable[[], None]:
    def tell() -> None:
        run_id = session.attached()
        if run_id is None:
            return
        session.lab().command(run_id, command)
        wait_until(lambda: session.lab().run(run_id).status in (*statuses, "finished", "failed", "stopped"))

    return tell


WISHES: dict[str, Callable[[], None]] = {
    "run": _run,
    "step": _step,
    "reset": _reset,
    "pause": _tell("pause", ("paused",)),
    "resume": _tell("resume", ("running",)),
    "stop": _tell("stop", ()),
}


def _begin(experiment: Experiment, paused: bool = False) -> None:
    name = run_name(experiment, session.lab().dataset(experiment.data).title)
    run_id = session.lab().submit(experiment, name=name, paused=paused)
    session.attach(run_id)
    begin(run_id, experiment)


def _record() -> RunRecord | None:
    run_id = session.attached()
    return None if run_id is None else session.lab().run(run_id)


# --- knobs that are turned while a run trains ---------------------------------------------------------------------
def turn_knobs(record: RunRecord) -> None:
    """Pass on to an active run what was turned since; the weights of other tasks belong to another run."""
    now = session.experiment()
    pass_on(record, now, fits=now.tasks == record.experiment.tasks)


def changed_since(record: RunRecord) -> list[str]:
    """Which settings differ from those of the run in view, in words; empty when they are the same.

    A knob that was turned here while the run trains has been passed on to it: it is in force, not different.
    """
    names = {
        "data": "data",
        "tasks": "tasks",
        "sharings": "sharing",
        "weighting": "loss weights",
        "trunk": "network",
        "optimiser": "optimiser",
        "training": "training",
        "plan": "number of networks",
    }
    before = in_hand(standing(record, record.experiment))
    return differing(before.to_json(), in_hand(session.experiment()).to_json(), names)
