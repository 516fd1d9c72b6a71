"""What a comparison of learners says: error against steps and against labels, with intervals, and who beats whom.

A replica's error is the mean over its unseen tasks; replicas are the sample. Errors are compared as logarithms, so that
a difference reads as a percentage, with the same learner-by-learner tasks, labels and questions in every replica.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.evaluation.intervals import holm, paired_interval

Key = tuple[str, int]
"""A learner's name and a number of labels."""


@dataclass(frozen=True)
class Course:
    """errors [R, steps + 1]: mean squared error of each replica after 0, 1, ... steps on unseen tasks.

    best [R]: the number of steps that did best on tasks as for training. A learner is judged there: who takes more or
    larger steps is not worse for having taken too many.
    """

    errors: NDArray[np.float64]
    best: NDArray[np.int64]

    @property
    def judged(self) -> NDArray[np.float64]:
        """Error at the chosen number of steps [R]."""
        return self.errors[np.arange(len(self.best)), self.best]


Found = dict[Key, Course]


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


def curves(found: Found, test_to_train: float) -> pd.DataFrame:
    """Rows of learner, shots, step, error, low, high; a step at which a replica diverged is left out."""
    rows = [
        (*key, step, *_interval(column, test_to_train))
        for key, each in found.items()
        for step, column in enumerate(each.errors.T)
        if np.isfinite(column).all()
    ]
    return pd.DataFrame(rows, columns=["learner", "shots", "step", "error", "low", "high"])


def judged(found: Found, test_to_train: float) -> pd.DataFrame:
    """Rows of learner, shots, steps (the median of the chosen numbers), error there, low, high."""
    rows = [
        (*key, float(np.median(each.best)), *_interval(each.judged, test_to_train))
        for key, each in found.items()
        if np.isfinite(each.judged).all()
    ]
    return pd.DataFrame(rows, columns=["learner", "shots", "steps", "error", "low", "high"])


def _interval(errors: NDArray[np.float64], test_to_train: float) -> tuple[float, float, float]:
    """Geometric mean of the replicas' errors [R] and its 95 % interval."""
    found = paired_interval(np.log(errors), test_to_train)
    mean, low, high = np.exp([found.mean, found.low, found.high])
    return float(mean), float(low), float(high)


def duels(found: Found, against: str, test_to_train: float) -> tuple[Duel, ...]:
    """Every other learner against one on each number of labels, each at its own best step; Holm over all of them.

    A learner of which a replica has diverged is left out.
    """
    sound = {key for key, each in found.items() if np.isfinite(each.judged).all()}
    pairs = [key for key in found if key in sound and key[0] != against and (against, key[1]) in sound]
    intervals = [
        paired_interval(np.log(found[against, shots].judged) - np.log(found[learner, shots].judged), test_to_train)
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


def course(unseen: NDArray[np.float64], chosen_by: NDArray[np.float64]) -> Course:
    """From errors [R, tasks, steps + 1] on unseen tasks and on tasks as for training; never a diverged step."""
    guide = np.nan_to_num(np.nanmean(chosen_by, 1), nan=np.inf)
    return Course(np.nanmean(unseen, 1), guide.argmin(1))
