"""Groups of a person's own table as a family of tasks: which table, which column names the group, what to predict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

from mtl_core.data.read_as import ReadAs
from mtl_core.data.recipe import Recipe
from mtl_core.data.table import Upload, load_upload
from mtl_core.data.upload_folders import StoredTable, uploads_of
from mtl_core.meta.groups import FEWEST_ROWS, Groups, recipe_of
from mtl_core.registry import InvalidInput
from mtl_core.settings import UPLOAD_LIMIT_MB
from pages.ui import bringing
from pages.ui.text import cut, plain
from pages.ui.visitor import remember_visitor, visitor

EXAMPLE = Path(__file__).parents[2] / "benchmarks" / "toys" / "schools.csv"
FEWEST_GROUPS = 4
EXAMPLE_COLUMNS = ("school", "math")
"""Group and target that are proposed for a table that has them."""
ELSEWHERE = "elsewhere"
"""Stands for a table that is no upload, as that of a run that a program handed in."""


def own_groups(now: Groups | None, key: Callable[[str], str]) -> Groups:
    """Widgets for a table with groups. Raises `InvalidInput` as long as something is missing.

    now: the groups where the widgets begin, as of a run that was opened; they are kept whole, with a recipe of any
    kind, as long as nothing else is chosen. key: of a widget, anew wherever widgets begin anew.
    """
    remember_visitor()
    tables = uploads_of(visitor())
    st.file_uploader(
        "A table with groups",
        key="meta.file",
        on_change=take,
        args=(key("table"),),
        label_visibility="collapsed",
        max_upload_size=UPLOAD_LIMIT_MB,
    )
    if problem := st.session_state.get("upload_problem"):
        raise InvalidInput(str(problem))
    fingerprint = _table(tables, now, key("table"))
    if fingerprint is None:
        if EXAMPLE.is_file():
            st.button(
                "Try it with the schools of the example",
                key="meta.example",
                on_click=take_example,
                args=(key("table"),),
            )
        raise InvalidInput("no table is here yet; drop one in which a column names the group of each row")
    if now is not None and fingerprint == ELSEWHERE:
        st.caption(f"Each of its groups is a task, and what is predicted is {plain(cut(now.task, 40))}.")
        return now
    before = _before(fingerprint, now)
    asked = _asked(fingerprint, before, key)
    wanted = (before.group, now.task) if now is not None and before is not None else None
    group, task = _columns(fingerprint, asked, wanted, key)
    if now is not None and before is not None and (asked, (group, task)) == (before.reading, wanted):
        return now
    return Groups(Upload(fingerprint, _recipe(fingerprint, asked, group, task)), task)


def take(chosen: str) -> None:
    """A file was dropped. chosen: key of the table in view."""
    file = st.session_state["meta.file"]
    if file is not None:
        bringing.keep(file.getvalue(), file.name)
        _show_newest(chosen)


def take_example(chosen: str) -> None:
    bringing.keep(EXAMPLE.read_bytes(), EXAMPLE.name)
    _show_newest(chosen)


def _show_newest(chosen: str) -> None:
    st.session_state[chosen] = st.session_state.get("upload")


def _table(tables: list[StoredTable], now: Groups | None, chosen: str) -> str | None:
    names = {each.fingerprint: each.reading.filename for each in tables}
    first = None if now is None else now.data.fingerprint if isinstance(now.data, Upload) else ELSEWHERE
    if first is not None:
        names.setdefault(first, "the table of these settings")
    if not names:
        return None
    if st.session_state.get(chosen) not in names:
        st.session_state[chosen] = first or next(iter(names))
    return st.selectbox(
        "Table",
        list(names),
        format_func=lambda each: cut(names[each], 40),
        key=chosen,
        persist_state="session",
    )


def _asked(fingerprint: str, before: Recipe | None, key: Callable[[str], str]) -> ReadAs | None:
    """How the table is read: as in the run that was opened; else, or where it was said anew since, as on Data."""
    known = st.session_state.get("roles", {}).get(fingerprint)
    said: ReadAs | None = known["recipe"].reading if known else None
    if before is None:
        return said
    first = st.session_state.setdefault(key(f"said.{fingerprint}"), said)
    return before.reading if said is None or said == first else said


def _columns(
    fingerprint: str, asked: ReadAs | None, wanted: tuple[str, str] | None, key: Callable[[str], str]
) -> tuple[str, str]:
    """The column of groups, and the one with the number to predict. wanted: those of the settings, always offered."""
    counts, numbers = _offered(fingerprint, asked)
    groups, first = list(counts), wanted or EXAMPLE_COLUMNS
    if wanted:
        groups, numbers = list(dict.fromkeys([*groups, wanted[0]])), list(dict.fromkeys([*numbers, wanted[1]]))
    if not groups:
        raise InvalidInput(
            f"no column has {FEWEST_GROUPS} values with {FEWEST_ROWS} rows or more; choose another table"
        )
    group = st.selectbox(
        "Each of these is a task",
        groups,
        groups.index(first[0]) if first[0] in groups else 0,
        format_func=lambda name: f"{cut(name, 30)} ({counts[name]:,})" if name in counts else cut(name, 30),
        help="A column whose values are the groups: school, shop, patient. Whole groups are kept unseen.",
        key=key(f"group.{fingerprint}"),
        persist_state="session",
    )
    numbers = [name for name in numbers if name != group]
    if not numbers:
        raise InvalidInput("no other column holds numbers to predict; choose another table")
    task = st.selectbox(
        "Number to predict",
        numbers,
        numbers.index(first[1]) if first[1] in numbers else len(numbers) - 1,
        format_func=lambda name: cut(name, 40),
        key=key(f"task.{fingerprint}"),
        persist_state="session",
    )
    return group, task


def _before(fingerprint: str, now: Groups | None) -> Recipe | None:
    """Roles of the columns in the settings where the widgets begin, where they are of this table."""
    if now is None or not isinstance(now.data, Upload) or now.data.fingerprint != fingerprint or not now.data.recipe:
        return None
    return Recipe.from_text(now.data.recipe)


def group_columns(frame: pd.DataFrame) -> dict[str, int]:
    """Columns that can name groups, with their number of values: in the table's order, measured numbers last."""
    counts = {str(name): frame[name].value_counts() for name in frame}
    found = [name for name, each in counts.items() if (each >= FEWEST_ROWS).sum() >= FEWEST_GROUPS]
    ordered = sorted(found, key=lambda name: pd.api.types.is_float_dtype(frame[name]))
    return {name: len(counts[name]) for name in ordered}


def number_columns(frame: pd.DataFrame) -> list[str]:
    """Columns of numbers with more than two values."""
    kept = [name for name in frame if pd.api.types.is_numeric_dtype(frame[name]) and frame[name].nunique() > 2]
    return [str(name) for name in kept]


@st.cache_data(max_entries=16, show_spinner="Looking at the table")
def _offered(fingerprint: str, asked: ReadAs | None) -> tuple[dict[str, int], list[str]]:
    """Columns that may name groups, and those that may be predicted; worked out once for each table."""
    frame, _ = load_upload(fingerprint, (), asked)
    return group_columns(frame), number_columns(frame)


@st.cache_data(max_entries=64, show_spinner="Looking at the table")
def _recipe(fingerprint: str, asked: ReadAs | None, group: str, task: str) -> str:
    return recipe_of(*load_upload(fingerprint, (), asked), group, task).to_text()
