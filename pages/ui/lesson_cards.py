"""All lessons as cards: what each is about, how long it takes, how far one has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mtl_core.lessons.base import lessons
from mtl_core.lessons.walk import walks
from pages.ui import lesson_state, text
from pages.ui.lesson_state import journey

if TYPE_CHECKING:
    from mtl_core.lessons.base import Lesson
    from mtl_core.lessons.walk import Walk


def every_lesson() -> tuple[Lesson | Walk, ...]:
    """All lessons in teaching order, those without a run last."""
    return (*lessons(), *walks())


def cards() -> None:
    st.header("Lessons")
    st.markdown("In each lesson you predict what will happen, let it happen, and find out why. No mathematics needed.")
    with st.grid(min_column_width=280):
        for number, each in enumerate(every_lesson(), 1):
            with st.container(border=True):
                _card(number, each)


def _card(number: int, lesson: Lesson | Walk) -> None:
    now = journey(lesson)
    begun = now.prediction is not None
    st.markdown(f"##### {number}\\. {text.plain(lesson.title)}")
    st.markdown(text.plain(lesson.hook))
    runs = f", {text.plural(len(now.runs), 'run')} so far" if lesson.positions else ""
    state = f" · you predicted{runs}" if begun else ""
    st.caption(f"{lesson.minutes} minutes{state}")
    st.button(
        "Continue" if begun else "Begin",
        key=f"open.{lesson.key}",
        type="secondary" if begun else "primary",
        on_click=open_lesson,
        args=(lesson,),
    )


def open_lesson(lesson: Lesson | Walk) -> None:
    st.query_params.clear()
    lesson_state.remember(lesson, journey(lesson))
