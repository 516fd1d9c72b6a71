"""What a comparison of learners says: error against steps and against labels, with intervals, and who beats whom.

A replica's error is the mean over its unseen tasks; replicas are the sample. Errors are compared as logarithms, so that
a difference reads as a percentage, with the same learner-by-learner tasks, labels and questions in every replica.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.evaluation.intervals import holm, paired_interval

Errors = dict[tuple[str, int], NDArray[np.float64]]
"""(learner, labels) -> mean squared error of each replica after 0, 1, ... steps: [R, steps + 1]."""


@dataclass(frozen=True)
class Duel:
    """One learner against another on the same unseen tasks.

    gain: percent of the other's error that is saved, with its 95 % interval; p is adjusted for all duels of a table.
    """

    learner: str
    against: str
    shots: int
    gain: float
    low: float
    high: float
    p: float

    @property
    def verdict(self) -> str:
        if self.p >= 0.05:
            return "no clear difference"
        return "better" if self.gain > 0 else "worse"


def curves(found: Errors, test_to_train: float) -> pd.DataFrame:
    """Rows of learner, shots, step, error, low, high: geometric mean over the replicas and its 95 % interval."""
    rows = []
    for (learner, shots), values in found.items():
        for step, column in enumerate(np.log(np.maximum(values, 1e-300)).T):
            known = column[np.isfinite(column)]
            if len(known) < 2:
                continue
            interval = paired_interval(known, test_to_train)
            rows.append((learner, shots, step, *np.exp([interval.mean, interval.low, interval.high])))
    return pd.DataFrame(rows, columns=["learner", "shots", "step", "error", "low", "high"])


def duels(found: Errors, against: str, step: int, test_to_train: float) -> tuple[Duel, ...]:
    """Every other learner against one, after `step` steps on each number of labels; Holm over all of them."""
    pairs = [(learner, shots) for learner, shots in found if learner != against and (against, shots) in found]
    intervals = [
        paired_interval(np.log(found[against, shots][:, step]) - np.log(found[learner, shots][:, step]), test_to_train)
        for learner, shots in pairs
    ]
    adjusted = holm([each.p for each in intervals])
    return tuple(
        Duel(learner, against, shots, _saved(each.mean), _saved(each.low), _saved(each.high), float(p))
        for (learner, shots), each, p in zip(pairs, intervals, adjusted, strict=True)
    )


def _saved(difference: float) -> float:
    """Percent of an error that a difference of logarithms saves."""
    return float(100 * (1 - np.exp(-difference)))


def by_replica(tasks: Mapping[tuple[str, int], NDArray[np.float64]]) -> Errors:
    """Mean over the unseen tasks, leaving out those without a row to ask about: [R, tasks, S] -> [R, S]."""
    return {key: np.nanmean(values, 1) for key, values in tasks.items()}
