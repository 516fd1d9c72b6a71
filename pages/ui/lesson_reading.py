"""After the run: one's own words, a model answer, why; where to go next; what a teacher needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from pages.ui import lesson_state, session, text
from pages.ui.lesson_cards import every_lesson, open_lesson
from pages.ui.lesson_state import Journey

if TYPE_CHECKING:
    from mtl_core.lessons.base import Lesson, Teacher
    from mtl_core.lessons.walk import Walk


def paragraphs(words: str) -> None:
    """Text of a lesson's file; its paragraphs are parted by blank lines."""
    for part in words.strip().split("\n\n"):
        st.markdown(text.plain(part))


def head(lesson: Lesson | Walk) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("All lessons", icon=":material/arrow_back:", type="tertiary", on_click=st.query_params.clear)
        st.caption(f"about {lesson.minutes} minutes", width="content")
    st.subheader(text.plain(lesson.title), anchor=False)
    st.markdown(f"*{text.plain(lesson.hook)}*")


def reading(lesson: Lesson, now: Journey) -> None:
    turn = f"Turn the dial above (**{text.plain(lesson.dial)}**), say to yourself what will happen, and run again."
    words_and_answer(lesson, now, turn)


def words_and_answer(lesson: Lesson | Walk, now: Journey, change: str) -> None:
    """One's own words first, then a model answer and why. change: the one thing to change, in a sentence."""
    st.divider()
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### In your own words")
        st.text_area(
            text.plain(lesson.explain), key=f"words.{lesson.key}", persist_state="session", placeholder="Two sentences"
        )
        if not now.answer_seen and st.button("Show an answer", key=f"answer.{lesson.key}"):
            now.answer_seen = True
            st.rerun()
        if now.answer_seen:
            st.info(text.plain(lesson.answer))
            st.markdown("##### Change one thing")
            st.markdown(change)
    with right:
        st.markdown("##### Why")
        if now.answer_seen:
            paragraphs(lesson.why)
            for source in lesson.source:
                st.caption(text.plain(source))
        else:
            st.caption("Opens with the answer. Try in your own words first.")


def onward(lesson: Lesson) -> None:
    with st.container(horizontal=True, gap="small"):
        every = every_lesson()
        place = [each.key for each in every].index(lesson.key)
        if place + 1 < len(every):
            st.button(
                f"Next: {text.plain(every[place + 1].title)}",
                icon=":material/arrow_forward:",
                key="next",
                on_click=open_lesson,
                args=(every[place + 1],),
            )
        if st.button("Open on Train", key="train", icon=":material/play_circle:"):
            session.open_settings(lesson.positions[lesson.start].experiment)
        st.button("Start over", key="over", type="tertiary", on_click=lesson_state.restart, args=(lesson,))


def for_teachers(lesson: Lesson) -> None:
    with st.expander("For teachers (gives the answer away)"):
        _sheet(lesson)


def teacher_words(teacher: Teacher) -> None:
    st.markdown(f"**Goal.** {text.plain(teacher.goal)}")
    st.markdown(f"**Belief that it corrects.** {text.plain(teacher.misconception)}")
    st.markdown("**Questions for the class**")
    for prompt in teacher.prompts:
        st.markdown(f"- {text.plain(prompt)}")


def _sheet(lesson: Lesson) -> None:
    teacher_words(lesson.teacher)
    table = [
        {"position": each.label, "gain from": each.expected[0], "gain to": each.expected[1], "seen": each.seen}
        for each in lesson.positions
    ]
    st.dataframe(pd.DataFrame(table), hide_index=True)
    st.caption("Gains in percent of the error alone, as the lab's tests measure them; above 0, sharing helps.")
