"""A recipe as a file: saved from a person's own table, and applied to next month's after a look at what differs."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from mtl_core.data.recipe import Recipe
from mtl_core.data.saved import Difference, SavedRecipe, differences, fitted, saved
from mtl_core.data.table import load_for
from mtl_core.registry import InvalidInput
from pages.ui import session
from pages.ui.taking_back import Use
from pages.ui.text import cut, plain, plural

LIMIT_MB = 1
SHOWN = 12


def recipe_file(fingerprint: str, recipe: Recipe, filename: str, use: Use) -> None:
    """Save the recipe, or apply one; `use` takes the upload, the recipe and what it does."""
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Save recipe",
            lambda: _saved(fingerprint, recipe.to_text(), filename).encode(),
            f"{Path(filename).stem[:60]} recipe.json",
            "application/json",
            icon=":material/download:",
            key=f"recipe.save.{fingerprint}",
            on_click="ignore",
            help="Roles, fixes, split and inputs as a file, with how each column looks; apply it to next month's table",
        )
        with st.popover("Apply a recipe", icon=":material/rule:"):
            st.file_uploader(
                "Recipe file",
                key="recipe.file",
                on_change=take,
                label_visibility="collapsed",
                max_upload_size=LIMIT_MB,
            )
            st.caption("A JSON file that was saved here or by the command line. You see what differs before it counts.")
    if problem := st.session_state.get("recipe.problem"):
        st.error(session.as_sentence(problem), icon=":material/error:")
    if found := st.session_state.get("recipe.found"):
        try:
            _ask(fingerprint, found, use)
        except InvalidInput as problem:
            st.error(session.as_sentence(str(problem)), icon=":material/error:")
            st.button("Leave it", key="recipe.leave", on_click=forget)


def take() -> None:
    """A file was dropped: keep the recipe in it, or the sentence that says why there is none."""
    forget()
    file = st.session_state["recipe.file"]
    if file is None:
        return
    try:
        st.session_state["recipe.found"] = SavedRecipe.from_text(file.getvalue().decode("utf-8", "replace"))
    except InvalidInput as problem:
        st.session_state["recipe.problem"] = f"{cut(file.name, 40)}: {problem}"


def forget() -> None:
    for key in ("recipe.found", "recipe.problem"):
        st.session_state.pop(key, None)


def _ask(fingerprint: str, past: SavedRecipe, use: Use) -> None:
    """What differs, and the button that applies the recipe all the same."""
    found = _differences(fingerprint, past.to_text())
    with st.container(border=True, key="recipe-differences"):
        origin = f" of {cut(past.filename, 40)!r}" if past.filename else ""
        if not found:
            st.markdown(plain(f"This table fits the recipe{origin}: the same columns, the same kinds of values."))
        else:
            st.markdown(f"**{plain(plural(len(found), 'difference') + ' from the table')}** {plain(origin)}")
        for each in found[:SHOWN]:
            st.markdown(f"- {':material/block: ' if each.stops else ''}{plain(each.what)}")
        if len(found) > SHOWN:
            st.caption(f"{len(found) - SHOWN:,} more")
        _decide(fingerprint, past, found, use)


def _decide(fingerprint: str, past: SavedRecipe, found: tuple[Difference, ...], use: Use) -> None:
    left = fitted(past.recipe, load_for(fingerprint, past.recipe)[0])
    gone = [name for name in past.recipe.columns if name not in left.columns]
    label = "Apply it all the same" if found else "Apply it"
    if gone:
        label = f"Apply it without {cut(gone[0], 20)!r}" + (f" and {len(gone) - 1} more" if len(gone) > 1 else "")
    with st.container(horizontal=True, gap="small"):
        st.button(plain(label), type="primary", key="recipe.apply", on_click=_apply, args=(fingerprint, left, use))
        st.button("Leave it", key="recipe.leave", on_click=forget)


def _apply(fingerprint: str, recipe: Recipe, use: Use) -> None:
    forget()
    use(fingerprint, recipe, "Apply a recipe")


@st.cache_data(max_entries=16, show_spinner=False)
def _saved(fingerprint: str, recipe: str, filename: str) -> str:
    chosen = Recipe.from_text(recipe)
    return saved(load_for(fingerprint, chosen)[0], chosen, filename).to_text()


@st.cache_data(max_entries=16, show_spinner=False)
def _differences(fingerprint: str, past: str) -> tuple[Difference, ...]:
    found = SavedRecipe.from_text(past)
    return differences(found, load_for(fingerprint, found.recipe)[0])
