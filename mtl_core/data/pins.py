"""Single values of a feature that fix a target: "closed on that day" says that nothing was sold.

No correlation shows them, for they say nothing of all other rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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

Codes = NDArray[np.int64]


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


@dataclass(frozen=True)
class _Coded:
    """A column as codes [n] of its different values; empty cells are a value of a feature, and -1 of a target."""

    codes: Codes
    values: Any
    many: bool = False


class Pins:
    """Looks for pins between the columns of a table; what holds in all rows holds in some, which are looked at first.

    opaque: features of which only counts whether their cells are empty (dates, texts).
    """

    def __init__(self, frame: pd.DataFrame, opaque: Collection[str] = ()) -> None:
        self._frame, self._some, self._opaque = frame, some_rows(frame), opaque
        self._features: dict[str, _Coded] = {}
        self._targets: dict[str, _Coded] = {}

    def find(self, feature: str, target: str, by_class: bool) -> Pin | None:
        """The value of a feature in most rows that fixes the target; None where there is none.

        by_class: the target is a class, which a value may honestly go with, so only one that says exactly when it
        comes counts.
        """
        if feature not in self._features:
            self._features[feature] = self._coded(self._some[feature])
        if target not in self._targets:
            self._targets[target] = _Coded(*pd.factorize(self._some[target]))
        found = self._pin(feature, self._features[feature], self._targets[target], by_class)
        if found is None or len(self._some) == len(self._frame):
            return found
        every = _Coded(*pd.factorize(self._frame[target]))
        return self._pin(feature, self._coded(self._frame[feature]), every, by_class)

    def _coded(self, feature: pd.Series) -> _Coded:
        cells = feature.isna() if feature.name in self._opaque else feature
        codes, values = pd.factorize(cells, use_na_sentinel=False)
        return _Coded(codes, values, len(values) > FEW_CODES and pd.api.types.is_numeric_dtype(cells))

    def _pin(self, name: str, feature: _Coded, target: _Coded, by_class: bool) -> Pin | None:
        known = target.codes >= 0
        codes, answers = feature.codes[known], target.codes[known]
        rows, total = np.bincount(codes, minlength=len(feature.values)), len(codes)
        share = SHARE_OF_MANY if feature.many and not by_class else SHARE
        enough = (rows >= max(LEAST_ROWS, share * total)) & (total - rows >= LEAST_ROWS)
        if not enough.any():
            return None
        first = np.zeros(len(rows), np.int64)
        first[codes] = answers
        enough &= np.bincount(codes, answers != first[codes], minlength=len(rows)) == 0
        elsewhere = (np.bincount(answers)[first] - rows) / np.maximum(total - rows, 1)
        chance = rows * np.log(np.maximum(elsewhere, 1 / total))
        told = elsewhere <= (0 if feature.many or by_class else ELSEWHERE)
        pinned = np.flatnonzero(enough & told & (chance < np.log(CHANCE)))
        if not len(pinned):
            return None
        best = pinned[rows[pinned].argmax()]
        where = _where(feature.values[best], name in self._opaque)
        answer = _said(target.values[first[best]])
        return Pin(where, answer, int(rows[best]), float(rows[best] / total), bool(elsewhere[best] == 0))


def _where(value: Any, only_empty: bool) -> str:
    if only_empty:
        return "is empty" if value else "is not empty"
    return "is empty" if pd.isna(value) else f"is {_said(value)}"


def _said(value: Any) -> str:
    """A number as it is, a text in quotation marks."""
    text = short(as_text(pd.Series([value])).iloc[0])
    return text if pd.api.types.is_number(value) and not pd.api.types.is_bool(value) else repr(text)
