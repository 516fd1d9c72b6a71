"""What a run answers to a lesson's question: the mean gain over the tasks that the question is about."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mtl_core.evaluation.history import History
from mtl_core.evaluation.intervals import paired_interval, ratio_of_rows
from mtl_core.lessons.base import Lesson

LEAST_FOLDS = 2
"""Fewer have no interval."""


@dataclass(frozen=True)
class Outcome:
    """Gain of learning together in percent of the error alone (geometric mean), with its 95 % interval.

    repeats: the gain of every single repeat (fold) that is known; what one lone run would have told.
    """

    gain: float
    low: float
    high: float
    repeats: tuple[float, ...]

    @property
    def word(self) -> str:
        """Whether the interval lies on one side of 0."""
        return "helps" if self.low > 0 else "hurts" if self.high < 0 else "no clear difference"


def outcome(lesson: Lesson, history: History, baseline: str = "equal_width") -> Outcome | None:
    """Gain of the first sharing type against one baseline, so far; None before two folds are known.

    Logarithms of errors are averaged over initialisations, then over the measured tasks, then over folds, so that
    one task with large errors does not speak for all.
    """
    key = history.experiment.sharing_keys()[0]
    twin = history.experiment.baseline(key, baseline, history.shape)
    until = np.minimum(history.reached(key), history.reached(twin))
    alone, together = (np.log(history.test_errors(arm, until)).mean(1) for arm in (twin, key))  # [folds, T]
    names = [task.name for task in history.tasks]
    mean = (alone - together)[:, [names.index(name) for name in lesson.measured]].mean(1)
    known = mean[np.isfinite(mean)]
    if len(known) < LEAST_FOLDS:
        return None
    plan = history.experiment.plan
    found = paired_interval(known, ratio_of_rows(plan.folds, plan.new_data))
    return Outcome(_gain(found.mean), _gain(found.low), _gain(found.high), tuple(map(_gain, known)))


def _gain(difference: float) -> float:
    """A difference of logarithms as a gain in percent."""
    return 100 * (1 - math.exp(-difference))
