"""What the doctor found in a person's own table, each finding with its fix as one click."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import streamlit as st

from mtl_core.data.building import ROW_MINIMUM
from mtl_core.data.doctor import diagnose
from mtl_core.data.findings import MISSING_CODES, Finding
from mtl_core.data.recipe import Recipe
from mtl_core.data.table import load_upload
from pages.ui.missing_words import perhaps_missing
from pages.ui.text import cut, plain, plural

SHOWN, NAMED = 8, 4
Use = Callable[[str, Recipe], None]


def show_findings(fingerprint: str, recipe: Recipe, use: Use) -> None:
    """The gravest findings first; `use` takes the upload and the recipe of a fix."""
    every, rows = _findings(fingerprint, recipe.to_text())
    perhaps_missing(fingerprint, [each for each in every if each.code in MISSING_CODES], recipe, use)
    found = [each for each in every if each.code not in MISSING_CODES]
    if found:
        st.markdown(f"**{plain(plural(len(found), 'finding'))} to look at before training**")
    for i, finding in enumerate(found[:SHOWN]):
        _show(fingerprint, finding, f"fix.{fingerprint}.{i}", use)
    if len(found) > SHOWN:
        st.caption(plain(f"{len(found) - SHOWN} more will be shown when these are dealt with."))
    if not every and rows >= ROW_MINIMUM:
        st.caption("Nothing was found that would spoil a comparison.")
    if recipe.missing or recipe.once:
        _undo(fingerprint, recipe, use)


def _show(fingerprint: str, finding: Finding, key: str, use: Use) -> None:
    with st.container(border=True):
        st.markdown(plain(cut(finding.what, 240)))
        st.caption(plain(finding.why))
        if finding.recipe is not None:
            st.button(plain(finding.fix), key=key, on_click=use, args=(fingerprint, finding.recipe))


def _undo(fingerprint: str, recipe: Recipe, use: Use) -> None:
    cells = ", ".join(
        f"{cut(text.removesuffix('.0'), 16)!r} in {cut(name, 24)!r}" for name, text in recipe.missing[:NAMED]
    )
    more = f" and {len(recipe.missing) - NAMED:,} more" if len(recipe.missing) > NAMED else ""
    emptied = plural(len(recipe.missing), "value") + f" taken as missing ({cells}{more})" if recipe.missing else ""
    st.caption(plain(" and ".join(filter(None, [emptied, "repeated rows used once" if recipe.once else ""]))))
    plainly = replace(recipe, missing=(), once=False)
    st.button("Use all cells and rows again", key=f"unfix.{fingerprint}", on_click=use, args=(fingerprint, plainly))


@lru_cache(maxsize=16)
def _findings(fingerprint: str, recipe: str) -> tuple[tuple[Finding, ...], int]:
    """What the doctor says, and the number of rows it looked at."""
    chosen = Recipe.from_text(recipe)
    frame = load_upload(fingerprint, chosen.kept)[0]
    return diagnose(frame, chosen), len(frame)
