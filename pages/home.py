"""Home: what the lab is, one real answer, three ways in, what ran last."""

from __future__ import annotations

import streamlit as st

from mtl_core.registry import InvalidInput
from pages.ui import arms, charts, session, text
from pages.ui.live_chart import live_chart
from pages.ui.menu import link
from pages.ui.train_actions import ACTIVE
from pages.ui.train_view import EVERY, progress_words
from pages.ui.verdict_view import first_baseline, headline

DOORS = (
    ("Explore", ":material/explore:", "Real tables and made-up worlds are ready to train on.", "data", "Choose data"),
    (
        "My CSV",
        ":material/upload_file:",
        "Bring a table, say what to predict, ask.",
        "data",
        "Upload a table",
    ),
    ("Learn", ":material/school:", "Short lessons: predict what will happen, run, see.", "learn", "Open the lessons"),
)


def doors() -> None:
    """Three ways in."""
    for column, (title, icon, words, page, label) in zip(st.columns(3, gap="medium"), DOORS, strict=True):
        with column, st.container(border=True):
            st.markdown(f"**{title}**")
            st.caption(words)
            link(page, label, icon)


def picture() -> None:
    """The first example: its answer in a sentence over its curves; alive while it still trains."""
    record = session.example()
    if record is None:
        st.info("No example is left in the list of runs. Train makes a new one with one click.")
        return
    st.fragment(_picture, run_every=EVERY if record.status in ACTIVE else None)(record.id)


def _picture(run_id: str) -> None:
    with session.guard("The example"):
        try:
            record = session.lab().run(run_id)
        except InvalidInput:
            st.rerun()
        history = session.lab().history(run_id)
        comparison = session.lab().comparison(run_id)
        data = session.lab().dataset(record.experiment.data)
        every = tuple(task.name for task in data.tasks)
        verdicts = first_baseline(comparison.verdicts)
        answer = headline(verdicts) if record.status == "finished" else progress_words(record)
        asked = text.plural(len(history.tasks), "question")
        st.markdown(f"**{asked} about {data.n_rows:,} penguins, learned together and alone.** {text.plain(answer)}")
        panels = arms.panels(history, "validation_error", every)
        live_chart(charts.loss_curves(panels, "validation_error", revision=run_id), "home")
        st.caption("Error on rows not trained on, by training step: lower is better. Solid = together, dashed = alone.")
        link("train", "Open this run and change something", ":material/play_circle:")


def last_runs() -> None:
    """The newest runs, each a link to Train."""
    runs = session.lab().runs(limit=5)
    if not runs:
        return
    st.markdown("**Last runs**")
    for run in runs:
        name, when = text.plain(text.cut(run.name or run.data_title, 60)), run.created.astimezone()
        label = f"{name} · {text.STATUSES[run.status]} · {when:%d %b %H:%M}"
        link("train", label, query={"run": run.id})


session.frame()
st.header("Does learning several tasks together help each of them, or hurt?")
st.caption(
    "MTL Lab trains neural networks on several tasks together and, at the same time, on each task alone, and tells you "
    "what sharing did to every task, how sure that is, and what it cost."
)
with session.guard("The doors"):
    doors()
left, right = st.columns([2.4, 1], gap="large")
with left, session.guard("The example"):
    picture()
with right, session.guard("The list of runs"):
    last_runs()
