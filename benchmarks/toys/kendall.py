"""Kendall's toy: two regressions on one input, one with noise 10, one with noise 1; uncertainty weighting finds both.

x ~ N(0, 1), y1 = 2 x + 8 + 10 e, y2 = 3 x + 3 + e, 100 rows. At the optimum log sigma^2 is the log of the task's own
training loss, so the learned deviations must equal the residuals of the network that was learned with them; these
lie a little below 10 and 1, since a network of this size fits some of the noise (8.6 and 0.92 were published for
one draw). Every replica has rows of its own; the network, Adam and the weighting are those of a run.
Reference: Kendall, Gal, Cipolla, CVPR 2018, and the authors' example "multi-task-learning-example".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.toys.checks import Check
from mtl_core.data.prepare import Prepared
from mtl_core.data.synthetic import Relatedness
from mtl_core.events import Replica
from mtl_core.experiment import Experiment, Plan, Training, Unit
from mtl_core.lazy import torch
from mtl_core.models.base import Shape, Trunk, sharings
from mtl_core.optimisers import Adam
from mtl_core.tasks import TaskSpec
from mtl_core.training.engine import run
from mtl_core.training.stack import Stack
from mtl_core.weighting.base import weightings

ROWS, DRAWS, STEPS, WIDTH = 100, 20, 12_000, 8
NOISE = (10.0, 1.0)


def drawn() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Inputs [DRAWS, ROWS, 1] and targets [DRAWS, ROWS, 2]."""
    random = np.random.default_rng(0)
    x, noise = random.standard_normal((DRAWS, ROWS, 1)), random.standard_normal((DRAWS, ROWS, 2))
    targets = np.concatenate([2 * x + 8, 3 * x + 3], -1) + noise * np.array(NOISE)
    return x.astype(np.float32), targets.astype(np.float32)


def learned() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Deviations that the weighting has learned, and of the residuals on the same rows: [DRAWS, 2] each."""
    inputs, targets = drawn()
    stack = _stack(inputs, targets)
    run(stack)
    sigma = np.exp(stack.learned["log_variance"].detach().double().numpy() / 2)
    outputs = stack.sharing.forward(stack.parameters, torch.from_numpy(inputs), stack.shape)
    residuals = (outputs.detach().numpy() - targets).astype(float)
    return sigma, np.sqrt(np.square(residuals).mean(1))


def _stack(inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> Stack:
    """A replica for each draw; the rows that are held out repeat the training rows, nothing is chosen by them."""
    tasks = tuple(TaskSpec(name, "regression") for name in ("noisy", "clean"))
    empty = np.full((DRAWS, 1, 2), np.nan, np.float32), np.zeros((DRAWS, 1, 1), np.float32)
    rows = np.tile(np.arange(ROWS), (DRAWS, 1))
    zeros = np.zeros((DRAWS, 2), np.float32)
    prepared = Prepared(
        np.concatenate([inputs, empty[1]], 1), np.concatenate([targets, empty[0]], 1), zeros, zeros + 1,
        rows, rows, rows,
    )  # fmt: skip
    trunk = Trunk(width=WIDTH)
    experiment = Experiment(
        Relatedness(), tuple(task.name for task in tasks), (sharings["hard"](),), weightings["uncertainty"](), trunk,
        optimiser=Adam(learning_rate=0.01, schedule="cosine"),
        training=Training(steps=STEPS, evaluate_every=STEPS, scale_targets=False), plan=Plan(folds=DRAWS),
    )  # fmt: skip
    replicas = tuple(Replica("together", fold, 0, (0, 1)) for fold in range(DRAWS))
    return Stack(experiment, Unit(0, experiment.sharings[0], Shape(1, (1, 1), trunk), replicas), prepared, tasks)


def measure() -> Iterator[Check]:
    sigma, residual = learned()
    noisy, clean = np.median(sigma, 0)
    yield Check("uncertainty weighting: learned deviation of the noise 10, median", float(noisy), 8.4, 10.0)
    yield Check("uncertainty weighting: learned deviation of the noise 1, median", float(clean), 0.84, 1.0)
    off = np.abs(np.log(sigma / residual)).max()
    yield Check("learned deviation against the residuals: largest log ratio", float(off), 0.0, 0.02)
