"""What a person decided about a table: which columns are features, tasks and groups; and the data set that gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from mtl_core.data.columns import CATEGORY_LIMIT, CLASS_LIMIT, as_text, guess, short
from mtl_core.data.divide import divide
from mtl_core.data.leaks import leaks
from mtl_core.data.prepare import TARGET_LIMIT
from mtl_core.data.steps import in_order
from mtl_core.data.treatment import treated
from mtl_core.registry import InvalidInput, hint
from mtl_core.tasks import TaskSpec, kinds

ROW_MINIMUM = 10
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """Roles of a table's columns; the others are ignored.

    tasks: (column, kind of task) pairs. categories: features that hold numbers but stand for categories.
    group: column that names the subject of each row (rows of one subject stay together), or "".
    missing: (column, text of a cell) pairs that count as empty. once: rows that repeat an earlier one are left out.
    each: column of whose values each becomes a task of its own (schools, shops); then there is one target. Or "".
    """

    features: tuple[str, ...]
    tasks: tuple[tuple[str, str], ...]
    categories: tuple[str, ...] = ()
    group: str = ""
    missing: tuple[tuple[str, str], ...] = ()
    once: bool = False
    each: str = ""

    def to_text(self) -> str:
        """JSON in one line: the form in which a source keeps it."""
        facts: dict[str, Any] = {
            "features": self.features,
            "tasks": self.tasks,
            "categories": self.categories,
            "group": self.group,
        }
        facts |= ({"missing": self.missing} if self.missing else {}) | ({"once": True} if self.once else {})
        facts |= {"each": self.each} if self.each else {}
        return json.dumps(facts, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Recipe:
        try:
            facts = json.loads(text)
            tasks = tuple((str(column), str(kind)) for column, kind in facts["tasks"])
            names = {key: tuple(map(str, facts.get(key, ()))) for key in ("features", "categories")}
            missing = tuple((str(column), str(text)) for column, text in facts.get("missing", ()))
            group, once = str(facts.get("group", "")), facts.get("once") is True
            each = str(facts.get("each", ""))
            return cls(names["features"], tasks, names["categories"], group, missing, once, each)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidInput('a recipe is JSON: {"features": [...], "tasks": [[column, kind], ...]}') from error


def guess_recipe(frame: pd.DataFrame, tasks: Sequence[str] = ()) -> Recipe:
    """The proposal as it stands; `tasks` names the columns to predict where that is already known."""
    columns = {column.name: column for column in guess(frame)}
    for name in tasks:
        _check_known(name, columns)
    chosen = list(tasks) or [name for name, column in columns.items() if column.role == "task"]
    features = tuple(name for name, column in columns.items() if column.role != "ignore" and name not in chosen)
    return Recipe(features, tuple((name, columns[name].kind or "regression") for name in chosen))


def build_dataset(frame: pd.DataFrame, recipe: Recipe, title: str, notes: Sequence[str] = ()) -> Dataset:
    """The data set that a recipe makes of a table. Raises `InvalidInput` with one sentence when it cannot."""
    used = (*recipe.features, *(name for name, _ in recipe.tasks), recipe.group, recipe.each)
    frame = treated(frame, recipe.missing, used if recipe.once else ())
    _check(frame, recipe, title)
    found = [_task(frame[name], kind) for name, kind in recipe.tasks]
    features = pd.DataFrame({name: _feature(frame[name], name in recipe.categories) for name in recipe.features})
    said = [*notes, *(note for _, _, task_notes in found for note in task_notes)]
    said += [f"Feature {name!r} never varies; it tells nothing." for name in features if features[name].nunique() < 2]
    groups, group_notes = _groups(frame[recipe.group]) if recipe.group else (None, [])
    targets = pd.DataFrame({task.name: labels for task, labels, _ in found})
    tasks = tuple(task for task, _, _ in found)
    said += [*group_notes, *leaks(features, targets, tasks)]
    if recipe.each:
        division = divide(tasks[0], targets[tasks[0].name].to_numpy(), frame[recipe.each])
        said, tasks, targets = [*said, *division.notes], division.tasks, division.targets
        features = features.iloc[division.rows].reset_index(drop=True)
        groups = None if groups is None else groups[division.rows]
    return Dataset("table", title, features, targets, tasks, "your own table", groups=groups, notes=tuple(said))


# --- checks ---------------------------------------------------------------------------------------------------
def _check(frame: pd.DataFrame, recipe: Recipe, title: str) -> None:
    if len(frame) < ROW_MINIMUM:
        rows = "1 row" if len(frame) == 1 else f"{len(frame)} rows"
        raise InvalidInput(f"{title} has {rows}; at least {ROW_MINIMUM} are needed to train and to test")
    names = [name for name, _ in recipe.tasks]
    singles = [name for name in (recipe.group, recipe.each) if name]
    for name in [*recipe.features, *names, *recipe.categories, *singles, *dict(recipe.missing)]:
        _check_known(name, frame.columns)
    if not names:
        raise InvalidInput(f"{title} has no task yet; choose at least one column to predict")
    if not recipe.features:
        raise InvalidInput(f"{title} has no feature yet; choose at least one column to predict from")
    if recipe.each and len(names) > 1:
        raise InvalidInput(
            f"each value of {recipe.each!r} is to be a task, but {title} has {len(names)} columns to predict; keep one"
        )
    roles = [*recipe.features, *names, *singles]
    if twice := next((name for name in roles if roles.count(name) > 1), None):
        raise InvalidInput(f"column {twice!r} has two roles; let it be a feature, a task or the group")


def _check_known(name: str, known: Mapping[str, Any] | pd.Index) -> None:
    if name not in known:
        raise InvalidInput(f"the table has no column {name!r}{hint(name, list(known))}")


def _check_numbers(column: pd.Series) -> None:
    """Neither infinite nor beyond what can be squared in single precision."""
    values = column.to_numpy(float, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(np.abs(values) > TARGET_LIMIT)
    if len(bad):
        found, row = values[bad[0]], bad[0] + 1
        what = "an infinite number" if np.isinf(found) else f"{found:g}"
        raise InvalidInput(
            f"column {column.name!r} has {what} in row {row}; numbers beyond {TARGET_LIMIT:g} cannot be used, "
            "so correct the cell or leave it empty"
        )


def _check_no_text(column: pd.Series) -> None:
    if pd.api.types.is_numeric_dtype(column):
        return
    odd = np.flatnonzero(pd.to_numeric(column, errors="coerce").isna() & column.notna())
    if len(odd):
        row, text = odd[0] + 1, short(column.iloc[odd[0]])
        raise InvalidInput(f"column {column.name!r} has text in row {row} ({text!r}); leave it empty if missing")


# --- columns --------------------------------------------------------------------------------------------------
Task = tuple[TaskSpec, Floats, list[str]]


def _task(column: pd.Series, kind: str) -> Task:
    """One target: what it is, its labels [N] (NaN = none), and what a person should know of it."""
    name = str(column.name)
    known = column.dropna()
    if not len(known):
        raise InvalidInput(f"column {name!r} has no value in any row, so it cannot be a task; choose another")
    if len(known) < ROW_MINIMUM:
        raise InvalidInput(f"column {name!r} has {len(known)} labels; a task needs at least {ROW_MINIMUM}")
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
            f"column {column.name!r} has {labels[below[0]]:g} in row {below[0] + 1}, and a count is never below 0; "
            "predict it as a number or correct the cell"
        )
    return TaskSpec(str(column.name), kind), labels, []


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


def _feature(column: pd.Series, as_category: bool) -> pd.Series:
    """A number as it is, anything else as a category."""
    if pd.api.types.is_numeric_dtype(column) and not as_category:
        _check_numbers(column)
        return column
    if column.nunique() > CATEGORY_LIMIT:
        if (pd.to_numeric(column, errors="coerce").notna() | column.isna()).mean() > 0.5 and not as_category:
            _check_no_text(column)
        raise InvalidInput(
            f"column {column.name!r} has {column.nunique():,} different texts; a feature can have at most "
            f"{CATEGORY_LIMIT}, so leave it out"
        )
    return as_text(column).astype("category")


def _groups(column: pd.Series) -> tuple[NDArray[np.int64], list[str]]:
    """A number for each subject [N]; a row without one is a subject of its own."""
    codes = pd.factorize(column)[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max() + 1 + np.arange(alone.sum())
    if not alone.any():
        return codes, []
    return codes, [f"Rows without a value of {column.name!r} count as subjects of their own ({alone.sum():,})."]
