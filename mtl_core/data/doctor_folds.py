"""What the doctor finds in the folds that a recipe would train on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from mtl_core.data.base import Dataset
from mtl_core.data.building import build_dataset
from mtl_core.data.columns import plural, short
from mtl_core.data.findings import Finding, emptied, out, without
from mtl_core.data.folds import FOLDS, NEW_CLASS, NO_LABEL, Fault, faults, is_frequent
from mtl_core.data.recipe import Recipe
from mtl_core.data.treatment import thinned, treated
from mtl_core.registry import InvalidInput
from mtl_core.tasks import kinds

FEWER = f"With {FOLDS} folds, which are set on Train, it is not so."
_STAND_IN = "\0row"
"""A feature in place of all others: how rows are dealt does not depend on what they are predicted from."""


def of_folds(frame: pd.DataFrame, recipe: Recipe, folds: int, seed: int) -> Iterator[Finding]:
    """What the folds lack, with another split as the fix where it helps, else without the labels that spoil them."""
    found = faults_of(frame, recipe, folds, seed)
    if not found:
        return
    evenly = replace(recipe, split="", by="")
    left = faults_of(frame, evenly, folds, seed) if recipe.split else found
    fewer = faults_of(frame, recipe, FOLDS, seed) if folds > FOLDS else found
    for fault in found:
        where = (fault.task,) if fault.task in dict(recipe.tasks) else ()
        helps_evenly = not any(each.task in (fault.task, "") for each in left)
        helps_fewer = not any(each.task == fault.task for each in fewer)
        fix = ("Split evenly", evenly) if helps_evenly else _without_labels(frame, recipe, fault)
        if helps_evenly and helps_fewer:
            fix = ()  # the split had its reason
        why = f"{fault.why}{_because(frame, recipe, fault)}{f' {FEWER}' if helps_fewer else ''}"
        yield Finding(fault.code, where, fault.what, why, *fix)


def faults_of(frame: pd.DataFrame, recipe: Recipe, folds: int, seed: int) -> tuple[Fault, ...]:
    """What the folds of a recipe lack; none where it is no data set, which is said in another place."""
    simple = not (recipe.split not in ("", "random") or recipe.group or recipe.query or recipe.each or recipe.boxes)
    if simple and all(
        is_frequent(frame[name], kind in kinds and kinds[kind].needs_classes, folds) for name, kind in recipe.tasks
    ):
        return ()
    try:
        return faults(_dealt(frame, recipe), folds, seed)
    except InvalidInput:
        return ()


def _dealt(frame: pd.DataFrame, recipe: Recipe) -> Dataset:
    """The data set of a recipe as far as its rows, tasks and parts go. The frame's missing cells are empty already."""
    frame = treated(thinned(frame, recipe.rows), (), recipe.columns if recipe.once else ())
    narrow = replace(recipe, features=(_STAND_IN,), categories=(), texts=(), missing=(), once=False, rows=0)
    used = frame[[name for name in narrow.columns if name != _STAND_IN]]
    return build_dataset(used.assign(**{_STAND_IN: np.arange(float(len(frame)))}), narrow, "The table")


def _because(frame: pd.DataFrame, recipe: Recipe, fault: Fault) -> str:
    """Labels of few subjects cannot be spread: a subject is never cut."""
    owner = recipe.group or recipe.query
    if fault.code != NO_LABEL or not owner or fault.task not in frame:
        return ""
    count = frame[owner][frame[fault.task].notna()].nunique()
    return f" All its labels lie in {plural(count, 'value')} of {short(owner)!r}, which are never cut."


def _without_labels(frame: pd.DataFrame, recipe: Recipe, fault: Fault) -> tuple[str, Recipe] | tuple[()]:
    """Classes taken as missing where others are left, or the task left out; nothing where neither mends it."""
    if fault.task not in dict(recipe.tasks):
        return ()
    if fault.code == NEW_CLASS and frame[fault.task].nunique() - len(fault.classes) > 1:
        fixed = emptied(recipe, fault.task, list(fault.classes))
        return f"Take these labels of {short(fault.task)!r} as missing", fixed
    return out([fault.task]), without(recipe, fault.task)
