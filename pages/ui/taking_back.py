"""Fixes that were taken on the Data page, and one click back for each of them: the last one first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from mtl_core.data import uploads
from mtl_core.data.recipe import Recipe
from mtl_core.data.taken_back import Fix, from_text, in_force, taken_back, to_text
from mtl_core.registry import InvalidInput
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
        kept[fingerprint] = list(from_text(uploads.beside(fingerprint, _name())))
    return kept[fingerprint]


def _keep(fingerprint: str, fixes: list[Fix]) -> None:
    st.session_state["fixes"][fingerprint] = fixes
    with suppress(OSError, InvalidInput):  # it is a convenience; the fix itself stands in the recipe
        uploads.put_beside(fingerprint, _name(), to_text(fixes))


def _name() -> str:
    return f"fixes-{visitor()}" if visitor() else "fixes"
