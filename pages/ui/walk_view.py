"""A lesson without a run: walks over the map of two losses. Predict, watch, read why, take another rule."""

from __future__ import annotations

import streamlit as st

from mtl_core.lessons.walk import Map, Walk
from mtl_core.weighting.base import weightings
from pages.ui import lesson_state, text
from pages.ui.charts_lessons import walk_chart
from pages.ui.lesson_reading import head, paragraphs, teacher_words, words_and_answer
from pages.ui.lesson_state import Journey, journey
from pages.ui.live_chart import live_chart

FIRST = "equal"
"""The rule that the question is about."""


def walk(lesson: Walk) -> None:
    now = journey(lesson)
    head(lesson)
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        paragraphs(lesson.setting)
        _predict(lesson, now)
    with right:
        _map(lesson, now)
    lesson_state.remember(lesson, now)
    if now.prediction is not None:
        words_and_answer(lesson, now, "Choose another rule above the map, or let the first loss be ten times smaller.")
        st.button("Start over", key="over", type="tertiary", on_click=lesson_state.restart, args=(lesson,))
    with st.expander("For teachers (gives the answer away)"):
        teacher_words(lesson.teacher)


def _predict(lesson: Walk, now: Journey) -> None:
    st.markdown("##### Your prediction")
    st.markdown(text.plain(lesson.question))
    if now.prediction is None:
        lesson_state.commit(lesson, now)
        return
    said, found, every = lesson.choices[now.prediction], lesson.maps[0].arrived(FIRST), lesson.maps[0].walks[FIRST]
    right = "You were right" if said.arrive == found else "It is not so"
    st.info(text.plain(said.text), icon=":material/lock:")
    st.markdown(f"**{right}: {found} of {len(every)} reach the black line.** Move them back along their way and see.")


def _map(lesson: Walk, now: Journey) -> None:
    """The walks so far: before the prediction only the starts are shown."""
    if now.prediction is None:
        live_chart(walk_chart(lesson.maps[0], FIRST, 0.0, revision="start"), "walk")
        st.caption("Circles = starts. Shaded = low. Black line = nothing can get better for one loss alone.")
        return
    rules = list(lesson.maps[0].walks)
    rule = st.pills(
        "Who combines the two gradients",
        rules,
        default=FIRST,
        required=True,
        format_func=lambda name: weightings[name].term.capitalize() if name == FIRST else weightings[name].term,
        key=f"rule.{lesson.key}",
        persist_state="session",
        wrap=True,
    )
    place = st.segmented_control(
        "The losses",
        range(len(lesson.maps)),
        default=0,
        required=True,
        format_func=lambda i: text.plain(lesson.maps[i].title),
        key=f"map.{lesson.key}",
        persist_state="session",
        label_visibility="collapsed",
    )
    share = st.slider(
        "How far along the way", 0, 100, 100, format="%d %%", key=f"way.{lesson.key}", persist_state="session"
    )
    shown = lesson.maps[place or 0]
    live_chart(walk_chart(shown, rule or FIRST, share / 100, revision=f"{rule}-{place}"), "walk")
    st.caption(f"{weightings[rule or FIRST].title}: {_ends(shown, rule or FIRST)}")


def _ends(shown: Map, rule: str) -> str:
    """Where the walkers of a rule end."""
    found, every = shown.arrived(rule), len(shown.walks[rule])
    return f"{found} of {every} reach the black line. Circles = starts, stars = ends, shaded = low."
