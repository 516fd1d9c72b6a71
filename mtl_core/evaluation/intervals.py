"""Is a paired difference real? Intervals and p-values over folds, and a correction for several tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mtl_core.data.cuts import cuts

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """Mean difference with its 95 % interval and two-sided p-value against 0."""

    mean: float
    low: float
    high: float
    p: float

    @property
    def half_width(self) -> float:
        """The smallest difference that this sample could have told from 0."""
        return (self.high - self.low) / 2


def paired_interval(differences: ArrayLike, test_to_train: float = 0.0) -> Interval:
    """Corrected paired t over S >= 2 folds: t = mean / sqrt((1/S + n_test/n_train) * variance), S - 1 degrees.

    Folds of one table share training rows, so their differences are correlated and the plain t is too sure of
    itself. test_to_train is n_test / n_train: 1/9 for ten folds; 0 gives the ordinary paired t, which is right
    where every seed draws new data.
    Reference: Nadeau, Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003.
    """
    from scipy.special import stdtr, stdtrit

    d = np.asarray(differences, float)
    mean, freedom = float(d.mean()), len(d) - 1
    error = float(np.sqrt((1 / len(d) + test_to_train) * d.var(ddof=1)))
    if error == 0.0:
        return Interval(mean, mean, mean, 1.0 if mean == 0.0 else 0.0)
    margin = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    return Interval(mean, mean - margin, mean + margin, float(2 * stdtr(freedom, -abs(mean) / error)))


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """p-values adjusted for looking at several tasks at once.

    Reference: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scand. J. Statistics 6, 1979.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted


def ratio_of_rows(folds: int, new_data: bool, split: str = "spread") -> float:
    """n_test / n_train of so many folds; 0 where every fold is new data. split: name of the way rows are dealt."""
    return 0.0 if new_data else cuts[split]().test_to_train(folds)
