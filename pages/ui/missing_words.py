"""Cells that say, or may say, that there is no value: what was taken as missing, and what is proposed to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from mtl_core.data.findings import Finding, merged
from mtl_core.data.reading import Reading
from mtl_core.data.recipe import Recipe
from pages.ui.taking_back import Use
from pages.ui.text import cut, plain, plural

FEW, SHOWN = 4, 40


def missing_words(fingerprint: str, reading: Reading, recipe: Recipe, use: Use) -> None:
    """Every word that was taken, with its column and count; `use` takes the upload, a recipe and what it does."""
    if not reading.words and not recipe.kept:
        return
    cells = sum(count for *_, count in reading.words)
    title = f"Words taken as missing: {plural(cells, 'cell')}" if cells else "Words kept as values"
    with st.expander(plain(title), expanded=len(reading.words) + len(recipe.kept) <= FEW):
        st.caption("Programs write these where there is no value. Keep a word where it means something.")
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


def perhaps_missing(fingerprint: str, found: Sequence[Finding], recipe: Recipe, use: Use) -> None:
    """Numbers and words that may say that there is no value: a click for each column, and one for all."""
    if not found:
        return
    with st.container(border=True, key=f"perhaps-{fingerprint}"):
        st.markdown("**Is there no value in these cells?**")
        st.caption("They count as they stand until you say so.")
        if len(found) > 1:
            label = f"Take all as missing, in {plural(len(found), 'column')}"
            all_of_them = merged(recipe, found)
            st.button(label, key=f"missing.{fingerprint}.all", on_click=use, args=(fingerprint, all_of_them, label))
        for finding in found[:FEW]:
            _proposal(fingerprint, finding, use)
        if len(found) > FEW:
            with st.expander(plain(plural(len(found) - FEW, "more column", "more columns"))):
                for finding in found[FEW:SHOWN]:
                    _proposal(fingerprint, finding, use)


def _proposal(fingerprint: str, finding: Finding, use: Use) -> None:
    if finding.recipe is not None:
        key = f"missing.{fingerprint}.{finding.columns[0]}"
        tip = f"{finding.what} {finding.why}"
        _line(cut(finding.brief, 120), "Take as missing", key, fingerprint, finding.recipe, use, tip)


def _line(said: str, label: str, key: str, fingerprint: str, recipe: Recipe, use: Use, tip: str = "") -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(plain(said), width="content")
        help_ = plain(tip) if tip else None
        st.button(label, key=key, on_click=use, args=(fingerprint, recipe, f"{label}: {said}"), help=help_)
