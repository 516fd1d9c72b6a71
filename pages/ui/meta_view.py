"""New tasks: left what to compare, right a run as it goes, or a finished example."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import session, text
from pages.ui.meta_actions import act, attached, keep, take_up
from pages.ui.meta_controls import controls
from pages.ui.meta_live import bar, live_region
from pages.ui.meta_result import charts_of_errors, headline, numbers_of, who_is_compared
from pages.ui.turning import pass_on

if TYPE_CHECKING:
    from mtl_core.meta.shown import Shown

USUAL_LABELS = 10


def page() -> None:
    st.markdown("##### A new task, few labels")
    st.caption(
        "Networks that have learned many tasks meet one they have never seen, and get only a few labels of it. "
        "What are the earlier tasks worth?"
    )
    with st.container(key="train"):
        take_up()
        attached()  # a run that was opened puts the controls to its settings
        left, right = st.columns([1, 3.2], gap="medium")
        with left, session.guard("The settings"):
            asked = controls()
        with right, session.guard("The run"):
            act(asked)
            record = attached()
            if asked is not None:
                keep(asked)
                if record is not None:
                    pass_on(record, asked)
                    record = attached()  # with its mark
            bar(record, asked)
            if record is None:
                finished_examples()
            else:
                live_region(record, asked)


def finished_examples() -> None:
    """What others have waited for: comparisons that ship with the lab."""
    from mtl_core.meta.examples import examples

    every = {each.title: each for each in examples()}
    if not every:
        st.info("The finished comparisons are not there. Press Run: the first curves stand half a second later.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.segmented_control(
            "A finished example",
            list(every),
            default=next(iter(every)),
            required=True,
            key="tasks",
            bind="query-params",
            wrap=True,
        )
        chosen = every[str(title)]
        usual = USUAL_LABELS if USUAL_LABELS in chosen.shots else chosen.shots[0]
        labels = st.segmented_control(
            "Labels of the new task",
            chosen.shots,
            default=usual,
            required=True,
            key="labels",
            bind="query-params",
            wrap=True,
        )
    example(chosen, int(labels or usual))


def example(chosen: Shown, labels: int) -> None:
    from mtl_core.meta.learners import learners

    st.markdown(headline(chosen, labels))
    st.caption(text.plain(chosen.about))
    short = {name: learners[name].term for name in chosen.learners}
    left, right = st.columns(2, gap="medium")
    charts_of_errors(chosen, short, labels, left, right)
    with st.expander("The numbers"):
        numbers_of(chosen, labels, short)
    who_is_compared(chosen)
