"""Two losses of two parameters: which weighting reaches the Pareto front from which start.

The problem of CAGrad (Liu et al., NeurIPS 2021) with its three starts, and the harder one of Nash-MTL (Navon et al.,
ICML 2022) and FAMO (Liu et al., NeurIPS 2023), whose first loss is ten times smaller, with their five. Above
x2 = 0 both losses have a deep, narrow valley that holds whoever falls into it; below lie two bowls, centred at
(7, -8) and (-7, -8), and between their centres the Pareto front. Weightings and Adam are the registered ones.

Sizes: R starts (each a replica), T = 2 tasks, the two parameters are shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

import mtl_core.weighting  # noqa: F401 - registers every method
from benchmarks.toys.checks import Check
from mtl_core.lazy import torch
from mtl_core.lessons.walk import NEAR
from mtl_core.optimisers import Adam
from mtl_core.weighting.base import Signal, State, Weighting, weightings

LOWEST = 5e-6
"""Where the valleys' logarithm is cut off."""
BOUND = 21.0
"""No loss falls below minus this times its scale; FAMO's toy hands the method losses above this bound, so do we."""
RATE = 3e-3
"""Three times the papers', to need fewer steps. Of 1e-3, 2e-3, 3e-3, 5e-3 and 1e-2 this one shows the papers' ends in
the steps below. At 1e-3 CAGrad had not arrived from three of eight starts after 50,000 steps (its paper takes 100,000);
from 5e-3 on, steps are so long that they jump out of the valleys, and equal weights arrive too."""
STEPS = {"equal": 32_000, "pcgrad": 32_000, "cagrad": 32_000}
FEWER_STEPS = 16_000
EVERY = 50
"""Steps between two points of a path."""

Paths = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """Starts [R, 2] and the factor on the first loss."""

    title: str
    starts: tuple[tuple[float, float], ...]
    first: float


CAGRAD = Problem("CAGrad", ((-8.5, 7.5), (-8.5, -5.0), (9.0, 9.0)), 1.0)
NASH = Problem("Nash-MTL and FAMO", ((-8.5, 7.5), (0.0, 0.0), (9.0, 9.0), (-7.5, -0.5), (9.0, -1.0)), 0.1)


