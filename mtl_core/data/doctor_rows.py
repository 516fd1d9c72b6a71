"""What the doctor finds in the rows of a table: whose they are, in which list or order they stand, which repeat."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from mtl_core.data.columns import as_text, plural, short
from mtl_core.data.dates import moments_of
from mtl_core.data.findings import Finding, out, without
from mtl_core.data.parts import FOLDS, MOST_FOLDS, PARTS, UNTOLD, is_named_split, split_told
from mtl_core.data.recipe import Recipe
from mtl_core.data.row_weights import uneven_list, weights_of
from mtl_core.data.suspects import query_column, subject_column
from mtl_core.registry import InvalidInput

RANKING = "ranking"
_GRADE = re.compile(r"relevance|rel|grade|rating|stars?|clicks?|label|相关.*|评分", re.I)
NO_NEW_ROW = "as a feature it tells of no new row."
MOMENTS = 20
"""Different dates from which rows count as a course of time."""


def subjects(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    if recipe.group:
        return
    name = subject_column(frame, [task for task, _ in recipe.tasks])
    if name and name != recipe.each:
        count = frame[name].nunique()
        what = f"Column {name!r} names {count:,} subjects, and most have several rows."
        why = "With one subject in training and test, a network can remember instead of predict."
        fixed = replace(without(recipe, name), group=name)
        yield Finding("subjects", (name,), what, why, f"Keep the rows of each {short(name)!r} together", fixed)


def queries(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    name = "" if recipe.query else query_column(frame, [task for task, _ in recipe.tasks])
    if name and name not in (recipe.group, recipe.each):
        what = f"Column {name!r} seems to name {frame[name].nunique():,} lists in which rows are ranked."
        why = "Rows are compared within a list only, so a list must not stand on both sides of a split."
        tasks = tuple((task, RANKING if _is_grade(frame[task]) else kind) for task, kind in recipe.tasks)
        fixed = replace(without(recipe, name), query=name, tasks=tasks)
        fix = f"Keep the rows of each {short(name)!r} together as a list"
        if recipe.weight in frame and uneven_list(frame[name], frame[recipe.weight]):
            why += f" Weights of rows are for lists as a whole, and in {recipe.weight!r} they differ within one."
            fixed, fix = replace(fixed, weight=""), f"{fix}, and let all rows count alike"
        yield Finding("queries", (name,), what, why, fix, fixed)


def weights(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    """Weights of rows that cannot be used: a cell without one, none above 0, lists whose rows differ."""
    if recipe.weight not in frame:
        return
    try:
        weights_of(frame, recipe)
    except InvalidInput as problem:
        what = f"{str(problem)[:1].upper()}{str(problem)[1:]}."
        why = "Nothing can be trained with weights that some rows lack, or that contradict each other."
        fixed = replace(recipe, weight="")
        yield Finding("row-weights", (recipe.weight,), what, why, "Let all rows count alike", fixed)


def _is_grade(labels: pd.Series) -> bool:
    """Grades of a ranking: named like that, numbers from 0 up."""
    named = _GRADE.fullmatch(str(labels.name).strip()) is not None
    return named and pd.api.types.is_numeric_dtype(labels) and not (labels < 0).any()


def given(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    """The first column that says how rows are split, whatever it is proposed as."""
    decided = {recipe.group, recipe.each, recipe.query, recipe.weight, *recipe.edges}
    names = () if recipe.split else tuple(map(str, frame.columns))
    for name in [each for each in names if is_named_split(each) or not is_numeric_dtype(frame[each])]:
        values = frame[name].dropna().unique() if name not in decided else ()
        told = split_told(name, as_text(pd.Series(values))) if 1 < len(values) <= MOST_FOLDS else ""
        if told:
            yield _given(recipe, name, told, len(values), int(frame[name].isna().sum()))
            return


def _given(recipe: Recipe, name: str, told: str, count: int, blanks: int) -> Finding:
    """count: different values of the column; blanks: rows in which it says nothing."""
    why = f"Whoever compares with published results tests on the same rows; {NO_NEW_ROW}"
    what = {
        PARTS: f"Column {name!r} says which rows train and which test.",
        FOLDS: f"Column {name!r} says in which of {count} folds each row stands.",
        UNTOLD: f"Column {name!r} seems to say how rows are split, but not which of them test.",
    }[told]
    fix: tuple[str, Recipe] | tuple[()] = "Split as it says", replace(without(recipe, name), split="column", by=name)
    if told == UNTOLD or blanks:
        why = f"Write train, validation or test in each row of it to split so; {NO_NEW_ROW}"
        what += f" It is empty in {plural(blanks, 'row')}." if blanks else ""
        fix = (out([name]), without(recipe, name)) if name in recipe.columns else ()
    return Finding("given-split", (name,), what, why, *fix)


def order(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    """Rows that stand in the order of their dates: neighbours are alike, and the future is what will be asked for."""
    if recipe.split or recipe.group or recipe.query:
        return
    for name, order in recipe.dates:
        moments = moments_of(frame[name], order)
        if moments.nunique() >= MOMENTS and moments.notna().all() and moments.is_monotonic_increasing:
            what = f"Rows stand in the order of {name!r}."
            why = "A test row between two rows that were learned from asks for memory; later rows ask for a forecast."
            fixed = replace(recipe, split="time", by=name)
            yield Finding("time-order", (name,), what, why, "Train on the past, test on the future", fixed)
            return


def twins(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    used = [
        *recipe.features,
        *(name for name, _ in recipe.tasks),
        *recipe.edges,
        *([recipe.each] if recipe.each in frame else []),
    ]
    count = _repeats(frame, used) if recipe.features and not recipe.once and not recipe.group else 0
    if count:
        verb = "repeats" if count == 1 else "repeat"
        what = f"{count:,} of {len(frame):,} rows {verb} an earlier one in every column that is used."
        why = "A row that stands in training and in test is remembered, not predicted."
        yield Finding("rows-repeated", (), what, why, "Use each row once", replace(recipe, once=True))


def _repeats(frame: pd.DataFrame, used: list[str]) -> int:
    """Rows that repeat an earlier one; a few columns rule out most rows, so the others are seldom looked at."""
    rows = np.arange(len(frame))
    for count in (1, 2, 4, 8):
        rows = rows[frame[used[:count]].iloc[rows].duplicated(keep=False).to_numpy()]
        if not len(rows):
            return 0
    return int(frame[used].iloc[rows].duplicated().sum())


ROW_CHECKS = (subjects, queries, given, order, twins)
