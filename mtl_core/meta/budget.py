"""How long learners are prepared, on how many tasks, and how often one looks at them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtl_core import draws
from mtl_core.devices import device_knob
from mtl_core.meta.families import Starts
from mtl_core.registry import Method, knob


@dataclass(frozen=True)
class Budget(Method):
    """How long learners are prepared, and on what they are judged."""

    steps: int = knob(
        2000, "Steps with which every learner is prepared", label="Meta-steps", low=1, high=1_000_000, log=True
    )
    tasks: int = knob(25, "How many tasks share one meta-step", label="Tasks in a meta-step", low=1, high=500, log=True)
    shots: int = knob(
        10, "Labels of a task to adapt on while training", label="Labels while training", low=1, high=200, advanced=True
    )
    queries: int = knob(
        10,
        "Further labels of a task to be judged on while training",
        label="Further labels to be judged on",
        low=1,
        high=200,
        advanced=True,
    )
    learning_rate: float = knob(
        0.001,
        "Size of a meta-step (Adam); can be turned on the way",
        label="Learning rate",
        low=1e-6,
        high=1.0,
        log=True,
        live=True,
    )
    folds: int = knob(
        5,
        "Replicas, each with a start and tasks of its own; of a table, parts of the groups",
        label="Repeats",
        low=2,
        high=50,
    )
    unseen: int = knob(
        100, "Unseen tasks of each replica, at most", label="Unseen tasks", low=1, high=10_000, log=True, advanced=True
    )
    asked: int = knob(
        50,
        "Rows of an unseen task on which the error is measured, at most",
        label="Rows asked about",
        low=1,
        high=10_000,
        advanced=True,
    )
    evaluate_every: int = knob(
        20,
        "How often the loss is written down while learners are prepared",
        label="Meta-steps between two points of the curves",
        low=1,
        high=100_000,
        advanced=True,
    )
    device: str = device_knob()
    seed: int = knob(0, "Another seed: other starts, other tasks", low=0, high=2**31 - 1, advanced=True)


def starts_of(budget: Budget) -> Starts:
    """The replicas: as many as folds, each with a seed of its own."""
    seeds = draws.bits([budget.seed], "meta.replicas", budget.folds)[0] >> np.uint64(1)
    return Starts(seeds.astype(np.int64), np.arange(budget.folds))
