"""A comparison of learners as it runs: buttons, how far it is, curves, and the answer so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import arms, session, text
from pages.ui.live_chart import live_chart
from pages.ui.meta_actions import changed_since, wish
from pages.ui.meta_charts import losses
from pages.ui.meta_controls import load
from pages.ui.meta_result import charts_of_errors, headline, numbers_of, who_is_compared
from pages.ui.run_detail import exports
from pages.ui.train_bar import STEP_TIP
from pages.ui.turning import ACTIVE, moved_on

if TYPE_CHECKING:
    from mtl_core.api import AdaptationRecord
    from mtl_core.meta.adaptation import Adaptation
    from mtl_core.meta.history import MetaHistory

EVERY = 0.5
"""Seconds between two looks at a run that is on its way."""
LOSS_TIP = (
    "Squared error on the questions of each meta-step's tasks, mean since the point before; ribbon = 8 of 10 repeats. "
    "MAML and its relatives are asked after their steps on a task, pretraining before any: compare slopes, not heights."
)


# --- buttons ---------------------------------------------------------------------------------------------------------
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
        still = status in ("queued", "running") or (asked is None and status != "paused")
        _button("Step", ":material/skip_next:", "step", disabled=still, key="S", tip=STEP_TIP)
        _button("Stop", ":material/stop:", "stop", disabled=status not in ACTIVE)
        if record is not None:
            _button("Finished examples", ":material/library_books:", "examples")
        if status not in ACTIVE and asked is not None:
            st.caption(text.plain(outlook(asked)), width="content")


def _button(
    label: str,
    icon: str,
    word: str,
    *,
    primary: bool = False,
    disabled: bool = False,
    key: str | None = None,
    tip: str | None = None,
) -> None:
    st.button(
        label,
        icon=icon,
        key=f"meta-{'run' if primary else word}",
        type="primary" if primary else "secondary",
        shortcut="Space" if primary else key,
        on_click=wish,
        args=(word,),
        disabled=disabled,
        help=tip,
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
    if asked is not None and (changed := changed_since(record, asked)):
        if moved_on(record, changed):
            load(record.experiment.in_force())
            st.rerun()
    elif record.status in ACTIVE and any(each.trains for each in record.experiment.learners):
        st.caption(TURN_TIP)
    st.fragment(_region, run_every=EVERY if record.status in ACTIVE else None)(record.id)


TURN_TIP = (
    "While it runs you can turn the learning rate and, under More settings, how far each learner steps on a task; "
    "every turn is marked on the curves."
)


def _region(run_id: str) -> None:
    with session.guard("This run"):
        record = session.lab().adaptation(run_id)
        if st.session_state.get("meta.drawn") != (run_id, record.status):
            st.rerun()
        history = session.lab().adapting(run_id)
        _progress(record)
        if history.is_empty:
            if not record.has_ended:
                st.caption("The first numbers come with the first meta-step.")
            return
        _results(record, history)


def _progress(record: AdaptationRecord) -> None:
    words = text.plain(progress_words(record))
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
    if record.message and record.status != "failed":
        st.caption(session.as_sentence(record.message))


def progress_words(record: AdaptationRecord) -> str:
    """Where a run stands, in one line."""
    steps = record.steps
    done = f"meta-step {record.step:,} of {steps:,}"
    if record.status == "queued":
        return f"Waiting, place {record.position} in the queue" if record.position else "Waiting for a free worker"
    if record.status == "running":
        left = "" if record.seconds_left is None else f", {text.duration(record.seconds_left)} left"
        return f"Preparing: {done}{left}" if record.step < steps else "Measuring on unseen tasks"
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
                marks = arms.marks(asked)
                live_chart(losses(frame, short, asked.steps, record.id, marks), "meta-losses")
                for i, mark in enumerate(marks):
                    st.caption(text.plain(f"{i + 1}: at meta-step {mark.step:,}, {mark.label}"))
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
