"""How much one column of a table tells of another, measured on some thousand rows: enough to find what gives away."""

from __future__ import annotations

from itertools import combinations
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROWS = 5000
"""Relations that give a target away are there in every row; so many show them."""
EXACT, ALMOST = 1e-9, 0.995
ROUNDED = 1e-4
"""Share of the variance that rounded numbers may leave over at most."""
SURE = 0.98
"""Share of the labels that a feature must name right by itself to be suspected."""
BASE = 0.95
"""Where one class has more of the labels than this, naming it always is right too often to tell anything."""
ROWS_PER_VALUE = 5
COLUMN_LIMIT = 200
OFTEN = 0.5
MOST_PARTS = 10

Floats = NDArray[np.floating[Any]]
Table = TypeVar("Table", pd.DataFrame, pd.Series)


def some_rows(frame: Table) -> Table:
    """Some `ROWS` rows, fewer than twice as many, evenly spaced."""
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
    """Two to ten columns that give the target exactly, but for rounding, when they are added up with fixed factors.

    None where nothing does. Columns that are known in few of the target's rows are passed over.
    """
    known = numbers[target.notna()].notna().mean()
    complete = pd.concat([numbers.loc[:, known >= OFTEN], target.rename("\0target")], axis=1).dropna()
    columns = complete.iloc[:, :-1]
    columns = columns.loc[:, columns.max() > columns.min()]
    if not 2 <= columns.shape[1] <= COLUMN_LIMIT or len(complete) <= 3 * columns.shape[1]:
        return ()
    steps = np.array([_step(complete[name].to_numpy(float)) for name in complete]) ** 2 / 12
    scaled, wanted = _scaled(columns.to_numpy(float)), _scaled(complete.iloc[:, -1:].to_numpy(float))
    factors = _fit(scaled, wanted, steps)
    members = np.flatnonzero(np.abs(factors) > 0.01)
    if len(members) > MOST_PARTS:
        return ()
    for size in range(2, len(members) + 1):  # several ways to add up: the one with fewest parts
        for some in map(list, combinations(members.tolist(), size)):
            if len(_fit(scaled[:, some], wanted, np.append(steps[some], steps[-1]))):
                return tuple(columns.columns[some])
    return ()


def _fit(columns: Floats, wanted: Floats, rounding: Floats) -> Floats:
    """The factors of a linear combination that leaves nothing over but rounding; none where something is left.

    rounding: variance that rounding gave each column, the wanted one last, as a share of its variance.
    """
    factors = np.linalg.lstsq(columns, wanted, rcond=1e-10)[0]
    left = np.mean((columns @ factors - wanted) ** 2)
    slack = 3 * (rounding[:-1] @ factors[:, 0] ** 2 + rounding[-1])
    return factors[:, 0] if left < np.clip(slack, EXACT, ROUNDED) else np.empty(0)


def _step(column: Floats) -> float:
    """The step of numbers with some decimals (0.01 of prices), as a share of their deviation; 0 where there is none."""
    for decimals in range(7):
        tens = column * 10.0**decimals
        if np.abs(tens - np.round(tens)).max() < 1e-9 + 1e-12 * np.abs(tens).max():
            return float(10.0**-decimals / max(column.std(), 1e-300)) if decimals else 0.0
    return 0.0


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
