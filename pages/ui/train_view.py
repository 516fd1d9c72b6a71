"""The live side of Train: where the run stands, its curves, and the answer so far. Redrawn twice a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from mtl_core.evaluation.report import sharing_titles
from pages.ui import arms, charts, charts_inside, colours, forms, session, text
from pages.ui.live_chart import live_chart
from pages.ui.suggest import next_runs
from pages.ui.turning import ACTIVE
from pages.ui.verdict_view import verdict_table, verdict_view

if TYPE_CHECKING:
    from mtl_core.api import RunRecord
    from mtl_core.evaluation.history import History

EVERY = 0.5
"""Seconds between two looks at a run that trains."""


def live_region(record: RunRecord) -> None:
    """Everything that changes while the run trains; looks again by itself until the run has ended."""
    st.session_state["drawn"] = (record.id, record.status)
    st.fragment(_region, run_every=EVERY if record.status in ACTIVE else None)(record.id)


def _region(run_id: str) -> None:
    with session.guard("This run"):
        record = session.lab().run(run_id)
        if st.session_state.get("drawn") != (run_id, record.status):
            st.rerun()
        _progress(record)
        history = session.lab().history(run_id)
        with st.container(key="region"):
            middle, right = st.columns([2.7, 1.2], gap="medium")
        with middle:
            _curves(record, history)
        with right:
            sharing = _answer(record)
        with middle:
            _below(record, history, sharing)
            _numbers(run_id, history)


def _progress(record: RunRecord) -> None:
    others = len(session.lab().records(status="running", limit=100)) - 1
    words = text.plain(progress_words(record, others))
    if record.status == "queued" and not session.lab().engine_ready():
        words = "The workers are starting; the first start takes some seconds"
    if record.has_ended:
        words = f"{text.plain(text.cut(record.name, 60))} · {words}"
    # Also when it has ended: a bar that first appears with the click on Run makes the browser fetch its code then.
    share = 1.0 if record.status == "finished" else min(record.step / max(record.steps, 1), 1.0)
    with st.container(key="ended" if record.has_ended else "under-way"):
        st.progress(share, text=words)
    for sentence in record.diverged:
        st.caption(text.plain(sentence))


EARLY = 0.02
"""Share of the steps before which no time left is named: the first steps are slow."""


def progress_words(record: RunRecord, others: int = 0) -> str:
    """Where a run stands, in one line. others: how many more runs train, which makes the time left a guess."""
    done = f"step {record.step:,} of {record.steps:,}"
    if record.status == "queued":
        return f"Waiting, place {record.position} in the queue" if record.position else "Waiting for a free worker"
    if record.status == "running":
        speed = f", {text.number(record.steps_per_second)} steps a second" if record.steps_per_second else ""
        known = record.seconds_left is not None and record.step >= EARLY * record.steps
        left = f", {text.duration(record.seconds_left)} left" if known else ", working out the time left"
        left = f", beside {text.plural(others, 'other run')}" if others > 0 else left
        return f"Training: {done}{speed}{left}"
    if record.status == "paused":
        return f"Paused at {done}"
    if record.status == "failed":
        return f"Failed at {done}: {record.message}. What was measured until then is kept; try Reset, or other settings"
    return f"Finished after {record.step:,} steps" if record.status == "finished" else f"Stopped at {done}"


def _answer(record: RunRecord) -> str:
    """The verdict column; gives the key of the sharing type that is shown."""
    titles = sharing_titles(record.experiment)
    st.markdown("##### Does sharing help?")
    sharing = next(iter(titles))
    if len(titles) > 1:
        sharing = (
            st.selectbox(
                "Of the race",
                list(titles),
                format_func=titles.__getitem__,
                key=f"shown.{record.id}",
                persist_state="session",
            )
            or sharing
        )
    comparison = session.lab().comparison(record.id)
    if session.lab().history(record.id).is_empty:
        st.caption("The first numbers come with the first points of the curves.")
        return sharing
    if comparison.too_early:
        for note in comparison.notes:
            st.caption(text.plain(note))
        return sharing
    verdict_view(comparison, sharing, f"train-{record.id}-{sharing}")
    if len(titles) > 1 and comparison.ranks:
        history = session.lab().history(record.id)
        labels = {arm.key: arms.arm_label(history, arm) for arm in history.arms}
        st.caption(text.plain(rank_words(comparison.ranks, labels)))
    if record.has_ended:
        _next_runs(record)
    return sharing


def rank_words(ranks: dict[str, float], labels: dict[str, str]) -> str:
    """All that ran in one line, best first."""
    known = sorted((ranks[key], label) for key, label in labels.items() if key in ranks)
    said = [f"{label} {text.number(rank)}" for rank, label in known]
    return f"Mean rank over the tasks, 1 = lowest error on every task: {'; '.join(said)}."


def _next_runs(record: RunRecord) -> None:
    """What to try next: the controls take its settings, Run is the person's own click."""
    with st.popover("Try next", icon=":material/arrow_forward:"):
        for each in next_runs(record.experiment):
            if st.button(text.plain(each.title), key=f"next-{each.title}", width="stretch"):
                session.load(each.experiment)
                st.rerun()
            st.caption(text.plain(each.why))


