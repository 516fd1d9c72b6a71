"""Words that were taken as missing cells, each with one click to keep it as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from mtl_core.data.reading import Reading
from mtl_core.data.recipe import Recipe
from pages.ui.text import cut, plain, plural

FEW, SHOWN = 4, 40
Use = Callable[[str, Recipe], None]


def missing_words(fingerprint: str, reading: Reading, recipe: Recipe, use: Use) -> None:
    """Every word with its column and count; `use` takes the upload and the changed recipe."""
    if not reading.words and not recipe.kept:
        return
    cells = sum(count for *_, count in reading.words)
    title = f"Words taken as missing: {plural(cells, 'cell')}" if cells else "Words kept as values"
    with st.expander(plain(title), expanded=len(reading.words) + len(recipe.kept) <= FEW):
        st.caption("These usually say that there is no value. Keep a word where it means something.")
        for name, word, count in reading.words[:SHOWN]:
            said = f"{cut(word, 20)!r} in {cut(name, 40)!r}, {plural(count, 'cell')}"
            kept = replace(recipe, kept=(*recipe.kept, (name, word)))
            _line(said, "Keep as a value", f"keep.{fingerprint}.{name}.{word}", fingerprint, kept, use)
        if len(reading.words) > SHOWN:
            st.caption(f"{len(reading.words) - SHOWN:,} more")
        for name, word in recipe.kept:
            said = f"{cut(word, 20)!r} in {cut(name, 40)!r} is a value"
            back = replace(recipe, kept=tuple(pair for pair in recipe.kept if pair != (name, word)))
            _line(said, "Take as missing", f"empty.{fingerprint}.{name}.{word}", fingerprint, back, use)


def _line(said: str, label: str, key: str, fingerprint: str, recipe: Recipe, use: Use) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(plain(said), width="content")
        st.button(label, key=key, type="tertiary", on_click=use, args=(fingerprint, recipe))
