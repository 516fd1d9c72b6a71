"""Home: what the lab is, one real answer, three ways in, what ran last."""

from __future__ import annotations

import streamlit as st

from pages.ui import session, text
from pages.ui.charts_results import gain_dots, reach
from pages.ui.live_chart import live_chart
from pages.ui.menu import link
from pages.ui.verdict_view import answer, gains

DOORS: tuple[tuple[str, str, str, str, str, dict[str, str]], ...] = (
    (
        "Explore",
        ":material/explore:",
        "Real tables and made-up worlds are ready.",
        "data",
        "Choose data",
        {"shelf": "real"},
    ),
    (
        "My CSV",
        ":material/upload_file:",
        "Bring a table, say what to predict, ask.",
        "data",
        "Upload a table",
        {"shelf": "table"},
    ),
    (
        "Learn",
        ":material/school:",
        "Short lessons: predict what will happen, run, see.",
        "learn",
        "Open the lessons",
        {},
    ),
)


def doors() -> None:
    """Three ways in."""
    for column, (title, icon, words, page, label, query) in zip(st.columns(3, gap="medium"), DOORS, strict=True):
        with column, st.container(border=True):
            st.markdown(f"**{title}**")
            st.caption(words)
            link(page, label, icon, query or None)


EXAMPLES = {
    "Four related tasks in a narrow trunk": "When the tasks have everything in common",
    "Four unrelated tasks in a narrow trunk": "When they have nothing in common",
}
"""Runs that came with the lab, by name, and what one sees in them."""


def picture() -> None:
    """The same network on related and on unrelated tasks: the answer turns."""
    found = {words: record for name, words in EXAMPLES.items() if (record := session.example(name))}
    if not found:
        st.info("The example runs were deleted or renamed. Train makes a new one with one click.")
        return
    dots = {words: gains(session.lab().comparison(record.id).verdicts) for words, record in found.items()}
    span = max(reach(each) for each in dots.values())
    for column, (words, record) in zip(st.columns(2, gap="medium"), found.items(), strict=False):
        with column:
            st.markdown(f"**{words}**")
            st.markdown(text.plain(answer(session.lab().comparison(record.id).verdicts)))
            live_chart(gain_dots(dots[words], revision=record.id, span=span), f"home-{record.id}")
            link("train", "Open this run", ":material/play_circle:", query={"run": record.id})
    st.caption(
        "Each dot: how much lower the error is when the tasks are learned together; bar = 95 % interval. Blue = helps, "
        "vermilion = hurts, grey = no clear difference, also where a bar just misses 0: several tasks are asked about "
        "at once. Same width: each twin alone is as wide as the shared network; same size: the twins "
        "together have as many parameters as it has."
    )


def last_runs() -> None:
    """The newest runs, each a link to Train."""
    runs = session.lab().records(limit=5)
    if not runs:
        return
    st.markdown("**Last runs**")
    for run in runs:
        name, when = text.plain(text.cut(run.name or run.data_title, 60)), run.created.astimezone()
        label = f"{name} · {text.STATUSES[run.status]} · {when:%d %b %H:%M}"
        page, query = session.place_of(run)
        link(page, label, query=query)


session.frame()
st.header("Does learning several tasks together help each of them, or hurt?")
st.caption(
    "MTL Lab trains neural networks on several tasks together and, at the same time, on each task alone, and tells you "
    "what sharing did to every task, how sure that is, and what it cost."
)
with session.guard("The doors"):
    doors()
left, right = st.columns([2.4, 1], gap="large")
with left, session.guard("The examples"):
    picture()
with right, session.guard("The list of runs"):
    last_runs()
