"""What the doctor found in a person's own table, each finding with its fix as one click, and each fix a way back."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from mtl_core.data.building import ROW_MINIMUM
from mtl_core.data.describe import split_sizes
from mtl_core.data.doctor import diagnose
from mtl_core.data.findings import MISSING_CODES, Finding
from mtl_core.data.recipe import Recipe
from mtl_core.data.table import Upload, load_for
from mtl_core.registry import InvalidInput
from pages.ui import session
from pages.ui.missing_words import perhaps_missing
from pages.ui.taking_back import Use, ways_back
from pages.ui.text import cut, plain, plural

SHOWN = 8


def show_findings(fingerprint: str, recipe: Recipe, use: Use) -> None:
    """Fixes that were taken, then the gravest findings; `use` takes the upload, a recipe and what that does."""
    plan = session.experiment().plan
    every, rows = _findings(fingerprint, recipe.to_text(), plan.folds, plan.seed)
    ways_back(fingerprint, recipe, use)
    perhaps_missing(fingerprint, [each for each in every if each.code in MISSING_CODES], recipe, use)
    found = [each for each in every if each.code not in MISSING_CODES]
    if found:
        st.markdown(f"**{plain(plural(len(found), 'finding'))} to look at before training**")
    for i, finding in enumerate(found[:SHOWN]):
        _show(fingerprint, finding, f"fix.{fingerprint}.{i}", use)
    if len(found) > SHOWN:
        st.caption(plain(f"{len(found) - SHOWN} more will be shown when these are dealt with."))
    if not every and rows >= ROW_MINIMUM and _can_be_learned(fingerprint, recipe.to_text(), plan.folds, plan.seed):
        st.caption("Nothing was found that would spoil a comparison.")


def _show(fingerprint: str, finding: Finding, key: str, use: Use) -> None:
    with st.container(border=True):
        st.markdown(plain(cut(finding.what, 240)))
        st.caption(plain(finding.why))
        if finding.recipe is not None:
            st.button(plain(finding.fix), key=key, on_click=use, args=(fingerprint, finding.recipe, finding.fix))


@lru_cache(maxsize=16)
def _can_be_learned(fingerprint: str, recipe: str, folds: int, seed: int) -> bool:
    """There is a data set with its splits. The lab keeps it, so that it is not built again for the rest of the page."""
    try:
        split_sizes(session.lab().dataset(Upload(fingerprint, recipe)), folds, seed)
    except InvalidInput:  # said beside the data set
        return False
    return True


@lru_cache(maxsize=16)
def _findings(fingerprint: str, recipe: str, folds: int, seed: int) -> tuple[tuple[Finding, ...], int]:
    """What the doctor says of a run with so many folds, and the number of rows it looked at."""
    chosen = Recipe.from_text(recipe)
    frame = load_for(fingerprint, chosen)[0]
    return diagnose(frame, chosen, folds, seed), len(frame)
