"""A comparison of learners as it runs: buttons, how far it is, curves, and the answer so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mtl_core.registry import InvalidInput
from pages.ui import session, text
from pages.ui.live_chart import live_chart
from pages.ui.meta_charts import losses
from pages.ui.meta_controls import load
from pages.ui.meta_result import charts_of_errors, headline, numbers_of, who_is_compared
from pages.ui.patience import wait_until
from pages.ui.run_detail import exports

if TYPE_CHECKING:
    from mtl_core.api import AdaptationRecord
    from mtl_core.meta.adaptation import Adaptation
    from mtl_core.meta.history import MetaHistory

ADDRESS = "adaptation"
"""Name of the run's id in the page's address."""
ACTIVE = ("queued", "running", "paused")
EVERY = 0.5
"""Seconds between two looks at a run that is on its way."""
NAMED = 3
"""Learners that the name of a run tells of."""
LOSS_TIP = (
    "Squared error on the questions of each meta-step's tasks, mean since the point before; ribbon = 8 of 10 repeats. "
    "MAML and its relatives are asked after their steps on a task, pretraining before any: compare slopes, not heights."
)


# --- which run ----------------------------------------------------------------------------------------------------
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
        load(record.experiment)
    attach(run_id)
    return record


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
            _begin(asked)
        elif word == "examples":
            detach()
        elif word and (run_id := _run_id()):
            session.lab().command(run_id, word)
            wait_until(lambda: session.lab().record(run_id).status not in BEFORE[word])
    except InvalidInput as problem:
        st.error(session.as_sentence(str(problem)), icon=":material/error:")


BEFORE = {"pause": ("queued", "running"), "resume": ("paused",), "stop": ACTIVE}
"""Statuses that a click is meant to end."""


def _begin(asked: Adaptation) -> None:
    run_id = session.lab().submit(asked, name=run_name(asked))
    attach(run_id)
    wait_until(lambda: not session.lab().adapting(run_id).is_empty or session.lab().record(run_id).has_ended)


def run_name(asked: Adaptation) -> str:
    """What a run is called until somebody renames it."""
    data = asked.family.title if asked.data is None else session.lab().dataset(asked.data).title
    names = [each.called for each in asked.units]
    who = names if len(names) <= NAMED else [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"]
    return f"New tasks, {data}: {text.listing(who)}"


def bar(record: AdaptationRecord | None, asked: Adaptation | None) -> None:
    """Buttons for the state that the run is in; the same places in every state."""
    status = "" if record is None else record.status
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="bar"):
        if status in ("queued", "running"):
            _button("Pause", ":material/pause:", "pause", primary=True)
        elif status == "paused":
            _button("Resume", ":material/play_arrow:", "resume", primary=True)
        else:
            _button("Run", ":material/play_arrow:", "run", primary=True, disabled=asked is None)
        _button("Stop", ":material/stop:", "stop", disabled=status not in ACTIVE)
        if record is not None:
            _button("Finished examples", ":material/library_books:", "examples")
        if status not in ACTIVE and asked is not None:
            st.caption(text.plain(outlook(asked)), width="content")


def _button(label: str, icon: str, word: str, *, primary: bool = False, disabled: bool = False) -> None:
    st.button(
        label,
        icon=icon,
        key=f"meta-{'run' if primary else word}",
        type="primary" if primary else "secondary",
        shortcut="Space" if primary else None,
        on_click=wish,
        args=(word,),
        disabled=disabled,
    )


def outlook(asked: Adaptation) -> str:
    """What the comparison will cost, before the click."""
    networks = text.plural(len(asked.learners) * asked.budget.folds, "network")
    seconds = session.lab().seconds_of(asked)
    return networks if seconds is None else f"{networks}, {text.about(seconds)}"


# --- the run ------------------------------------------------------------------------------------------------------
def live_region(record: AdaptationRecord, asked: Adaptation | None) -> None:
    """Everything that changes while the run is on its way; looks again by itself until it has ended."""
    st.session_state["meta.drawn"] = (record.id, record.status)
    if asked is not None and asked != record.experiment:
        soon = "Run shows the new settings." if record.has_ended else "They count from the next run on."
        st.caption(f"These results are for {text.plain(text.cut(record.name, 60))}; the settings have changed. {soon}")
    st.fragment(_region, run_every=EVERY if record.status in ACTIVE else None)(record.id)


def _region(run_id: str) -> None:
    with session.guard("This run"):
        record = session.lab().adaptation(run_id)
        if st.session_state.get("meta.drawn") != (run_id, record.status):
            st.rerun()
        history = session.lab().adapting(run_id)
        _progress(record, history)
        if history.is_empty:
            if not record.has_ended:
                st.caption("The first numbers come with the first meta-step.")
            return
        _results(record, history)


def _progress(record: AdaptationRecord, history: MetaHistory) -> None:
    words = text.plain(progress_words(record, history.meta_step))
    if record.status == "queued" and not session.lab().engine_ready():
        words = "The workers are starting; the first start takes some seconds"
    if record.status in ACTIVE:
        st.progress(min(record.step / max(record.steps, 1), 1.0), text=words)
    elif record.status == "failed":
        st.error(words, icon=":material/error:")
    else:
        st.caption(f"{text.plain(text.cut(record.name, 60))} · {words}")
    for sentence in record.diverged:
        st.caption(text.plain(sentence))


def progress_words(record: AdaptationRecord, meta_step: int) -> str:
    """Where a run stands, in one line."""
    steps = record.experiment.budget.steps
    done = f"meta-step {meta_step:,} of {steps:,}"
    if record.status == "queued":
        return f"Waiting, place {record.position} in the queue" if record.position else "Waiting for a free worker"
    if record.status == "running":
        left = "" if record.seconds_left is None else f", {text.duration(record.seconds_left)} left"
        return f"Preparing: {done}{left}" if meta_step < steps else "Measuring on unseen tasks"
    if record.status == "failed":
        return f"Failed at {done}: {record.message.rstrip('.')}. What was measured until then is kept."
    if record.status == "finished":
        return f"Finished after {text.plural(steps, 'meta-step')}"
    return f"{'Paused' if record.status == 'paused' else 'Stopped'} at {done}"


def _results(record: AdaptationRecord, history: MetaHistory) -> None:
    from mtl_core.meta.shown import shown_of

    asked = record.experiment
    shown = shown_of(history, record.name, asked.family.summary())
    short = {each.learner.name: each.called for each in asked.units}
    labels = _labels(asked.shots, record.id)
    if shown.shots:
        st.markdown(headline(shown, labels))
    with st.container(key="region"):
        left, right = st.columns(2, gap="medium")
        with left:
            st.markdown("**While they are prepared**", help=LOSS_TIP)
            frame = history.losses()
            if len(frame):
                live_chart(losses(frame, short, asked.budget.steps, record.id), "meta-losses")
            else:
                st.caption("Nobody here is prepared: a fresh start learns each new task alone.")
        charts_of_errors(shown, short, labels, right, left)
        with right:
            if shown.shots:
                numbers_of(shown, labels, short)
            else:
                st.caption("The first look at new tasks follows the first meta-step.")
    who_is_compared(shown)
    if record.has_ended:
        exports(record)


def _labels(shots: tuple[int, ...], run_id: str) -> int:
    usual = 10 if 10 in shots else shots[0]
    chosen = st.segmented_control(
        "Labels of the new task", shots, default=usual, required=True, key=f"meta.labels.{run_id}", wrap=True
    )
    return int(chosen or usual)
