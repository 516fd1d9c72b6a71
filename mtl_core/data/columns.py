"""What each column of a table seems to be, what it could be used for, and why; a person corrects any of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.dates import date_order
from mtl_core.data.parts import FOLDS, MOST_FOLDS, PARTS, UNTOLD, split_told
from mtl_core.data.pieces import each_told
from mtl_core.data.scripts import is_free_text
from mtl_core.data.steps import in_order

FEW_CODES = 10
"""Whole numbers 0, 1, ... with at most so many different values look like codes of classes."""
CLASS_LIMIT = 50
CATEGORY_LIMIT = 100
"""Up to so many different texts become an input each; more are hashed to fewer."""
SHAPE_ROWS, BINS = 5000, 16
ROWS_PER_NAME = 5
"""Names with fewer rows each are not proposed as a feature: little could be learned about one."""

SPLIT_REASONS = {
    PARTS: "says which rows train and which test",
    FOLDS: "says the fold of each row",
    UNTOLD: "says how rows are split, it seems",
}
_TASK_NAME = re.compile(r"(target|label|class|outcome|response|task|y)[ _-]?\d*|.*[ _](target|label|class)", re.I)
_ID_NAME = re.compile(r"(id|index|uuid|key|no|nr|编号)|.*[ _-]id", re.I)
_WEIGHT_NAME = re.compile(
    r"(sample|row|case|survey|sampling|frequency|final|design|person|unit)[ _-]?(weights?|wts?|wgts?)"
    r"|fnlwgt|wgt|pweights?|(样本|抽样)?权重",
    re.I,
)
_COUNT_NAME = re.compile(r"(number|num|count|n)[ _-](of[ _-])?.*|(.*[ _-])?counts?|.*(次数|数量|人数|件数)", re.I)
_STEPS_NAME = re.compile(
    r"(.*[ _-])?(grade|rating|stars?|level|severity|stage|quality|satisfaction)|.*(等级|评分|星级|满意度)", re.I
)


@dataclass(frozen=True)
class Column:
    """What is proposed for one column.

    type: "number", "code" (whole numbers that may stand for classes), "category", "date", "text" (free text), "names"
        (many different texts), "mixed" (numbers with some words), "id", "constant", "empty".
    role: "feature", "task", "weight" or "ignore". kind: how it would be learned as a task ("" = it cannot be).
    missing: share of empty cells. reason: why, in a few words. examples: some values, as text. order: of the parts of
    dates (`dates.py`), "" for all else. shape: how its values are spread, heights up to 1: bins from the smallest to
    the largest number, or the most frequent texts; some thousand rows tell it.
    """

    name: str
    type: str
    role: str
    kind: str
    reason: str
    missing: float
    distinct: int
    examples: tuple[str, ...]
    order: str = ""
    shape: tuple[float, ...] = ()


def guess(frame: pd.DataFrame) -> tuple[Column, ...]:
    """A proposal for every column. Tasks are those named like one, else the last two that could be."""
    columns = [_column(frame[name]) for name in each_told("Looking at the columns", list(frame.columns), frame.size)]
    columns = _one_weight(columns)
    able = [column.name for column in columns if column.kind and column.role == "feature"]
    named = [name for name in able if _TASK_NAME.fullmatch(name)]
    tasks = set(named or able[-2:] if len(able) > 2 else able[-1:])
    return tuple(_as_task(column, bool(named)) if column.name in tasks else column for column in columns)


def _one_weight(columns: list[Column]) -> list[Column]:
    """Only the first of several columns that are named like a weight is proposed as one."""
    named = [column for column in columns if column.role == "weight"]
    return [replace(column, role="ignore") if column in named[1:] else column for column in columns]


def as_text(column: pd.Series) -> pd.Series:
    """Cells as the texts a person would write: 3, not 3.0; missing stays missing."""
    if pd.api.types.is_float_dtype(column):
        known = column.dropna()
        column = column.astype("Int64") if len(known) and ((known % 1 == 0) & (known.abs() < 1e15)).all() else column
    return column.astype("str").where(column.notna())


def _column(cells: pd.Series) -> Column:
    known = cells.dropna()
    values = pd.Series(known.unique(), name=cells.name)
    distinct = len(values)
    kind_of = _number if pd.api.types.is_numeric_dtype(cells) and cells.dtype != bool else _words
    name = str(cells.name)
    if not distinct:
        found = ("empty", "ignore", "", "no value in any row")
    elif distinct == 1:
        found = ("constant", "ignore", "", "the same in every row")
    else:
        found = kind_of(name, known, values)
        if distinct <= MOST_FOLDS and (told := split_told(name, as_text(values))):
            found = (found[0], "ignore", found[2], SPLIT_REASONS[told])
    examples = tuple(short(each) for each in as_text(values.head(3)))
    order = date_order(values.astype("str")) if found[0] == "date" else ""
    return Column(name, *found, float(cells.isna().mean()), distinct, examples, order, _shape(known, found[0]))


def _binned(numbers: NDArray[np.float64], bins: int) -> NDArray[Any]:
    """How many numbers lie in each of equal steps from the smallest to the largest."""
    numbers = numbers[np.abs(numbers) < 1e150]
    low, high = (numbers.min(), numbers.max()) if len(numbers) else (0.0, 0.0)
    places = (numbers - low) / (high - low) * bins if high > low else np.zeros(len(numbers))
    return np.bincount(np.minimum(places.astype(np.int64), max(bins - 1, 0)), minlength=1)


def _shape(known: pd.Series, kind: str) -> tuple[float, ...]:
    some = known.iloc[:: max(len(known) // SHAPE_ROWS, 1)]
    if kind in ("id", "text", "date", "mixed", "empty"):
        return ()
    if pd.api.types.is_numeric_dtype(some) and some.dtype != bool:
        counts = _binned(some.to_numpy(float), min(BINS, some.nunique()))
    else:
        counts = some.value_counts().head(BINS).to_numpy()
    return tuple(round(float(count), 3) for count in counts / max(counts.max(), 1))


Found = tuple[str, str, str, str]


def _number(name: str, known: pd.Series, values: pd.Series) -> Found:
    """known: the cells with a value; values: each different one once."""
    numbers, distinct = values.to_numpy(float), len(values)
    if _WEIGHT_NAME.fullmatch(name):
        return _weight(int((known < 0).sum()))
    whole = bool(np.isfinite(numbers).all()) and bool((numbers % 1 == 0).all())
    unique = whole and distinct == len(known) and distinct > FEW_CODES
    if unique and (_ID_NAME.fullmatch(name) or bool((np.diff(numbers) == 1).all())):
        return "id", "ignore", "regression", "a different whole number in every row"
    if whole and (why := _repeated_id(name, len(known), distinct)):
        return "id", "ignore", "regression", why
    if distinct == 2:
        return "code", "feature", "binary", "two different numbers"
    low, high = numbers.min(), numbers.max()
    if whole and low >= 0 and _COUNT_NAME.fullmatch(name):
        return "number", "feature", "count", "whole numbers, named like a count"
    if whole and distinct <= FEW_CODES and low in (0, 1) and high - low + 1 == distinct:
        if _STEPS_NAME.fullmatch(name):
            return "code", "feature", "ordinal", f"whole numbers {low:.0f} to {high:.0f}, named like a scale"
        return "code", "feature", "multiclass", f"whole numbers {low:.0f} to {high:.0f}"
    return "number", "feature", "regression", f"{distinct:,} different numbers"


def _weight(below: int) -> Found:
    why = "named like the weight of a row"
    if below:
        return "number", "ignore", "regression", f"{why}, but {below:,} {'is' if below == 1 else 'are'} below 0"
    return "number", "weight", "regression", why


def _words(name: str, known: pd.Series, values: pd.Series) -> Found:
    """As `_number`, for cells that are not numbers."""
    texts, distinct = values.astype("str"), len(values)
    numeric = pd.to_numeric(texts, errors="coerce").notna()
    if numeric.mean() >= 0.8 and distinct > CATEGORY_LIMIT / 10:
        odd = texts[~numeric]
        if not len(odd):
            return "mixed", "ignore", "", "numbers with too many digits to calculate with"
        count = known.astype("str").isin(odd).sum()
        return "mixed", "ignore", "", f"numbers, but text such as {short(odd.iloc[0])!r} in {count:,} cells"
    if order := date_order(texts):
        return "date", "feature", "", f"dates, {order}"
    many = distinct > min(CATEGORY_LIMIT, max(len(known) / 2, 2))
    unique = distinct == len(known) and distinct > FEW_CODES
    if (many or unique) and is_free_text(texts):
        return "text", "feature", "", f"{distinct:,} different texts of several words"
    if unique:
        return "id", "ignore", "", "a different text in every row"
    if why := _repeated_id(name, len(known), distinct):
        return "id", "ignore", "", why
    if many:
        role = "feature" if distinct * ROWS_PER_NAME <= len(known) else "ignore"
        return "names", role, "", f"{distinct:,} different texts"
    kind = "binary" if distinct == 2 else "multiclass" if distinct <= CLASS_LIMIT else ""
    if 2 < distinct <= FEW_CODES and in_order(texts):
        return "category", "feature", "ordinal", f"{distinct:,} steps of a scale"
    return "category", "feature", kind, f"{distinct:,} different texts"


def _repeated_id(name: str, count: int, distinct: int) -> str:
    """Why a column is an id although some rows repeat one, as rows that stand twice do; "" where it is none."""
    if not _ID_NAME.fullmatch(name) or distinct <= FEW_CODES or 2 * distinct < count:
        return ""
    return f"named like an id; {count - distinct:,} of {plural(count, 'row')} repeat an earlier one"


def _as_task(column: Column, named: bool) -> Column:
    why = "named like something to predict" if named else "one of the last columns"
    return replace(column, role="task", reason=f"{column.reason}; {why}")


def plural(count: int, noun: str, nouns: str = "") -> str:
    """1 row, 1,200 rows."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def short(text: object, limit: int = 40) -> str:
    """A cell in one line, cut where it is long."""
    words = " ".join(str(text).split())
    return words if len(words) <= limit else f"{words[: limit - 1]}…"
