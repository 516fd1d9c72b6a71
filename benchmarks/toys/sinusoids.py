"""Sine waves from ten points: what MAML, Reptile and ANIL make of them, beside what they have to beat.

The set-up of Finn, Abbeel, Levine (ICML 2017, section 5.1): two hidden layers of 40, inner rate 0.01, 10 labels, 25
tasks a step. The paper trains for 70,000 steps; after 10,000 the mean squared error on new waves after 0, 1, 5 and 10
steps is about 2.8, 0.4, 0.17 and 0.13 for MAML and 2.8, 2.4, 1.7 and 1.6 for plain pretraining. The others are trained
for 3,000 steps and held to ranges that were measured here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.toys.checks import Check
from mtl_core.meta.budget import Budget
from mtl_core.meta.engine import Preparation, errors
from mtl_core.meta.generated import Sinusoids
from mtl_core.meta.learners import learners
from mtl_core.models.base import Trunk
from mtl_core.training.engine import calm

PAPER_STEPS, SHORT_STEPS = 10_000, 3_000
AT = (0, 1, 5, 10)
PUBLISHED = {
    "maml": ((2.4, 3.6), (0.3, 0.6), (0.12, 0.25), (0.08, 0.2)),
    "pretraining": ((2.4, 3.6), (2.0, 2.8), (1.4, 2.2), (1.2, 2.0)),
}
OURS = {"fomaml": (0.2, 0.9), "anil": (0.3, 1.5), "reptile": (0.1, 0.8), "ridge": (0.0, 0.05), "scratch": (2.5, 6.0)}
"""Error after ten steps."""


def error(name: str, steps: int) -> NDArray[np.float64]:
    """Mean squared error of a learner on new waves after AT steps, mean over two replicas of 300 waves each."""
    budget = Budget(steps=steps, folds=2, unseen=300)
    prepared = Preparation.begin(learners[name](), Sinusoids(), Trunk(width=40), budget)
    calm()
    prepared.finish()
    return np.asarray(errors(prepared, 10, AT[-1]).mean((0, 1))[list(AT)])


def published(name: str) -> Iterator[Check]:
    """One of PUBLISHED at the number of meta-steps for which figures are known."""
    term = learners[name].term
    for step, value, (low, high) in zip(AT, error(name, PAPER_STEPS), PUBLISHED[name], strict=True):
        yield Check(f"{term}: error after {step} steps on a new sine wave", float(value), low, high)


def measure() -> Iterator[Check]:
    for name in PUBLISHED:
        yield from published(name)
    for name, (low, high) in OURS.items():
        yield Check(f"{learners[name].term}: error after 10 steps", float(error(name, SHORT_STEPS)[-1]), low, high)
