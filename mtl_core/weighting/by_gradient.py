"""Weightings that look at the tasks' gradients on the shared parameters, through their Gramian.

Their weights act on the shared parameters only; heads follow their own task's plain gradient. So a method whose
source averages the gradients is scaled to a sum here (its weights sum to the number of present tasks where the
source's sum to 1): otherwise the trunk would learn T times slower than the heads for a reason that is not the
method's. Where fewer than two tasks are present, where nothing is shared (no Gramian, or all zero) and where a
number is not finite, every present task weighs 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mtl_core import draws
from mtl_core.lazy import torch
from mtl_core.weighting import solvers
from mtl_core.weighting.base import Signal, State, Weighting, equal_weights, weightings
from mtl_core.weighting.solvers import Array, Mask


@dataclass(frozen=True)
class GradientCombination(Weighting):
    """What all gradient combinations have in common: from the signal to arrays and back, and the plain cases."""

    needs_gramian: ClassVar[bool] = True

    def combine(self, gramian: Array, present: Mask, step: int, state: State) -> tuple[Array, State]:
        """Weights [R, T] from gramian [R, T, T] (finite, two or more tasks, not all zero) and the next memory."""
        raise NotImplementedError

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        if signal.gramian is None:
            return equal_weights(signal.present), state
        gramian = signal.gramian.detach().cpu().double().numpy()
        present = signal.present.cpu().numpy()
        with np.errstate(invalid="ignore", over="ignore"):
            usable = np.isfinite(gramian).all((1, 2)) & (present.sum(1) > 1)
            usable &= solvers.diagonal(gramian).sum(1) > 0
        safe = np.where(usable[:, None, None], gramian, np.eye(present.shape[1]) * present[:, :, None])
        safe = solvers.cleaned(safe)
        found, state = self.combine(safe, present, signal.step, state)
        usable &= np.isfinite(found).all(1)
        found = np.where(usable[:, None], found, present)
        return torch.from_numpy(found).to(signal.gramian), state


def count(present: Mask) -> Array:
    """Number of present tasks of each replica [R, 1]."""
    total: Array = np.sum(present, 1, keepdims=True, dtype=np.float64)
    return total


@weightings.register("mgda", title="Best for the worst-off task", term="MGDA")
@dataclass(frozen=True)
class MultipleGradientDescent(GradientCombination):
    """The shared layers move along the direction that lowers the least-lowered loss as much as possible.

    Weights w >= 0, sum K, for which |sum of w_t g_t| is least. A task with a zero gradient takes all the weight:
    the shared layers then stand still, because no step helps every task.
    Reference: Sener, Koltun, "Multi-Task Learning as Multi-Objective Optimization", NeurIPS 2018.
    Differs from the paper: weights sum to K instead of 1; gradients on the parameters, not on the features; exact
    instead of Frank-Wolfe.
    """

    laws: ClassVar[frozenset[str]] = frozenset(
        {"sum_to_count", "non_negative", "scale_invariant", "permutation_equivariant", "non_conflicting"}
    )

    def combine(self, gramian: Array, present: Mask, step: int, state: State) -> tuple[Array, State]:
        return count(present) * solvers.least_norm(gramian, present), state


@weightings.register("pcgrad", title="Remove what conflicts", term="PCGrad")
@dataclass(frozen=True)
class ProjectingConflicts(GradientCombination):
    """Each task's gradient loses the part that points against another task's; the results are added.

    Gradient i meets the others in a random order; where <g_i, g_j> < 0 it becomes g_i - <g_i, g_j> / |g_j|^2 g_j.
    The sum is taken as in the paper, so weights sum to K or more. The order depends on the replica's seed and on
    the step only.
    Reference: Yu, Kumar, Gupta, Levine, Hausman, Finn, "Gradient Surgery for Multi-Task Learning", NeurIPS 2020.
    Differs from the paper: no.
    """

    laws: ClassVar[frozenset[str]] = frozenset({"non_negative", "scale_invariant"})

    def start(self, present: torch.Tensor, seeds: torch.Tensor) -> State:
        return {"seed": seeds}

    def combine(self, gramian: Array, present: Mask, step: int, state: State) -> tuple[Array, State]:
        order = meeting_order(state["seed"], f"pcgrad.{step}", present.shape[1])
        return solvers.without_conflicts(gramian, present, order), state


def meeting_order(seeds: torch.Tensor, key: str, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """A random order of all tasks for each task of each replica: [R, T, T]."""
    drawn = draws.uniform(seeds.cpu().numpy(), key, (size, size))
    return np.argsort(drawn, axis=-1, kind="stable")
