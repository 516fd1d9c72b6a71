"""Groups of a person's own table as a family of tasks: which table, which column names the group, what to predict."""

from __future__ import annotations

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
from pages.ui.text import cut
from pages.ui.visitor import remember_visitor, visitor

EXAMPLE = Path(__file__).parents[2] / "benchmarks" / "toys" / "schools.csv"
FEWEST_GROUPS = 4
EXAMPLE_COLUMNS = ("school", "math")
"""Group and target that are proposed for a table that has them."""


def own_groups(now: Groups | None) -> Groups:
    """Widgets for a table with groups. Raises `InvalidInput` as long as something is missing.

    now: the groups where the widgets begin, as of a run that was opened.
    """
    remember_visitor()
    tables = uploads_of(visitor())
    st.file_uploader(
        "A table with groups",
        key="meta.file",
        on_change=take,
        label_visibility="collapsed",
        max_upload_size=UPLOAD_LIMIT_MB,
    )
    if problem := st.session_state.get("upload_problem"):
        raise InvalidInput(str(problem))
    fingerprint = _table(tables, now)
    if fingerprint is None:
        if EXAMPLE.is_file():
            st.button("Try it with the schools of the example", key="meta.example", on_click=take_example)
        raise InvalidInput("no table is here yet; drop one in which a column names the group of each row")
    asked = _asked(fingerprint, now)
    group, task = _columns(fingerprint, asked, now)
    return Groups(Upload(fingerprint, _recipe(fingerprint, asked, group, task)), task)


def take() -> None:
    """A file was dropped."""
    file = st.session_state["meta.file"]
    if file is not None:
        bringing.keep(file.getvalue(), file.name)
        _show_newest()


def take_example() -> None:
    bringing.keep(EXAMPLE.read_bytes(), EXAMPLE.name)
    _show_newest()


def _show_newest() -> None:
    st.session_state["meta.table"] = st.session_state.get("upload")


def _table(tables: list[StoredTable], now: Groups | None) -> str | None:
    names = {each.fingerprint: each.reading.filename for each in tables}
    if now is not None and isinstance(now.data, Upload):
        names.setdefault(now.data.fingerprint, "the table of these settings")
    if not names:
        return None
    if st.session_state.get("meta.table") not in names:
        viewed = now.data.fingerprint if now is not None and isinstance(now.data, Upload) else next(iter(names))
        st.session_state["meta.table"] = viewed
    return st.selectbox(
        "Table",
        list(names),
        format_func=lambda each: cut(names[each], 40),
        key="meta.table",
        persist_state="session",
    )


def _asked(fingerprint: str, now: Groups | None) -> ReadAs | None:
    """How the table is read: as it was said on the Data page, else as in the run that was opened."""
    if known := st.session_state.get("roles", {}).get(fingerprint):
        said: ReadAs = known["recipe"].reading
        return said
    if now is None or not isinstance(now.data, Upload) or now.data.fingerprint != fingerprint or not now.data.recipe:
        return None
    return Recipe.from_text(now.data.recipe).reading


def _columns(fingerprint: str, asked: ReadAs | None, now: Groups | None) -> tuple[str, str]:
    """The column of groups, and the one with the number to predict."""
    before = _before(fingerprint, now)
    counts, numbers = _offered(fingerprint, asked)
    groups = list(counts)
    if not groups:
        raise InvalidInput(
            f"no column has {FEWEST_GROUPS} values with {FEWEST_ROWS} rows or more; choose another table"
        )
    first = before[0] if before else EXAMPLE_COLUMNS[0]
    group = st.selectbox(
        "Each of these is a task",
        groups,
        groups.index(first) if first in groups else 0,
        format_func=lambda name: f"{cut(name, 30)} ({counts[name]:,})",
        help="A column whose values are the groups: school, shop, patient. Whole groups are kept unseen.",
        key=f"meta.group.{fingerprint}",
        persist_state="session",
    )
    numbers = [name for name in numbers if name != group]
    if not numbers:
        raise InvalidInput("no other column holds numbers to predict; choose another table")
    first = before[1] if before else EXAMPLE_COLUMNS[1]
    task = st.selectbox(
        "Number to predict",
        numbers,
        numbers.index(first) if first in numbers else len(numbers) - 1,
        format_func=lambda name: cut(name, 40),
        key=f"meta.task.{fingerprint}",
        persist_state="session",
    )
    return group, task


def _before(fingerprint: str, now: Groups | None) -> tuple[str, str] | None:
    if now is None or not isinstance(now.data, Upload) or now.data.fingerprint != fingerprint or not now.data.recipe:
        return None
    return Recipe.from_text(now.data.recipe).group, now.task


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
