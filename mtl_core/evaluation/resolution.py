"""The smallest effect that a run can be expected to see, said before it starts."""

from __future__ import annotations

import numpy as np

from mtl_core.data.splits import TEST_SHARE
from mtl_core.evaluation.intervals import CONFIDENCE, ratio_of_rows
from mtl_core.evaluation.verdict import LEAST_FOLDS
from mtl_core.experiment import Plan

_SPREAD, _SPREAD_OF_ROWS = 0.005, 0.48
"""Variance of one pair's log error ratio in a fold = 0.005 + 0.48 / test rows: fitted to the half-widths that
docs/verdicts.md prints (regressions of the relatedness generator); real data differ by a factor of about 1.5."""
_SHARED_BY_INITS = 0.1
"""Share of that variance which more initialisations do not average away."""


def smallest_effect(plan: Plan, rows: int, split: str = "spread") -> float | None:
    """Roughly, in percent of the error: half the 95 % interval to expect. None where no verdict is possible.

    split: name of the way in which rows are dealt to folds.
    """
    from scipy.special import stdtrit

    if plan.folds < LEAST_FOLDS:
        return None
    test_rows = max(rows * (TEST_SHARE if plan.new_data else 1 / plan.folds), 1)
    pair = _SPREAD + _SPREAD_OF_ROWS / test_rows
    variance = pair * (_SHARED_BY_INITS + (1 - _SHARED_BY_INITS) / plan.inits)
    factor = 1 / plan.folds + ratio_of_rows(plan.folds, plan.new_data, split)
    half_width = stdtrit(plan.folds - 1, (1 + CONFIDENCE) / 2) * np.sqrt(factor * variance)
    return float(-100 * np.expm1(-half_width))
