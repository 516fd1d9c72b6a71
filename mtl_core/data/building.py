"""From a table and a recipe to a data set: what each column becomes, what is refused, what is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from mtl_core.data.boxes import FORMS, BoxColumns, area, corners, inside_out
from mtl_core.data.columns import CATEGORY_LIMIT, CLASS_LIMIT, as_text, plural, short
from mtl_core.data.dates import ORDERS, moments_of
from mtl_core.data.dealing import dealt
from mtl_core.data.divide import divide
from mtl_core.data.leaks import leaks
from mtl_core.data.pieces import each_told
from mtl_core.data.prepare import TARGET_LIMIT
from mtl_core.data.recipe import Recipe, check_known
from mtl_core.data.steps import in_order
from mtl_core.data.treatment import thinned, treated
from mtl_core.registry import InvalidInput
from mtl_core.tasks import TaskSpec, kinds

ROW_MINIMUM = 10
BOX = "box"
NAMED = 3
"""Columns that a refusal names."""
Floats = NDArray[np.float64]


def build_dataset(frame: pd.DataFrame, recipe: Recipe, title: str, notes: Sequence[str] = ()) -> Dataset:
    """The data set that a recipe makes of a table. Raises `InvalidInput` with one sentence when it cannot."""
    frame = treated(thinned(frame, recipe.rows), recipe.missing, recipe.columns if recipe.once else ())
    _check(frame, recipe, title)
    found = [_task(frame[name], kind) for name, kind in recipe.tasks]
    frames = {box.name: _box(frame, box) for box in recipe.boxes}
    found += [(TaskSpec(name, BOX), area(edges), []) for name, edges in frames.items()]
    features, told = _features(frame, recipe)
    said = [*notes, *(note for _, _, task_notes in found for note in task_notes), *told]
    rows = dealt(frame, recipe)
    targets = pd.DataFrame({task.name: labels for task, labels, _ in found})
    tasks = tuple(task for task, _, _ in found)
    telling = features.drop(columns=[*dict(recipe.dates), *recipe.texts], errors="ignore")
    said += [*rows.notes, *leaks(telling, targets, tasks)]
    if recipe.each:
        division = divide(tasks[0], targets[tasks[0].name].to_numpy(), frame[recipe.each])
        said, tasks, targets = [*said, *division.notes], division.tasks, division.targets
        features = features.iloc[division.rows].reset_index(drop=True)
        rows = rows.rows(division.rows)
    kept: dict[str, Any] = {"texts": recipe.texts, "inputs": recipe.inputs, "notes": tuple(said), "boxes": frames}
    return Dataset("table", title, features, targets, tasks, "your own table", **kept, **rows.fields())


# --- checks ---------------------------------------------------------------------------------------------------
def _check(frame: pd.DataFrame, recipe: Recipe, title: str) -> None:
    if len(frame) < ROW_MINIMUM:
        raise InvalidInput(
            f"{title!r} has {plural(len(frame), 'row')}; at least {ROW_MINIMUM} are needed to train and to test"
        )
    names = [name for name, _ in recipe.tasks]
    singles = [name for name in (recipe.group, recipe.each, recipe.query, recipe.weight) if name]
    for name in [*recipe.columns, *recipe.categories, *dict(recipe.missing)]:
        check_known(name, frame.columns)
    if not recipe.learns:
        raise InvalidInput(f"{title!r} has no task yet; choose at least one column to predict")
    if not recipe.features:
        raise InvalidInput(f"{title!r} has no feature yet; choose at least one column to predict from")
    if recipe.each and (len(names) > 1 or recipe.boxes):
        raise InvalidInput(
            f"each value of {recipe.each!r} is to be a task, but {len([*names, *recipe.edges])} columns of {title!r} "
            "are to be predicted; keep one"
        )
    ranked = [name for name, kind in recipe.tasks if kind in kinds and kinds[kind].in_lists]
    if ranked and not recipe.query:
        raise InvalidInput(
            f"task {ranked[0]!r} is an order within lists, but no column says which rows are one list; "
            "choose the column of the query, or predict the grade as a number"
        )
    roles = Counter([*recipe.features, *names, *recipe.edges, *singles])
    if twice := next((name for name, count in roles.items() if count > 1), None):
        raise InvalidInput(
            f"column {twice!r} has two roles; let it be a feature, a task, the group, the query or the weight"
        )
    called = Counter([*names, *(box.name for box in recipe.boxes)])
    if twice := next((name for name, count in called.items() if count > 1), None):
        raise InvalidInput(f"two tasks are called {twice!r}; give the box another name")


def _check_numbers(*columns: pd.Series) -> None:
    """Neither infinite nor beyond what can be squared in single precision; every such column is named."""
    found = [wild for column in columns if (wild := _beyond(column))]
    if found:
        where = (
            " and ".join(found) if len(found) <= NAMED else f"{', '.join(found[:NAMED])} and {len(found) - NAMED} more"
        )
        raise InvalidInput(
            f"{where}; numbers beyond {TARGET_LIMIT:g} cannot be used, so correct these cells or leave them empty"
        )


def _beyond(column: pd.Series) -> str:
    """Where a column of numbers has the first that cannot be used, and how many more; "" where it has none."""
    if not pd.api.types.is_numeric_dtype(column):
        return ""
    values = column.to_numpy(float, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(np.abs(values) > TARGET_LIMIT)
    if not len(bad):
        return ""
    first = values[bad[0]]
    more = f" ({len(bad) - 1:,} more)" if len(bad) > 1 else ""
    what = "an infinite number" if np.isinf(first) else f"{first:g}"
    return f"column {column.name!r} has {what} in row {bad[0] + 1:,} of the data{more}"


def _check_no_text(column: pd.Series) -> None:
    if pd.api.types.is_numeric_dtype(column):
        return
    odd = np.flatnonzero(pd.to_numeric(column, errors="coerce").isna() & column.notna())
    if len(odd):
        row, text = odd[0] + 1, short(column.iloc[odd[0]])
        advice = (
            "leave it empty if missing" if len(odd) < column.notna().sum() / 2 else "learn its classes or leave it out"
        )
        raise InvalidInput(f"column {column.name!r} has text in row {row} of the data ({text!r}); {advice}")


# --- columns --------------------------------------------------------------------------------------------------
Task = tuple[TaskSpec, Floats, list[str]]


def _task(column: pd.Series, kind: str) -> Task:
    """One target: what it is, its labels [N] (NaN = none), and what a person should know of it."""
    name = str(column.name)
    known = column.dropna()
    if not len(known):
        raise InvalidInput(f"column {name!r} has no value in any row, so it cannot be a task; choose another")
    if len(known) < ROW_MINIMUM:
        raise InvalidInput(f"column {name!r} has {plural(len(known), 'label')}; a task needs at least {ROW_MINIMUM}")
    if (known == known.iloc[0]).all():
        only = short(as_text(known.head(1)).iloc[0])
        raise InvalidInput(f"column {name!r} is {only!r} in every row, so there is nothing to learn; choose another")
    make: Callable[[pd.Series, str], Task] = _classes if kinds[kind].needs_classes else _numbers
    return make(column, kind)


def _numbers(column: pd.Series, kind: str) -> Task:
    _check_no_text(column)
    _check_numbers(column)
    labels = pd.to_numeric(column).to_numpy(float, na_value=np.nan)
    below = np.flatnonzero(labels < 0)
    if len(below) and not kinds[kind].negative:
        raise InvalidInput(
            f"column {column.name!r} has {labels[below[0]]:g} in row {below[0] + 1:,} of the data, and no count or "
            "grade is below 0; predict it as a number or correct the cell"
        )
    return TaskSpec(str(column.name), kind), labels, []


def _box(frame: pd.DataFrame, box: BoxColumns) -> Floats:
    """Left, top, right and bottom of a box in every row [N, 4], NaN where one of its columns is empty."""
    columns = [frame[name] for name in box.columns]
    for column in columns:
        _check_no_text(column)
    _check_numbers(*columns)
    edges = corners(frame.assign(**{str(each.name): pd.to_numeric(each) for each in columns}), box)
    if (count := int((~np.isnan(edges[:, 0])).sum())) < ROW_MINIMUM:
        raise InvalidInput(f"box {box.name!r} is whole in {plural(count, 'row')}; a task needs at least {ROW_MINIMUM}")
    if len(odd := inside_out(edges)):
        raise InvalidInput(
            f"box {box.name!r} ends before it begins in row {odd[0] + 1:,} of the data ({len(odd):,} rows in all), "
            f"read as {FORMS[box.form]}; choose what its columns say, or correct the cells"
        )
    if (np.ptp(edges[~np.isnan(edges[:, 0])], axis=0) == 0).all():
        raise InvalidInput(f"box {box.name!r} is the same in every row, so there is nothing to learn; leave it out")
    return edges


def _classes(column: pd.Series, kind: str) -> Task:
    name, distinct = str(column.name), column.nunique()
    if distinct > CLASS_LIMIT:
        raise InvalidInput(
            f"column {name!r} has {distinct:,} different values; at most {CLASS_LIMIT} classes can be learned, "
            "so predict it as a number or choose another column"
        )
    ordered = column.dropna().drop_duplicates().sort_values()
    texts = tuple(dict.fromkeys(as_text(ordered)))
    texts, order = _steps(name, texts) if kinds[kind].ordered else (texts, [])
    codes = pd.Categorical(as_text(column), categories=list(texts)).codes
    labels = np.where(codes < 0, np.nan, codes.astype(float))
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    notes = [
        f"Class {short(text)!r} of task {name!r} has one label only: it can be learned or tested, never both."
        for text, count in zip(texts, counts, strict=True)
        if count == 1
    ]
    return TaskSpec(name, kind, texts), labels, [*order, *notes]


def _steps(name: str, texts: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """Classes from lowest to highest, and a sentence that says so; `texts` are in the order of their values."""
    steps = in_order(texts)
    shown = " < ".join(short(text) for text in steps or texts)
    doubt = "" if steps else "; that is the alphabet's order, so begin their names with numbers if it is wrong"
    return steps or texts, [f"The steps of task {name!r} are taken in this order: {shown}{doubt}."]


def _features(frame: pd.DataFrame, recipe: Recipe) -> tuple[pd.DataFrame, list[str]]:
    """Every feature as the data set keeps it, and what a person should know of them."""
    _check_numbers(*(frame[name] for name in recipe.features if name not in recipe.categories))
    names = each_told("Making the data set", recipe.features, frame.size)
    pairs = [_feature(frame[name], recipe) for name in names]
    features = pd.DataFrame({column.name: column for column, _ in pairs})
    notes = [note for _, note in pairs if note]
    constant = [name for name in features if features[name].nunique() < 2]
    return features, [*notes, *(f"Feature {name!r} never varies; it tells nothing." for name in constant)]


def _feature(column: pd.Series, recipe: Recipe) -> tuple[pd.Series, str]:
    """A date, a free text or a number as such, anything else as a category; and a note."""
    name = str(column.name)
    if name in dict(recipe.dates):
        return _dates(column, dict(recipe.dates)[name])
    if name in recipe.texts:
        return as_text(column), ""
    if pd.api.types.is_numeric_dtype(column) and name not in recipe.categories:
        return column, ""
    distinct = column.nunique()
    if distinct <= CATEGORY_LIMIT:
        return as_text(column).astype("category"), ""
    if (pd.to_numeric(column, errors="coerce").notna() | column.isna()).mean() > 0.5 and name not in recipe.categories:
        _check_no_text(column)
    note = f"Feature {name!r} has {distinct:,} different texts; they share {recipe.inputs.hashes} inputs (hashing)."
    return as_text(column).astype("category"), note


def _dates(column: pd.Series, order: str) -> tuple[pd.Series, str]:
    if order not in ORDERS:
        raise InvalidInput(f"dates of column {column.name!r} cannot be {order!r}; known: {', '.join(ORDERS)}")
    moments = moments_of(column, order)
    odd = int((moments.isna() & column.notna()).sum())
    if odd == column.notna().sum():
        raise InvalidInput(f"column {column.name!r} has no date that reads {order}; use it in another way")
    note = f"{odd:,} of {len(column):,} cells of {column.name!r} are no dates that read {order}; they count as missing."
    return moments, note if odd else ""
