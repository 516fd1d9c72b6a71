"""Single values of a feature that fix a target: "closed on that day" says that nothing was sold.

No correlation shows them, for they say nothing of all other rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mtl_core.data.columns import FEW_CODES, as_text, short
from mtl_core.data.relations import some_rows

LEAST_ROWS, SHARE = 10, 0.01
"""Labelled rows with the value: at least so many, and this share of all."""
SHARE_OF_MANY = 0.05
"""The same share where feature and target are numbers, the feature with many: measured numbers may be 0 together."""
ELSEWHERE = 0.5
"""Share of the other rows that may have the same answer; where most have it anyway, little is given away."""
CHANCE = 1e-9
"""How probable the rows may be if answers lay in them as in all others."""


@dataclass(frozen=True)
class Pin:
    """A value of a feature beside which a target never varies.

    where, answer: the value and the target's, in words. rows, share: the labelled rows that have it, and their part
    of all. exact: the answer stands in no other row.
    """

    where: str
    answer: str
    rows: int
    share: float
    exact: bool


def pin(feature: pd.Series, target: pd.Series, by_class: bool, only_empty: bool = False) -> Pin | None:
    """The value of a feature in most rows that fixes the target; None where there is none.

    by_class: the target is a class, which a value may honestly go with, so only one that says exactly when it comes
    counts. only_empty: it only counts whether cells are empty. What holds in all rows holds in some, looked at first.
    """
    some = some_rows(feature)
    found = _pin(some, target.reindex(some.index), by_class, only_empty)
    return found if found is None or len(some) == len(feature) else _pin(feature, target, by_class, only_empty)


def _pin(feature: pd.Series, target: pd.Series, by_class: bool, only_empty: bool) -> Pin | None:
    known = target.notna().to_numpy()
    cells = feature[known].isna() if only_empty else feature[known]
    codes, values = pd.factorize(cells, use_na_sentinel=False)
    answers, texts = pd.factorize(target[known])
    rows, total = np.bincount(codes, minlength=len(values)), len(codes)
    first = np.zeros(len(values), np.int64)
    first[codes] = answers
    varies = np.bincount(codes, answers != first[codes], minlength=len(values)) > 0
    others = total - rows
    elsewhere = (np.bincount(answers, minlength=len(texts))[first] - rows) / np.maximum(others, 1)
    many = len(values) > FEW_CODES and pd.api.types.is_numeric_dtype(feature)
    share = SHARE_OF_MANY if many and not by_class else SHARE
    enough = (rows >= max(LEAST_ROWS, share * total)) & (others >= LEAST_ROWS)
    chance = rows * np.log(np.maximum(elsewhere, 1 / max(total, 1)))
    told = elsewhere <= (0 if many or by_class else ELSEWHERE)
    pinned = np.flatnonzero(enough & ~varies & told & (chance < np.log(CHANCE)))
    if not len(pinned):
        return None
    best = pinned[rows[pinned].argmax()]
    where = _where(values[best], only_empty)
    return Pin(where, _said(texts[first[best]]), int(rows[best]), float(rows[best] / total), bool(elsewhere[best] == 0))


def _where(value: Any, only_empty: bool) -> str:
    if only_empty:
        return "is empty" if value else "is not empty"
    return "is empty" if pd.isna(value) else f"is {_said(value)}"


def _said(value: Any) -> str:
    """A number as it is, a text in quotation marks."""
    text = short(as_text(pd.Series([value])).iloc[0])
    return text if pd.api.types.is_number(value) and not pd.api.types.is_bool(value) else repr(text)
