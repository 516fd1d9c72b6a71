"""How the rows of a person's own table are split, and how its columns become inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from mtl_core.data.boxes import FORMS, BoxColumns
from mtl_core.data.columns import Column
from mtl_core.data.cuts import cuts
from mtl_core.data.findings import without
from mtl_core.data.inputs import Inputs
from mtl_core.data.recipe import Recipe
from pages.ui import forms
from pages.ui.text import cut, listing, plain

FIRST_SPLIT = "spread"


def prepared(key: str, recipe: Recipe, columns: Sequence[Column]) -> Recipe:
    """The recipe with the split and the inputs that are chosen here; closed, it says what they are."""
    with st.popover("Split and inputs", icon=":material/tune:", width="stretch"):
        rows, cells = st.tabs(["Test rows", "Inputs"])
        with rows:
            recipe = _split(key, recipe, columns)
        with cells:
            recipe = replace(recipe, inputs=forms.fill(Inputs, f"inputs.{key}", recipe.inputs.settings()))
    st.caption(plain(in_words(recipe)))
    return replace(recipe, boxes=tuple(_box(key, box) for box in recipe.boxes))


def _box(key: str, box: BoxColumns) -> BoxColumns:
    """What the four columns of a box say, in their order."""
    names = ", ".join(cut(name, 16) for name in box.columns)
    form = st.selectbox(
        plain(f"What {names} say of {cut(box.name, 20)!r}"),
        list(FORMS),
        list(FORMS).index(box.form),
        format_func=FORMS.__getitem__,
        key=f"box.{key}.{box.name}.{names}",
        persist_state="session",
    )
    return replace(box, form=form or box.form)


def in_words(recipe: Recipe) -> str:
    """How rows are split, and what of the inputs is not at its default."""
    method = cuts[recipe.split or FIRST_SPLIT]
    by = f" by {cut(recipe.by, 30)!r}" if recipe.by else ""
    whole = f", rows of one {cut(recipe.group or recipe.query, 30)!r} together" if recipe.group or recipe.query else ""
    return listing(
        [f"Rows are split: {method.title.lower()}{by}{whole}", *forms.differences(recipe.inputs)], last="and"
    )


def _split(key: str, recipe: Recipe, columns: Sequence[Column]) -> Recipe:
    names = [FIRST_SPLIT, *(name for name in cuts if name != FIRST_SPLIT)]
    chosen = st.selectbox(
        "How rows are split",
        names,
        names.index(recipe.split or FIRST_SPLIT),
        format_func=lambda name: cuts[name].label(),
        key=f"split.{key}",
        persist_state="session",
    )
    method = cuts[chosen or FIRST_SPLIT]
    st.caption(plain(method.summary()))
    if method.name == FIRST_SPLIT:
        return replace(recipe, split="", by="")
    by = _by(key, method.needs, recipe, columns) if method.needs else ""
    if method.needs == "part" and by in recipe.features:
        recipe = without(recipe, by)
        st.caption(plain(f"{cut(by, 40)!r} says where a row belongs, so it is not used as a feature."))
    return replace(recipe, split=method.name, by=by)


def _by(key: str, needs: str, recipe: Recipe, columns: Sequence[Column]) -> str:
    tasks = dict(recipe.tasks)
    able = [column for column in columns if column.name not in tasks and _able(column, needs)]
    names = [column.name for column in sorted(able, key=lambda column: column.type != "date")]
    if not names:
        st.caption(f"No column of this table seems to say the {needs} of a row.")
        return ""
    by = st.selectbox(
        f"Column that says the {needs} of each row",
        names,
        names.index(recipe.by) if recipe.by in names else 0,
        format_func=lambda name: cut(name, 40),
        key=f"by.{key}.{needs}",
        persist_state="session",
    )
    return by or ""


def _able(column: Column, needs: str) -> bool:
    if needs == "time":
        return column.type in ("date", "number", "code", "id") and column.distinct > 2
    return column.type in ("code", "category", "number") and column.distinct <= 50
