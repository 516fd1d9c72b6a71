"""A person's own table on the Data page: drop it, see what was found, correct the roles of its columns."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import pandas as pd
import streamlit as st

from mtl_core.data.base import Source
from mtl_core.data.columns import Column, guess
from mtl_core.data.containers import unpack
from mtl_core.data.encodings import samples
from mtl_core.data.read_as import ReadAs
from mtl_core.data.reading import Reading
from mtl_core.data.recipe import Pairs, Recipe, proposed
from mtl_core.data.table import Upload, load_original, load_upload
from mtl_core.data.taken_back import Fix
from mtl_core.data.treatment import treated
from mtl_core.data.uploads import use_upload
from mtl_core.registry import InvalidInput
from pages.ui import overruling
from pages.ui.bringing import bring
from pages.ui.findings import show_findings
from pages.ui.missing_words import missing_words
from pages.ui.preparing import prepared
from pages.ui.reading_bar import reading_bar
from pages.ui.recipes import recipe_file
from pages.ui.roles import KINDS, ROLES, role_table, to_recipe
from pages.ui.taking_back import leave_recipe, left_recipe, remember
from pages.ui.text import cut, plain, plural

ROWS_IN_SIGHT = 14
EDITOR = {
    "column": st.column_config.TextColumn("Column", pinned=True, width=100),
    "role": st.column_config.SelectboxColumn("Use as", options=ROLES, required=True, width=85),
    "kind": st.column_config.SelectboxColumn("Learn as", options=list(KINDS), width=95),
    "reason": st.column_config.TextColumn("Why", width=185),
    "shape": st.column_config.BarChartColumn("Shape", y_min=0, y_max=1, width=70, color="gray"),
    "examples": st.column_config.TextColumn("Values", width=130),
    "missing": st.column_config.NumberColumn("Missing", format="percent", width=70),
    "found": st.column_config.TextColumn("Found", width=80),
}


def own_table(viewed: Source) -> Source | None:
    """The uploaded table with its roles, or None as long as there is none. Raises `InvalidInput` for odd roles."""
    fingerprint = _fingerprint(viewed)
    bring(fingerprint)
    if fingerprint is None:
        return None
    use_upload(fingerprint)
    with reading_bar():
        return _roles_and_findings(fingerprint, viewed)


def _roles_and_findings(fingerprint: str, viewed: Source) -> Source:
    reading, _ = _facts_for(fingerprint, _kept(fingerprint, viewed)["recipe"])
    drawn = f" drawn from {reading.drawn_from:,}" if reading.drawn_from else ""
    shape = f"{plural(reading.rows, 'row')}{drawn}, {plural(reading.columns, 'column')}"
    st.markdown(f"**{plain(cut(reading.filename, 40))}** · {plain(shape)}")
    how_it_was_read(fingerprint, reading)
    st.caption("Click a cell under Use as to say what a column is for. Learn as counts for tasks only.")
    recipe = edited_recipe(fingerprint, viewed)
    leave_recipe(fingerprint, recipe)
    recipe_file(fingerprint, recipe, reading.filename, use_recipe)
    missing_words(fingerprint, _facts_for(fingerprint, recipe)[0], recipe, use_recipe)
    show_findings(fingerprint, recipe, use_recipe)
    return Upload(fingerprint, recipe.to_text())


def how_it_was_read(fingerprint: str, reading: Reading) -> None:
    """What was decided about the file, and the ways to decide otherwise."""
    kept = st.session_state["roles"][fingerprint]
    if reading.others:
        ask_encoding(fingerprint, reading, f"encoding.{fingerprint}.{kept['turn']}")
    if reading.top:
        key = f"read.{fingerprint}.{kept['turn']}"
        with st.expander(plain(f"How it was read: {reading.in_words()}"), expanded="reading" in kept):
            overruling.first_rows(reading.top, reading)
            asked = kept["recipe"].reading
            overruling.choices(key, asked, overruling.seen(reading), read_again, (fingerprint, key))
    if "problem" in kept:
        st.error(f"{plain(kept['problem'])}.", icon=":material/error:")


def ask_encoding(fingerprint: str, reading: Reading, key: str) -> None:
    """Several encodings fit: let a person see a line in each, and choose."""
    shown = _encoding_samples(fingerprint, reading.encoding, reading.others)
    st.radio(
        "Which of these reads right?",
        list(shown),
        index=list(shown).index(reading.encoding),
        format_func=lambda name: plain(f"{name}: … {' '.join(shown[name].split())} …"),
        key=key,
        on_change=choose_encoding,
        args=(fingerprint, key),
    )


def choose_encoding(fingerprint: str, key: str) -> None:
    """Another encoding was chosen among those that fit."""
    asked = st.session_state["roles"][fingerprint]["recipe"].reading
    _read_as(fingerprint, replace(asked, encoding=st.session_state[key]))


def read_again(fingerprint: str, key: str) -> None:
    """Somebody turned one of the knobs: the same file, read as they say; or the sentence that says why it cannot be."""
    kept = st.session_state["roles"][fingerprint]
    try:
        _read_as(fingerprint, overruling.chosen(key, kept["recipe"].reading))
    except InvalidInput as problem:
        _not_so(fingerprint, problem)
    st.session_state["roles"][fingerprint]["reading"] = True  # somebody is at it, so it stays open


def _read_as(fingerprint: str, asked: ReadAs) -> None:
    """Roles stay where the columns are the same; else they are proposed anew."""
    recipe: Recipe = st.session_state["roles"][fingerprint]["recipe"]
    try:
        reading, columns = _facts(fingerprint, asked=asked)
    except InvalidInput as problem:
        _not_so(fingerprint, problem)
        return
    before = _facts(fingerprint, asked=recipe.reading)[1]
    same = [(each.name, each.type) for each in columns] == [(each.name, each.type) for each in before]
    recipe = recipe if same else _proposal(reading, columns)
    words = asked.in_words(letters=True)
    use_recipe(fingerprint, replace(recipe, reading=asked), f"Read it so: {words}" if words else "Read it as found")


def _not_so(fingerprint: str, problem: InvalidInput) -> None:
    """The table stays as it was read, and so do the widgets."""
    use_recipe(fingerprint, st.session_state["roles"][fingerprint]["recipe"], "")
    st.session_state["roles"][fingerprint]["problem"] = str(problem)


@st.cache_data(max_entries=16, show_spinner=False)
def _encoding_samples(fingerprint: str, encoding: str, others: tuple[str, ...]) -> dict[str, str]:
    content, reading = load_original(fingerprint)
    return samples(unpack(content, reading.filename).content, tuple(sorted({encoding, *others})))


def edited_recipe(fingerprint: str, viewed: Source) -> Recipe:
    """The recipe as it was last edited; widgets forget on a change of page, this does not."""
    roles = _kept(fingerprint, viewed)
    columns = _facts_for(fingerprint, roles["recipe"])[1]
    # a fix replaces the whole table, so it gets an editor of its own
    key = f"{fingerprint}.{roles['turn']}"
    roles["edited"] = _editor(f"roles.{key}", roles)
    recipe = prepared(key, to_recipe(roles["edited"], columns, roles["recipe"]), columns)
    roles["recipe"] = recipe
    return recipe


def _kept(fingerprint: str, viewed: Source) -> dict[str, Any]:
    """What this session knows about a table: its recipe, how its roles were last edited, and a turn for each fix."""
    kept: dict[str, dict[str, Any]] = st.session_state.setdefault("roles", {})
    if fingerprint not in kept:
        first = _first_recipe(fingerprint, viewed)
        kept[fingerprint] = {"edited": _roles(fingerprint, first), "turn": 0, "recipe": first}
    return kept[fingerprint]


def _editor(key: str, roles: dict[str, Any]) -> pd.DataFrame:
    if key not in st.session_state:
        roles["start"] = roles["edited"]
    edited: pd.DataFrame = st.data_editor(
        roles["start"],
        key=key,
        hide_index=True,
        height="auto" if len(roles["start"]) <= ROWS_IN_SIGHT else 35 * ROWS_IN_SIGHT,
        disabled=["column", "found", "missing", "shape", "examples", "reason"],
        placeholder="",
        column_config=EDITOR,
        column_order=list(EDITOR),
        alt="The columns of your table: what each is used as, and how a task is learned",
    )
    return edited


def use_recipe(fingerprint: str, recipe: Recipe, what: str) -> None:
    """Roles and all else as a fix or a saved recipe wants them. what: the words by which it is taken back, if any."""
    kept = st.session_state["roles"]
    if what:
        remember(fingerprint, Fix(what, kept[fingerprint]["recipe"], recipe))
    table = _roles(fingerprint, recipe)
    kept[fingerprint] = {"edited": table, "turn": kept[fingerprint]["turn"] + 1, "recipe": recipe}


def _first_recipe(fingerprint: str, viewed: Source) -> Recipe:
    """As proposed; as it was chosen where this very table is in view already."""
    if isinstance(viewed, Upload) and viewed.fingerprint == fingerprint:
        if viewed.recipe:
            return Recipe.from_text(viewed.recipe)
        if left := left_recipe(fingerprint):
            return left
    known: Recipe | None = st.session_state.get("proposals", {}).get(fingerprint)
    return known or _proposal(*_facts(fingerprint))


def _proposal(reading: Reading, columns: tuple[Column, ...]) -> Recipe:
    rows = reading.rows if reading.drawn_from else 0
    return replace(proposed(columns), rows=rows, reading=reading.asked)


def _roles(fingerprint: str, recipe: Recipe) -> pd.DataFrame:
    return role_table(_facts_for(fingerprint, recipe)[1], recipe)


def _facts_for(fingerprint: str, recipe: Recipe) -> tuple[Reading, tuple[Column, ...]]:
    return _facts(fingerprint, recipe.kept, recipe.missing, recipe.reading)


@lru_cache(maxsize=16)  # Streamlit's own cache would let no bar move outside of it
def _facts(
    fingerprint: str, kept: Pairs = (), missing: Pairs = (), asked: ReadAs | None = None
) -> tuple[Reading, tuple[Column, ...]]:
    """How a table was read, and what its columns seem to be; read from the disk once."""
    frame, reading = load_upload(fingerprint, kept, asked)
    return reading, guess(treated(frame, missing))


def _fingerprint(viewed: Source) -> str | None:
    """The table that was uploaded last, else the one in view."""
    kept: str | None = st.session_state.get("upload")
    return kept or (viewed.fingerprint if isinstance(viewed, Upload) and viewed.fingerprint else None)
