"""What is done on New tasks: which run is in view, what its buttons do, which knobs are passed on to it.

A click only leaves a word; `act` follows it once the controls have been read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mtl_core.registry import InvalidInput
from pages.ui import session, text
from pages.ui.meta_addresses import SETTINGS, compact, parsed
from pages.ui.meta_controls import load
from pages.ui.patience import wait_until
from pages.ui.turning import ACTIVE, begin, differing, standing

if TYPE_CHECKING:
    from mtl_core.api import AdaptationRecord
    from mtl_core.meta.adaptation import Adaptation

ADDRESS = "adaptation"
"""Name of the run's id in the page's address."""
NAMED = 3
"""Learners that the name of a run tells of."""
PARTS = {
    "family": "tasks to learn from",
    "learners": "who learns",
    "trunk": "network",
    "budget": "how learners are prepared",
    "shots": "labels of a new task",
    "adapt_steps": "steps on a new task",
}


# --- which run, which settings ------------------------------------------------------------------------------------
def take_up() -> None:
    """What the address names when a session begins: settings, and a run that is shown beside them."""
    if "meta.base" in st.session_state or SETTINGS not in st.query_params:
        return
    run_id, known = st.query_params.get(ADDRESS), None
    try:
        if run_id is not None:
            known = session.lab().adaptation(run_id).experiment.data
        load(parsed(st.query_params[SETTINGS], known))
        if run_id is not None:
            st.session_state["meta.shown"] = run_id
    except InvalidInput as problem:
        st.toast(session.as_sentence(str(problem)))
        st.query_params.pop(SETTINGS, None)


def attached() -> AdaptationRecord | None:
    """The run in view; one that is not there is forgotten with a word."""
    run_id = _run_id()
    if run_id is None:
        return None
    try:
        record = session.lab().adaptation(run_id)
    except InvalidInput as problem:
        st.toast(session.as_sentence(str(problem)))
        detach()
        return None
    if st.session_state.get("meta.shown") != run_id:
        load(record.experiment.in_force())
    attach(run_id)
    return record


def keep(asked: Adaptation) -> None:
    """Settings into the address: a reload finds them again."""
    st.query_params[SETTINGS] = compact(asked)


def address() -> dict[str, str]:
    """What another person's browser needs to show the same."""
    return {name: st.query_params[name] for name in (SETTINGS, ADDRESS) if name in st.query_params}


def _run_id() -> str | None:
    """As the address says, else the run that was last in view: a change of page empties the address."""
    return st.query_params.get(ADDRESS) or st.session_state.get("meta.shown")


def attach(run_id: str) -> None:
    st.session_state["meta.shown"] = run_id
    st.query_params[ADDRESS] = run_id


def detach() -> None:
    st.session_state.pop("meta.shown", None)
    st.query_params.pop(ADDRESS, None)


# --- buttons ------------------------------------------------------------------------------------------------------
def wish(word: str) -> None:
    """Callback of the buttons."""
    st.session_state["meta.wish"] = word


def act(asked: Adaptation | None) -> None:
    """Do what was clicked, once the controls have been read; what cannot be done is said in one sentence."""
    word = st.session_state.pop("meta.wish", "")
    try:
        if word == "run" and asked is not None:
            _run(asked)
        elif word == "step":
            _step(asked)
        elif word == "examples":
            detach()
        elif word and (run_id := _run_id()):
            session.lab().command(run_id, word)
            wait_until(lambda: session.lab().record(run_id).status not in BEFORE[word])
    except InvalidInput as problem:
        st.error(session.as_sentence(str(problem)), icon=":material/error:")


BEFORE = {"pause": ("queued", "running"), "resume": ("paused",), "stop": ACTIVE}
"""Statuses that a click is meant to end."""


def _run(asked: Adaptation) -> None:
    run_id = _begin(asked)
    wait_until(lambda: not session.lab().adapting(run_id).is_empty or session.lab().record(run_id).has_ended)


def _step(asked: Adaptation | None) -> None:
    """A run that waits goes on to its next point; where none does, one is begun and waits there."""
    record, run_id = attached(), _run_id() or ""
    if record is None or record.has_ended:
        if asked is None:
            return
        run_id, record = _begin(asked, paused=True), None
    before = 0 if record is None else record.step
    session.lab().command(run_id, "step")
    wait_until(lambda: session.lab().record(run_id).step > before and session.lab().record(run_id).status != "running")


def _begin(asked: Adaptation, paused: bool = False) -> str:
    run_id = session.lab().submit(asked, name=run_name(asked), paused=paused)
    attach(run_id)
    begin(run_id, asked)
    return run_id


def run_name(asked: Adaptation) -> str:
    """What a run is called until somebody renames it."""
    data = asked.family.title if asked.data is None else session.lab().dataset(asked.data).title
    names = [each.called for each in asked.units]
    who = names if len(names) <= NAMED else [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"]
    return f"{text.listing(who)} on {data}"


def changed_since(record: AdaptationRecord, asked: Adaptation) -> list[str]:
    """Which settings differ from those in force in the run in view, in words; empty when they are the same."""
    return differing(standing(record, record.experiment).to_json(), asked.to_json(), PARTS)
