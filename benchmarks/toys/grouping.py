"""Six regressions from two hidden families: does TAG's rule find the families from one run of all together?

Tasks of a family are mixtures of the same two tanh latents; the families have nothing in common. Where relatives
are alike (mixtures near 1) and affinity is read while the losses still fall, the rule finds the families. Where
mixtures have any sign, relatives may need opposite steps on the same features, and affinity, which looks one step
ahead, takes them for strangers; and read to the end of training it drowns in the noise. While the shared
networks train, the affinity Z[i, j] = 1 - L_j(shared parameters stepped on task i) / L_j(before) is read every few
steps on the same batch and averaged; the grouping rule then sees only Z. Every replica has data of its own.
Reference: Fifty et al., NeurIPS 2021.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.toys.checks import Check
from mtl_core.data.prepare import Prepared
from mtl_core.data.synthetic import Relatedness
from mtl_core.evaluation.grouping import best_groups
from mtl_core.events import Replica
from mtl_core.experiment import Experiment, Plan, Training, Unit
from mtl_core.lazy import torch
from mtl_core.models.base import Shape, Trunk, sharings
from mtl_core.tasks import TaskSpec
from mtl_core.training.engine import run
from mtl_core.training.stack import Stack
from mtl_core.weighting.base import weightings

WORLDS, ROWS, INPUTS, TASKS, LATENTS = 20, 200, 10, 6, 2
FAMILIES = ((0, 1, 2), (3, 4, 5))
EARLY, LONG, LOOK_EVERY, RATE = 50, 300, 10, 0.1


def worlds(alike: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Inputs [WORLDS, ROWS, INPUTS] and targets of deviation 1 [WORLDS, ROWS, TASKS], before their noise."""
    random = np.random.default_rng(0)
    x = random.standard_normal((WORLDS, ROWS, INPUTS))
    targets = np.empty((WORLDS, ROWS, TASKS))
    for family in FAMILIES:
        directions = random.standard_normal((WORLDS, INPUTS, LATENTS)) * 2 / np.sqrt(INPUTS)
        mixtures = random.standard_normal((WORLDS, LATENTS, len(family)))
        mixtures = 1 + 0.25 * mixtures if alike else mixtures
        targets[:, :, family] = np.tanh(x @ directions) @ mixtures
    targets = (targets - targets.mean(1, keepdims=True)) / targets.std(1, keepdims=True)
    return x.astype(np.float32), (targets + 0.2 * random.standard_normal(targets.shape)).astype(np.float32)


def affinities(alike: bool, steps: int) -> NDArray[np.float64]:
    """Mean affinity over the first `steps` of training, of every world: [WORLDS, TASKS, TASKS]."""
    inputs, targets = worlds(alike)
    stack = _stack(inputs, targets, steps)
    seen = []
    while not stack.done:
        run(stack, max_steps=LOOK_EVERY)
        seen.append(affinity(stack, torch.from_numpy(inputs), torch.from_numpy(targets)))
    return np.asarray(torch.stack(seen).double().mean(0).numpy())


def affinity(stack: Stack, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Z[i, j] of every replica on a batch: inputs [R, B, F], targets [R, B, T] -> [R, T, T]."""
    parameters = {name: each.detach().requires_grad_() for name, each in stack.parameters.items()}
    before = _losses(stack, parameters, inputs, targets)
    shared = [parameters[name] for name in stack.shared]
    rows = []
    for i in range(targets.shape[2]):
        slopes = torch.autograd.grad(before[:, i].sum(), shared, retain_graph=True)
        moved = {name: parameters[name] - RATE * slope for name, slope in zip(stack.shared, slopes, strict=True)}
        with torch.no_grad():
            rows.append(1 - _losses(stack, parameters | moved, inputs, targets) / before)
    return torch.stack(rows, 1).detach()


def _losses(
    stack: Stack, parameters: dict[str, torch.Tensor], inputs: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    return (stack.sharing.forward(parameters, inputs, stack.shape) - targets).square().mean(1)  # [R, T]


def _stack(inputs: NDArray[np.float32], targets: NDArray[np.float32], steps: int) -> Stack:
    tasks = tuple(TaskSpec(f"task {t + 1}", "regression") for t in range(TASKS))
    blank = np.zeros((WORLDS, 1, INPUTS), np.float32), np.full((WORLDS, 1, TASKS), np.nan, np.float32)
    rows, zeros = np.tile(np.arange(ROWS), (WORLDS, 1)), np.zeros((WORLDS, TASKS), np.float32)
    prepared = Prepared(
        np.concatenate([inputs, blank[0]], 1), np.concatenate([targets, blank[1]], 1), zeros, zeros + 1,
        rows, rows, rows,
    )  # fmt: skip
    trunk = Trunk(width=16)
    experiment = Experiment(
        Relatedness(), tuple(task.name for task in tasks), (sharings["hard"](),), weightings["equal"](), trunk,
        training=Training(steps=steps, evaluate_every=steps), plan=Plan(folds=WORLDS),
    )  # fmt: skip
    replicas = tuple(Replica("together", fold, 0, tuple(range(TASKS))) for fold in range(WORLDS))
    unit = Unit(0, experiment.sharings[0], Shape(INPUTS, (1,) * TASKS, trunk), replicas)
    return Stack(experiment, unit, prepared, tasks)


def found_families(affinities: NDArray[np.float64]) -> int:
    """In how many worlds the rule gives exactly the hidden families."""
    return sum(best_groups(each, len(FAMILIES)) == FAMILIES for each in affinities)


def measure() -> Iterator[Check]:
    alike = affinities(alike=True, steps=EARLY)
    name = f"TAG's rule: worlds of {WORLDS} in which it finds the two families"
    yield Check(f"{name}, alike", found_families(alike), 0.8 * WORLDS, WORLDS)
    yield Check(f"{name}, any sign", found_families(affinities(alike=False, steps=EARLY)), 0, 0.4 * WORLDS)
    late = found_families(affinities(alike=True, steps=LONG))
    yield Check(f"{name}, alike, read to the end", late, 0.2 * WORLDS, 0.7 * WORLDS)
    same = np.kron(np.eye(2), np.ones((3, 3))).astype(bool)
    within, across = alike[:, same & ~np.eye(TASKS, dtype=bool)].mean(), alike[:, ~same].mean()
    yield Check("TAG: affinity within the families minus across, in percent", float(100 * (within - across)), 1.0, 3.0)
