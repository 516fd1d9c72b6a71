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

NAMED = 3
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Pin:
    """A value of a feature beside which a target never varies, or several with one answer.

    where, answer: the values and the target's, in words. rows, share: the labelled rows that have them, and their part
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
        alike = self._alike(rows, first, enough, several=not (feature.many or by_class))
        others = np.maximum(total - alike, 1)
        elsewhere = (np.bincount(answers)[first] - alike) / others
        chance = rows * np.log(np.maximum(elsewhere, 1 / total))
        told = (elsewhere <= (0 if feature.many or by_class else ELSEWHERE)) & (total - alike >= LEAST_ROWS)
        pinned = np.flatnonzero(enough & told & (chance < np.log(CHANCE)))
        if not len(pinned):
            return None
        best = pinned[alike[pinned].argmax()]
        values = [feature.values[i] for i in pinned if i == best or (alike[i] > rows[i] and first[i] == first[best])]
        where = _where(values, name in self._opaque)
        answer = _said(target.values[first[best]])
        return Pin(where, answer, int(alike[best]), float(alike[best] / total), bool(elsewhere[best] == 0))

    @staticmethod
    def _alike(rows: Codes, first: Codes, enough: NDArray[np.bool_], several: bool) -> Codes:
        """Rows of all values that fix the same answer as each value does; of that value only unless `several`."""
        if not several:
            return rows
        by_answer = np.bincount(first[enough], rows[enough], minlength=int(first.max()) + 1).astype(np.int64)
        return np.where(enough, by_answer[first], rows)


def _where(values: list[Any], only_empty: bool) -> str:
    if only_empty:
        return "is empty" if values[0] else "is not empty"
    said = ["empty" if pd.isna(value) else _said(value) for value in values]
    return f"is {' or '.join(said[:NAMED])}" + (f" or {len(said) - NAMED:,} more" if len(said) > NAMED else "")


def _said(value: Any) -> str:
    """A number as it is, a text in quotation marks."""
    text = short(as_text(pd.Series([value])).iloc[0])
    return text if pd.api.types.is_number(value) and not pd.api.types.is_bool(value) else repr(text)