def losses(points: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
    """points [..., 2, 2], a copy for each loss, first [...] the factor on the first loss -> [..., 2].

    With a copy for each loss one backward pass gives both gradients.
    """
    (a, b), (c, d) = points[..., 0, :].unbind(-1), points[..., 1, :].unbind(-1)
    valleys = torch.stack([0.5 * (-a - 7) - torch.tanh(-b), 0.5 * (-c + 3) + torch.tanh(-d) + 2], -1)
    bowls = torch.stack([(-a + 7) ** 2 + 0.1 * (-b - 8) ** 2, (-c - 7) ** 2 + 0.1 * (-d - 8) ** 2], -1) / 10 - 20
    high = torch.tanh(0.5 * torch.stack([b, d], -1))
    found = (valleys.abs().clamp(LOWEST).log() + 6) * high.clamp(0) + bowls * (-high).clamp(0)
    return found * torch.stack([first, torch.ones_like(first)], -1)


def descent(
    method: Weighting, starts: NDArray[np.float64], first: NDArray[np.float64], steps: int = FEWER_STEPS
) -> Paths:
    """Paths [steps / EVERY + 1, R, 2] from starts [R, 2] with the factors [R] on the first loss."""
    position = torch.tensor(starts)
    factor = torch.tensor(first)
    present = torch.ones(len(starts), 2, dtype=torch.bool)
    state = method.start(present, torch.arange(len(starts)))
    learned = {name: each.double().requires_grad_() for name, each in method.parameters(present).items()}
    moved = [position, *(each.detach() for each in learned.values())]
    optimiser = Adam(learning_rate=RATE)
    memory, path = optimiser.start(moved), [position.clone()]
    bound = BOUND * torch.stack([factor, torch.ones_like(factor)], -1)
    for step in range(steps):
        values, jacobian = _looked(position, factor)
        found, own, state = _combined(method, values + bound, jacobian, step, state, learned)
        optimiser.move(moved, [found, *own], memory, RATE)
        if (step + 1) % EVERY == 0:
            path.append(position.clone())
    return np.asarray(torch.stack(path).numpy())


def _looked(position: torch.Tensor, first: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses [R, 2] and their gradients [R, 2, 2] at positions [R, 2]."""
    copies = position.unsqueeze(1).repeat(1, 2, 1).requires_grad_()
    values = losses(copies, first)
    return values.detach(), torch.autograd.grad(values.sum(), copies)[0]


def _combined(
    method: Weighting, values: torch.Tensor, jacobian: torch.Tensor, step: int, state: State, learned: State
) -> tuple[torch.Tensor, list[torch.Tensor], State]:
    """Gradient of the position [R, 2], gradients of the method's own parameters, and its next memory."""
    present = torch.ones(values.shape, dtype=torch.bool)
    if method.learns:
        leaf = values.clone().requires_grad_()
        objective = method.objective(leaf, present, learned).sum()
        weights, *own = torch.autograd.grad(objective, [leaf, *learned.values()])
    else:
        gramian = torch.bmm(jacobian, jacobian.mT).float() if method.needs_gramian else None  # as the engine hands it
        weights, state = method.weights(Signal(values.float(), present, step, 1, gramian), state)
        own = []
    return method.combined(jacobian, weights.to(jacobian), step, state), own, state


KNOBS: dict[str, dict[str, float]] = {"cagrad": {"reach": 0.5}, "famo": {"decay": 0.0}}
"""As the toys of the papers set them."""


@cache
def paths(name: str) -> tuple[Paths, Paths]:
    """Paths of a registered weighting on CAGrad's problem and on the one of Nash-MTL and FAMO."""
    method = weightings[name](**KNOBS.get(name, {}))
    starts = np.concatenate([np.array(each.starts) for each in (CAGRAD, NASH)])
    first = np.concatenate([np.full(len(each.starts), each.first) for each in (CAGRAD, NASH)])
    found = descent(method, starts, first, STEPS.get(name, FEWER_STEPS))
    return found[:, : len(CAGRAD.starts)], found[:, len(CAGRAD.starts) :]


def off_front(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance [...] of points [..., 2] from the segment between the two bowls' centres."""
    inside = np.clip(points[..., 0], -7.0, 7.0)
    return np.asarray(np.hypot(points[..., 0] - inside, points[..., 1] + 8.0))


def checks(name: str) -> Iterator[Check]:
    """What the papers show of one of METHODS."""
    what, ends = weightings[name].term, [path[-1] for path in paths(name)]
    for problem, end, expected in zip((CAGRAD, NASH), ends, METHODS[name], strict=True):
        arrived = int((off_front(end) < NEAR).sum())
        yield Check(f"{what}: starts of {len(end)} that reach the front of {problem.title}", arrived, *expected)
    if name == "cagrad":
        yield Check(f"{what}: ends of CAGrad's, largest distance from the least mean", _widest(ends[0]), 0.0, 1.5)
    if name == "mgda":
        yield Check(f"{what}: ends of CAGrad's, largest distance from the least mean", _widest(ends[0]), 5.0, 7.5)
    if name == "famo":
        yield Check(f"{what}: ends of FAMO's, largest distance from the middle", _widest(ends[1]), 0.0, 4.0)


METHODS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "equal": ((1, 1), (4, 4)),
    "mgda": ((3, 3), (5, 5)),
    "pcgrad": ((3, 3), (3, 5)),
    "cagrad": ((3, 3), (5, 5)),
    "nash": ((3, 3), (5, 5)),
    "famo": ((3, 3), (5, 5)),
}
"""Weightings of the papers' figures, and how many starts should reach the front of each problem."""


def measure() -> Iterator[Check]:
    for name in METHODS:
        yield from checks(name)


def _widest(end: NDArray[np.float64]) -> float:
    return float(np.abs(end[:, 0]).max())
