"""How much one column of a table tells of another, measured on some thousand rows: enough to find what gives away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROWS = 5000
"""Relations that give a target away are there in every row; so many show them."""
EXACT, ALMOST = 1e-9, 0.995
SURE = 0.98
"""Share of the labels that a feature must name right by itself to be suspected."""
BASE = 0.95
"""Where one class has more of the labels than this, naming it always is right too often to tell anything."""
ROWS_PER_VALUE = 5
COLUMN_LIMIT = 200

Floats = NDArray[np.floating[Any]]


def some_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """At most `ROWS` rows, evenly spaced."""
    return frame.iloc[:: max(len(frame) // ROWS, 1)]


def rank_correlations(numbers: pd.DataFrame, target: pd.Series) -> pd.Series:
    """|Spearman's correlation| of each column with the target, on the rows that have both; NaN where unknown."""
    varied = numbers.loc[:, numbers.max() > numbers.min()]
    ranks, target_ranks = varied.rank().to_numpy(float), target.rank().to_numpy(float)
    found = [_correlation(column, target_ranks) for column in ranks.T]
    return pd.Series(found, index=varied.columns, dtype=float)


class Feats:
    """How well each feature names a task's classes by itself; what tasks with the same labelled rows share is kept."""

    def __init__(self, features: pd.DataFrame) -> None:
        self.features = features
        self._known = {name: features[name].notna().to_numpy() for name in features}
        self._codes: dict[tuple[str, bytes], NDArray[np.int64]] = {}

    def named_right(self, name: str, labels: NDArray[np.int64]) -> float:
        """Share of the labels [N] (codes, below 0 = none) that the feature's value names; NaN where that could be
        chance or is no feat."""
        both = self._known[name] & (labels >= 0)
        classes = pd.factorize(labels[both])[0]
        if len(classes) < 2 * ROWS_PER_VALUE or np.bincount(classes).max() > BASE * len(classes):
            return float("nan")
        values = self._values(name, both)
        if values.max() * ROWS_PER_VALUE > len(classes):
            return float("nan")
        many = int(classes.max()) + 1
        table = np.bincount(values * many + classes, minlength=(int(values.max()) + 1) * many)
        return float(table.reshape(-1, many).max(axis=1).sum() / len(classes))

    def _values(self, name: str, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """A code for each value of a feature in these rows; for a number with many values its rank in steps."""
        key = (name, rows.tobytes())
        if key not in self._codes:
            feature = self.features[name]
            values, distinct = pd.factorize(feature.array[rows])
            if pd.api.types.is_numeric_dtype(feature) and len(distinct) * ROWS_PER_VALUE > len(values):
                values = np.argsort(np.argsort(feature.to_numpy(float)[rows], kind="stable")) // ROWS_PER_VALUE
            self._codes[key] = values.astype(np.int64)
        return self._codes[key]


def parts_of(numbers: pd.DataFrame, target: pd.Series) -> tuple[str, ...]:
    """Two to ten columns that give the target exactly when they are added up with fixed factors; else none."""
    complete = pd.concat([numbers, target.rename("\0target")], axis=1).dropna()
    columns = complete.iloc[:, :-1]
    columns = columns.loc[:, columns.max() > columns.min()]
    if not 2 <= columns.shape[1] <= COLUMN_LIMIT or len(complete) <= 3 * columns.shape[1]:
        return ()
    scaled, wanted = _scaled(columns.to_numpy(float)), _scaled(complete.iloc[:, -1:].to_numpy(float))
    factors = _fit(scaled, wanted)
    members = np.flatnonzero(np.abs(factors) > 0.01)
    if not 2 <= len(members) <= 10 or not len(factors):
        return ()
    return tuple(columns.columns[members]) if len(_fit(scaled[:, members], wanted)) else ()


def _fit(columns: Floats, wanted: Floats) -> Floats:
    """The factors of a linear combination that leaves nothing over; none where something is left."""
    factors = np.linalg.lstsq(columns, wanted, rcond=1e-10)[0]
    left = np.mean((columns @ factors - wanted) ** 2)
    return factors[:, 0] if left < EXACT else np.empty(0)


def _scaled(columns: Floats) -> Floats:
    largest = np.maximum(np.abs(columns).max(axis=0), 1e-300)
    columns = columns / largest
    columns = columns - columns.mean(axis=0)
    scaled: Floats = columns / np.maximum(columns.std(axis=0), 1e-300)
    return scaled


def _correlation(a: Floats, b: Floats) -> float:
    both = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[both], b[both]
    if len(a) < 10 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(abs(np.corrcoef(a, b)[0, 1]))