def _curves(record: RunRecord, history: History) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        quantity = forms.curve_choice("quantity", "validation")
        log = st.toggle("Log scale", key="log", persist_state="session")
    every = tuple(task.name for task in session.lab().dataset(record.experiment.data).tasks)
    panels = arms.panels(history, quantity, every)
    marks = arms.marks(record.experiment)
    live_chart(charts.loss_curves(panels, quantity, log=log, marks=marks, revision=record.id), "curves")
    st.caption(
        "Solid = together, dashed = alone, both from the same first weights. Ribbon = 8 of 10 networks. "
        "Drag to zoom, double-click to go back; click a line in the legend to hide it."
    )
    for i, mark in enumerate(marks):
        st.caption(text.plain(f"{i + 1}: at step {mark.step:,}, {mark.label}"))


def _below(record: RunRecord, history: History, sharing: str) -> None:
    names = tuple(task.name for task in history.tasks)
    every = tuple(task.name for task in session.lab().dataset(record.experiment.data).tasks)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Do the tasks pull the same way?**", help=COSINE_TIP)
        cosine = history.cosine(sharing)
        if len(names) > 1 and (len(cosine) or history.is_empty):
            live_chart(charts_inside.cosine_strip(cosine, names, revision=record.id), "cosine")
        else:
            st.caption("No parameters are shared here, so there are no gradients to compare.")
    with right:
        st.markdown("**Loss weights in force**", help=WEIGHTS_TIP)
        looks = colours.task_looks(names, every)
        marks, weights = arms.marks(record.experiment), arms.with_turns(history.weights(sharing), record.experiment)
        figure = charts_inside.weights_over_time(weights, names, looks, marks, revision=record.id)
        live_chart(figure, "weights")
    _inside(record, history, sharing)


def _inside(record: RunRecord, history: History, sharing: str) -> None:
    """Gates or stitches as they are now; only for sharing types that have some."""
    shown = history.inside(sharing, last=True)
    if shown.empty:
        return
    names = tuple(task.name for task in history.tasks)
    own_experts = getattr(history.arm(sharing).sharing, "own_experts", 0)
    st.markdown("**What does each task listen to?**", help=INSIDE_TIP)
    live_chart(charts_inside.inside_map(shown, names, own_experts, revision=record.id), "inside")


INSIDE_TIP = (
    "Mean over the networks at the last point of the curves. A row is a task, a column what it takes from: an expert "
    "(shares of 1), another task's network (stitches, which may be negative), or a layer whose features it lets "
    "through (0 = nothing, 1 = all). Equal numbers along a row mean that the task does not choose."
)
COSINE_TIP = (
    "Cosine of two tasks' gradients on the shared parameters: blue = one step serves both, vermilion = what helps one "
    "hurts the other. Conflict late in training is normal and is no harm by itself."
)
WEIGHTS_TIP = "How much each task's loss counted in each step. Turn the sliders on the left while the run trains."


def _numbers(run_id: str, history: History) -> None:
    """Worked out only while somebody looks: a run that trains is drawn twice a second."""
    place = st.expander("Numbers behind the charts", key="numbers", on_change="rerun")
    if place.open:
        with place:
            st.dataframe(verdict_table(session.lab().comparison(run_id)), hide_index=True)
            st.dataframe(_last_points(history), hide_index=True)


def _last_points(history: History) -> pd.DataFrame:
    rows = [
        {"task": task.name, "network": arms.arm_label(history, arm), "quantity": words, **frame.iloc[-1].to_dict()}
        for arm in history.arms
        for t, task in enumerate(history.tasks)
        for name, words in text.QUANTITIES.items()
        if len(frame := history.summary(arm.key, t, name))
    ]
    return pd.DataFrame(rows)
