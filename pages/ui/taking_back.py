"""Fixes that were taken on the Data page, and one click back for each of them: the last one first.

They are kept beside the table, and so is a recipe that no address can carry: both outlive a reload.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from mtl_core.data import uploads
from mtl_core.data.recipe import Recipe
from mtl_core.data.taken_back import Fix, from_text, in_force, taken_back, to_text
from mtl_core.registry import InvalidInput
from pages.ui.data_shelves import ADDRESS_LIMIT
from pages.ui.text import cut, plain, plural
from pages.ui.visitor import visitor

Use = Callable[[str, Recipe, str], None]
"""Takes an upload, a recipe for it and what that does, in the words of the button."""
SHOWN = 3


def ways_back(fingerprint: str, recipe: Recipe, use: Use) -> None:
    """A button for each fix that is still in force."""
    found = in_force(_taken(fingerprint), recipe)
    for i, fix in enumerate(found[:SHOWN]):
        _way_back(fingerprint, i, fix, recipe, use)
    if len(found) > SHOWN:
        with st.expander(plain(plural(len(found) - SHOWN, "earlier fix", "earlier fixes"))):
            for i, fix in enumerate(found[SHOWN:], SHOWN):
                _way_back(fingerprint, i, fix, recipe, use)


def remember(fingerprint: str, fix: Fix) -> None:
    """A fix was taken; beside the table it outlives the session."""
    _keep(fingerprint, [*_taken(fingerprint), fix])


def leave_recipe(fingerprint: str, recipe: Recipe) -> None:
    """Keep a recipe that is too long for the page's address."""
    text = recipe.to_text()
    known: dict[str, str] = st.session_state.setdefault("left", {})
    if len(text) > ADDRESS_LIMIT // 2 and known.get(fingerprint) != text:
        known[fingerprint] = text
        _put(fingerprint, f"recipe-{visitor()}", text)


def left_recipe(fingerprint: str) -> Recipe | None:
    """The recipe that was kept so."""
    text = uploads.beside(fingerprint, f"recipe-{visitor()}")
    return Recipe.from_text(text) if text else None


def _way_back(fingerprint: str, i: int, fix: Fix, recipe: Recipe, use: Use) -> None:
    st.button(
        plain(f"Undo: {cut(fix.what, 70)}"),
        key=f"undo.{fingerprint}.{i}",
        icon=":material/undo:",
        type="tertiary",
        on_click=_take_back,
        args=(fingerprint, fix, recipe, use),
    )


def _take_back(fingerprint: str, fix: Fix, recipe: Recipe, use: Use) -> None:
    _keep(fingerprint, [each for each in _taken(fingerprint) if each != fix])
    use(fingerprint, taken_back(recipe, fix), "")


def _taken(fingerprint: str) -> list[Fix]:
    """The fixes of this visitor on this table, the first one first."""
    kept: dict[str, list[Fix]] = st.session_state.setdefault("fixes", {})
    if fingerprint not in kept:
        kept[fingerprint] = list(from_text(uploads.beside(fingerprint, f"fixes-{visitor()}")))
    return kept[fingerprint]


def _keep(fingerprint: str, fixes: list[Fix]) -> None:
    st.session_state["fixes"][fingerprint] = fixes
    _put(fingerprint, f"fixes-{visitor()}", to_text(fixes))


def _put(fingerprint: str, name: str, text: str) -> None:
    with suppress(OSError, InvalidInput):  # a full disk, a table that was deleted: this session has it all the same
        uploads.put_beside(fingerprint, name, text)
