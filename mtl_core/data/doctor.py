"""What would spoil a comparison, found before anything is trained: each finding says why, and offers a changed recipe.

A finding is a suspicion, never a deed: nothing changes until a person takes the fix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from mtl_core.data.boxes import FORMS, find_boxes
from mtl_core.data.columns import CATEGORY_LIMIT, as_text, guess, plural, short
from mtl_core.data.doctor_folds import FEWER, faults_of, of_folds
from mtl_core.data.doctor_leaks import LEAK_CHECKS
from mtl_core.data.doctor_rows import ROW_CHECKS, weights
from mtl_core.data.findings import Finding, emptied, listed, out, without
from mtl_core.data.folds import FOLDS
from mtl_core.data.pieces import each_told
from mtl_core.data.prepare import TARGET_LIMIT
from mtl_core.data.recipe import Recipe
from mtl_core.data.suspects import counted, missing_words, odd_texts, sentinels, wild_values
from mtl_core.data.treatment import treated
from mtl_core.tasks import kinds

FEW_LABELS, FEW_OF_A_CLASS = 30, 10
ONE_VALUE = 0.99
FEW_TEXTS = 50
SCALES = 100
FEW, CONSTANT = "few-labels", "nearly-constant"
SPLITS = ("given-split", "time-order")
"""Findings that propose another split."""


def diagnose(frame: pd.DataFrame, recipe: Recipe, folds: int = FOLDS, seed: int = 0) -> tuple[Finding, ...]:
    """All findings about a table as a recipe uses it, the gravest first. Columns that are not there are passed over.

    folds, seed: of the run that is planned; what its folds lack is found too.
    """
    recipe = recipe.without(set(recipe.columns) - set(frame.columns))
    frame = treated(frame, recipe.missing)
    found = [*_too_large(frame, recipe), *weights(frame, recipe)]
    frame, nothing_left = _measurable(frame)
    checks = (*LEAK_CHECKS, *ROW_CHECKS, _boxes, _labels, _classes, _odd_cells, _wild, _scales, _empty)
    for check in each_told("Looking for what would spoil a comparison", checks, frame.size):
        found += [each for each in check(frame, recipe) if not nothing_left.intersection(each.columns)]
    hopeless = {name for each in found if each.code in (FEW, CONSTANT) for name in each.columns}
    found += [each for each in of_folds(frame, recipe, folds, seed) if not hopeless.intersection(each.columns)]
    return tuple(_usable(_with_sound_folds(finding, frame, folds, seed)) for finding in found)


def _too_large(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    """Numbers that `build_dataset` refuses, infinite ones among them."""
    for name in (name for name in recipe.columns if name != recipe.weight):
        column = frame[name]
        if not pd.api.types.is_float_dtype(column) or not (far := column.abs() > TARGET_LIMIT).any():
            continue
        texts = list(dict.fromkeys(as_text(column[far])))
        where = plural(int(far.sum()), "row")
        what = f"Column {name!r} has numbers beyond {TARGET_LIMIT:g} in {where}: {listed(texts)}."
        why = "They have no square in single precision, so nothing can be trained with them."
        if len(texts) <= FEW_TEXTS and (column.notna() & ~far).any():
            fix = f"Take them as missing in {short(name)!r}", emptied(recipe, name, texts)
        else:
            fix = out([name]), without(recipe, name)
        yield Finding("too-large", (name,), what, why, *fix)


def _measurable(frame: pd.DataFrame) -> tuple[pd.DataFrame, set[str]]:
    """The table with numbers that have no square as missing, and the columns in which nothing else stood."""
    floats = frame.select_dtypes("float")
    beyond = [str(name) for name in floats if (floats[name].abs() > TARGET_LIMIT).any()]
    masked = {name: floats[name].mask(floats[name].abs() > TARGET_LIMIT) for name in beyond}
    return frame.assign(**masked), {name for name in beyond if masked[name].isna().all()}


def _with_sound_folds(finding: Finding, frame: pd.DataFrame, folds: int, seed: int) -> Finding:
    """Another split is proposed where its folds lack nothing only."""
    if finding.code not in SPLITS or finding.recipe is None or not finding.recipe.split:
        return finding
    lacking = faults_of(frame, finding.recipe, folds, seed)
    if not lacking:
        return finding
    why = f"{finding.why} But split so: {lacking[0].what}"
    if folds > FOLDS and not faults_of(frame, finding.recipe, FOLDS, seed):
        return replace(finding, why=f"{why} {FEWER}")
    return replace(finding, why=why, fix="", recipe=None)


def _usable(finding: Finding) -> Finding:
    """A fix that would leave nothing to learn, or nothing to learn from, is none."""
    recipe = finding.recipe
    return finding if recipe is None or (recipe.learns and recipe.features) else replace(finding, fix="", recipe=None)


# --- tasks ----------------------------------------------------------------------------------------------------
def _labels(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    """Tasks with few labels, or hardly more than one value."""
    for task, _ in recipe.tasks:
        labels = frame[task].dropna()
        if len(labels) < FEW_LABELS:
            what = f"Task {task!r} has {plural(len(labels), 'label')}."
            why = f"With fewer than {FEW_LABELS}, a few test rows decide everything."
            yield Finding(FEW, (task,), what, why, out([task]), without(recipe, task))
        elif (share := labels.value_counts(normalize=True).iloc[0]) > ONE_VALUE:
            what = f"Task {task!r} has the same value in {share:.1%} of its labels."
            why = "Whoever always answers that is nearly always right; there is little to learn."
            yield Finding(CONSTANT, (task,), what, why, out([task]), without(recipe, task))


def _classes(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    for task, kind in recipe.tasks:
        counts = as_text(frame[task]).value_counts() if kind in kinds and kinds[kind].needs_classes else pd.Series()
        rare = [str(name) for name in counts.index[counts < FEW_OF_A_CLASS]] if len(counts) <= CATEGORY_LIMIT else []
        if rare and len(counts) > len(rare):
            what = f"Task {task!r} has classes with fewer than {FEW_OF_A_CLASS} labels: {listed(rare)}."
            why = "Too few to learn and to test; their share of the error is chance."
            able = len(counts) - len(rare) > 2
            fixed = emptied(recipe, task, rare) if able else without(recipe, task)
            fix = f"Take these labels of {short(task)!r} as missing" if able else out([task])
            yield Finding("rare-class", (task,), what, why, fix, fixed)


def _scales(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    spreads = {
        name: float(frame[name].std())
        for name, kind in recipe.tasks
        if kind in kinds and not kinds[kind].needs_classes and pd.api.types.is_numeric_dtype(frame[name])
    }
    spreads = {name: spread for name, spread in spreads.items() if np.isfinite(spread) and spread > 0}
    if len(spreads) > 1:
        small, large = min(spreads, key=spreads.__getitem__), max(spreads, key=spreads.__getitem__)
        if (ratio := spreads[large] / spreads[small]) > SCALES:
            what = f"Task {large!r} varies {ratio:,.0f} times as much as task {small!r}."
            why = "Targets are scaled unless you turn that off; unscaled, the larger would drown the other."
            yield Finding("scales", (large, small), what, why)


# --- cells ----------------------------------------------------------------------------------------------------
def _odd_cells(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    """Numbers and words that may say that there is no value."""
    used = {*recipe.features, *(name for name, _ in recipe.tasks), *recipe.edges}
    for name in [str(column) for column in frame.columns]:
        column = frame[name]
        if name in used and (codes := sentinels(column)):
            what = f"Column {name!r} has {counted(column, codes)} far from all its other values."
            why = "It looks like a code for a missing value; as a number it bends mean, scale and network."
            yield _emptied("sentinel", frame, recipe, name, codes, what, why)
        elif words := odd_texts(column):
            what = f"Column {name!r} holds numbers, but also {counted(column, words)}."
            why = "As text it cannot be used as the numbers that it is."
            yield _emptied("text-in-numbers", frame, recipe, name, words, what, why)
        elif name in used and (words := missing_words(column)):
            what = f"Column {name!r} has {counted(column, words)}, which may say that there is no value."
            why = "Until you say so, it counts as a value like any other."
            yield _emptied("missing-word", frame, recipe, name, words, what, why)


def _emptied(
    code: str, frame: pd.DataFrame, recipe: Recipe, name: str, texts: list[str], what: str, why: str
) -> Finding:
    """A finding whose fix takes cells as missing; a column that becomes numbers is used, a task gets its kind anew."""
    fixed = emptied(recipe, name, texts)
    before, after = (guess(each)[0] for each in (frame[[name]], treated(frame[[name]], fixed.missing)))
    if dict(recipe.tasks).get(name) == before.kind and after.kind:
        fixed = replace(fixed, tasks=tuple((task, after.kind if task == name else kind) for task, kind in fixed.tasks))
    if before.type == "mixed" and name not in recipe.columns:
        fixed = _used(fixed, name, after.role)
    them = "it" if len(texts) == 1 else "them"
    brief = f"{counted(frame[name], texts)} in {short(name)!r}"
    return Finding(code, (name,), what, why, f"Take {them} as missing in {short(name)!r}", fixed, brief)


def _used(recipe: Recipe, name: str, role: str) -> Recipe:
    """The recipe with a column that holds numbers at last: as the weight of a row where it is named so."""
    if role == "ignore" or (role == "weight" and recipe.weight):
        return recipe
    if role == "weight":
        return replace(recipe, weight=name)
    return replace(recipe, features=(*recipe.features, name))


def _boxes(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    """Four columns that are one thing to learn."""
    for box in find_boxes(frame):
        if set(box.columns) & set(recipe.edges) or not set(box.columns) & set(recipe.columns):
            continue
        what = f"Columns {', '.join(map(repr, box.columns))} look like one box: {FORMS[box.form]}."
        why = "Four edges are right or wrong together; as one task they are judged by how much the boxes overlap."
        fixed = replace(without(recipe, *box.columns), boxes=(*recipe.boxes, box))
        yield Finding("box", box.columns, what, why, "Learn them as one box", fixed)


def _wild(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    for name in [*recipe.features, *(name for name, _ in recipe.tasks)]:
        if (values := wild_values(frame[name])) and not sentinels(frame[name]):
            far = listed([value.removesuffix(".0") for value in values])
            what = f"Column {name!r} has values far beyond all others: {far}."
            why = "One slipped decimal point can outweigh a thousand rows."
            yield Finding(
                "outlier", (name,), what, why, f"Take them as missing in {short(name)!r}", emptied(recipe, name, values)
            )


def _empty(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    for name in [str(column) for column in frame.columns[frame.isna().all()]]:
        used = name in recipe.features
        what, why = f"Column {name!r} has no value in any row.", "It tells nothing."
        yield Finding("empty-column", (name,), what, why, *((out([name]), without(recipe, name)) if used else ()))
