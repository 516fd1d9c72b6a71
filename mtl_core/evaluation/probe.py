"""A quick look at "share or not?": first networks alone are tuned, then sharing has to beat them. Pure functions.

Against a badly chosen width or learning rate sharing wins too easily. So the settings of the probe are those under
which networks *alone* validate best; sharing takes them as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mtl_core.data.base import Source
from mtl_core.evaluation.history import History
from mtl_core.experiment import Experiment, Plan, Training
from mtl_core.models.base import Trunk, sharings
from mtl_core.optimisers import Adam

RATES, WIDTHS = (0.002, 0.01), (16, 64)
"""Learning rates and widths that are tried alone."""
STEPS = (400, 200, 100)
"""Budgets, the longest that fits is taken."""
MANY_ROWS, BATCH = 2000, 256
"""A larger table is learned in batches."""
RACE = ("hard", "cross_stitch")


def candidates(data: Source, tasks: tuple[str, ...], rows: int, steps: int) -> tuple[Experiment, ...]:
    """Every setting that is tried, each a run of networks alone: 5 folds, one start, the verdict's own folds."""
    training = Training(steps=steps, evaluate_every=max(steps // 20, 1), batch_size=BATCH if rows > MANY_ROWS else 0)
    alone = Experiment(
        data,
        tasks,
        sharings=(sharings["independent"](),),
        training=training,
        plan=Plan(folds=5, inits=1, equal_width=False, equal_parameters=False),
    )
    return tuple(
        replace(alone, trunk=Trunk(width=width), optimiser=Adam(learning_rate=rate))
        for width in WIDTHS
        for rate in RATES
    )


def study(settings: Experiment) -> Experiment:
    """Hard sharing and cross-stitch against networks alone, 5 folds x 3 initialisations, under these settings."""
    race = tuple(sharings[name]() for name in RACE)
    return replace(settings, sharings=race, plan=Plan(folds=5, inits=3))


def tuned(histories: Sequence[History]) -> Experiment:
    """The candidate whose networks validate best: lowest geometric mean over the tasks of the validation error.

    Rows that test a network have no part in it. Every candidate must have points.
    """
    return min(histories, key=_error).experiment


def _error(history: History) -> float:
    arm = history.arms[0].key
    curves = [history.summary(arm, t, "validation_error")["mean"] for t in range(len(history.tasks))]
    best = np.array([curve.min() if len(curve) else np.inf for curve in curves])
    return float(np.log(np.maximum(np.nan_to_num(best, nan=np.inf), 1e-12)).mean())
