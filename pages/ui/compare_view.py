"""What chosen runs look like side by side: answers, curves, gains, costs, settings."""

from __future__ import annotations

import html
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtl_core.registry import InvalidInput
from pages.ui import charts, forms, session, shelf, text
from pages.ui.charts_results import cost_scatter, gain_dots
from pages.ui.live_chart import live_chart
from pages.ui.shelf import Shelved
from pages.ui.verdict_view import DOTS_TIP

NO_PERCENT = "The error alone is so near 0 that a percentage would mislead; this is the difference itself."


def side_by_side(shelved: Sequence[Shelved]) -> None:
    """Everything about the chosen runs, the answer first."""
    view = "-".join(each.run.id for each in shelved)
    every = all_tasks(shelved)
    answers(shelved)
    curves(shelved, view, every)
    gains(shelved, view, every)
    left, right = st.columns([2, 3], gap="medium")
    table = shelf.cost_table(shelved)
    with left:
        cost_chart(shelved, table)
    with right:
        cost_numbers(table)
        settings(shelved)


def all_tasks(shelved: Sequence[Shelved]) -> tuple[str, ...]:
    """Every task of the data, in its order, which fixes the colours; the runs' own where the data is gone."""
    try:
        return tuple(task.name for task in session.lab().dataset(shelved[0].run.experiment.data).tasks)
    except InvalidInput:
        return tuple(dict.fromkeys(task.name for each in shelved for task in each.run.tasks))


def answers(shelved: Sequence[Shelved]) -> None:
    """One sentence a contender, each under its letter in its colour."""
    for contender, sentence in shelf.answers(shelved):
        label, said = html.escape(text.cut(contender.label, 60)), html.escape(sentence)
        spot = f'<span style="color:{contender.shelved.colour}">●</span>'
        st.html(f"{spot} <b>{label}</b>: {said}")
    notes = dict.fromkeys(note for each in shelved for note in each.comparison.notes)
    if notes:
        with st.expander(text.plural(len(notes), "warning")):
            for note in notes:
                st.caption(text.plain(note))


def curves(shelved: Sequence[Shelved], view: str, every: tuple[str, ...]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        quantity = forms.curve_choice("compare.quantity", "validation_error")
        with_alone = st.toggle("Alone too", key="compare.alone", persist_state="session")
        log = st.toggle("Log scale", key="compare.log", persist_state="session")
    panels = shelf.panels(shelved, quantity, every, with_alone)
    live_chart(charts.loss_curves(panels, quantity, log=log, revision=view), "compare-curves")
    st.caption("One panel a task, one colour a run. Solid = together, dashed = alone. Ribbon = 8 of 10 networks.")


def gains(shelved: Sequence[Shelved], view: str, every: tuple[str, ...]) -> None:
    st.markdown("**How much does sharing gain?**")
    found = {task: shelf.gains(shelved, task) for task in shelf.task_names(shelved, every)}
    charts_of = [(task, unit, dots) for task, by_unit in found.items() for unit, dots in by_unit.items()]
    with st.grid(min(max(len(charts_of), 1), 4), min_column_width=300):
        for i, (task, unit, dots) in enumerate(charts_of):
            with st.container():
                st.markdown(text.plain(text.cut(task, 40)))
                live_chart(gain_dots(dots, unit, revision=view), f"compare-gain-{i}")
                if unit != "%":
                    st.caption(NO_PERCENT)
    st.caption(DOTS_TIP)


def cost_chart(shelved: Sequence[Shelved], table: pd.DataFrame) -> None:
    st.markdown("**What does it cost?**")
    tasks = shelf.shared_tasks(shelved)
    dots = shelf.cost_dots(table)
    if not tasks:
        st.caption("These runs have no task in common, so their errors cannot be set against their size.")
    elif dots:
        live_chart(cost_scatter(dots), "compare-cost")
        names = text.plain(text.listing(list(map(text.cut, tasks))))
        st.caption(f"Mean test error on {names}. Filled = together, open = the same run's networks alone.")


def cost_numbers(table: pd.DataFrame) -> None:
    names = [str(name) for name in table if str(name).startswith("error: ")]
    errors = {name: st.column_config.NumberColumn(name, format="%.3g") for name in names}
    st.dataframe(
        table.drop(columns=["together", "colour", "short"]),
        hide_index=True,
        placeholder="",
        column_config={
            "who": st.column_config.TextColumn("Who", pinned=True),
            "parameters": st.column_config.NumberColumn("Parameters", format="localized"),
            "networks": st.column_config.NumberColumn("Networks trained", format="localized"),
            "seconds": st.column_config.NumberColumn("Training (s)", format="%.3g"),
            "microseconds": st.column_config.NumberColumn("One prediction (µs)", format="%.3g"),
            **errors,
            "error": st.column_config.NumberColumn("Mean error", format="%.3g"),
        },
        alt="Parameters, networks, seconds and errors of every way of learning",
    )


def settings(shelved: Sequence[Shelved]) -> None:
    if len(shelved) < 2:
        return
    st.markdown("**Where do their settings differ?**")
    table = shelf.differing_settings(shelved)
    if table.empty:
        st.caption("Nowhere: these runs were made with the same settings.")
        return
    titles = {each.letter: f"{each.letter} {text.cut(shelf.run_title(each.run), 24)}" for each in shelved}
    st.dataframe(table.rename(columns={"setting": "Setting", **titles}), hide_index=True, placeholder="")
