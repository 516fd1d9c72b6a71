"""One lesson on the screen: what it is about, the prediction, the dial, the result, the reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import lesson_state, session, text
from pages.ui.lesson_reading import for_teachers, head, onward, paragraphs, reading
from pages.ui.lesson_result import ACTIVE, live_result
from pages.ui.lesson_state import Journey, journey

if TYPE_CHECKING:
    from mtl_core.lessons.base import Lesson


def one(lesson: Lesson) -> None:
    now = journey(lesson)
    head(lesson)
    left, right = st.columns([1, 1.7], gap="large")
    with left:
        paragraphs(lesson.setting)
        _predict(lesson, now)
    with right, session.guard("The run"):
        position = _controls(lesson, now)
        live_result(lesson, now, position)
    lesson_state.remember(lesson, now)
    if lesson_state.has_met(lesson, now):
        reading(lesson, now)
        onward(lesson)
    for_teachers(lesson)


def _predict(lesson: Lesson, now: Journey) -> None:
    st.markdown("##### Your prediction")
    st.markdown(text.plain(lesson.question))
    if now.prediction is not None:
        st.info(text.plain(lesson.choices[now.prediction].text), icon=":material/lock:")
        return
    lesson_state.commit(lesson, now)


def _controls(lesson: Lesson, now: Journey) -> int:
    """The dial and the button; gives the position that is shown."""
    met = lesson_state.has_met(lesson, now)
    position = st.pills(
        text.plain(lesson.dial),
        range(len(lesson.positions)),
        default=lesson.start,
        required=True,
        format_func=lambda i: text.plain(lesson.positions[i].label),
        key=f"dial.{lesson.key}",
        persist_state="session",
        disabled=not met,
        help=None if met else "Free as soon as your prediction has met its result.",
    )
    position = lesson.start if position is None or not met else position
    record = lesson_state.record_of(now, position)
    active = record is not None and record.status in ACTIVE
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        label = "Run again" if record is not None and not active else "Run"
        if st.button(label, icon=":material/play_arrow:", type="primary", disabled=now.prediction is None or active):
            lesson_state.begin(lesson, now, position)
            lesson_state.remember(lesson, now)
            st.rerun()
        st.caption(text.plain(_outlook(lesson, now, position)), width="content")
    return position


def _outlook(lesson: Lesson, now: Journey, position: int) -> str:
    if now.prediction is None:
        return "Locked until you have made your prediction."
    estimate = session.lab().estimate(lesson.positions[position].experiment)
    networks, seconds = text.plural(estimate.networks, "network"), estimate.seconds
    if seconds is None:
        return networks
    return f"{networks}, {text.about(seconds)}"
