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
from mtl_core.devices import beside
from mtl_core.lazy import torch
from mtl_core.registry import knob
from mtl_core.weighting import solvers, surgery
from mtl_core.weighting.base import Signal, State, Weighting, equal_weights, weightings
from mtl_core.weighting.solvers import Array, Mask


@dataclass(frozen=True)
class GradientCombination(Weighting):
    """What all gradient combinations have in common: from the signal to arrays and back, and the plain cases."""

    needs_gramian: ClassVar[bool] = True

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
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
        found, state = self.combine(safe, present, signal, state)
        usable &= np.isfinite(found).all(1)
        found = np.where(usable[:, None], found, present)
        return beside(found, signal.gramian), state


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

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
        return count(present) * solvers.least_norm(gramian, present), state


@weightings.register("cagrad", title="Near the average, safe for the worst", term="CAGrad")
@dataclass(frozen=True)
class ConflictAverse(GradientCombination):
    """The shared layers stay near the average direction and, within reach, help the least-helped task most.

    Of all d with |d - mean gradient| <= c |mean gradient| the one with the largest min over t of <g_t, d>. Times K, so
    that c = 0 gives equal weights; weights sum to K or more.
    Reference: Liu, Liu, Jin, Stone, Liu, "Conflict-Averse Gradient Descent for Multi-task Learning", NeurIPS 2021.
    Differs from the paper: sum instead of mean; where several d are best, also at stationary points, the one
    nearest to the mean instead of 0; exact instead of SLSQP; not divided by 1 + c^2 (as in the authors' code).
    """

    laws: ClassVar[frozenset[str]] = frozenset({"non_negative", "scale_invariant", "permutation_equivariant"})

    reach: float = knob(0.4, "How far it may leave the average; 0 = equal weights (c of the paper)", low=0.0, high=0.99)

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
        return present + count(present) * solvers.conflict_averse(gramian, present, self.reach), state


@weightings.register("upgrad", title="Nobody is hurt, each in turn", term="UPGrad")
@dataclass(frozen=True)
class UnconflictingProjection(GradientCombination):
    """Each task's gradient is changed as little as possible so that it hurts no task; the results are added.

    Every g_t is projected onto {d : <g_s, d> >= 0 for all s}. No task's loss rises for small steps.
    Reference: Quinton, Rey, "Jacobian Descent for Multi-Objective Optimization", arXiv:2406.16232, 2024.
    Differs from the paper: sum instead of mean; exact, without the regularisation of its package.
    """

    laws: ClassVar[frozenset[str]] = frozenset(
        {"non_negative", "scale_invariant", "permutation_equivariant", "non_conflicting"}
    )

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
        size = present.shape[1]
        each = (np.eye(size) * present[:, :, None]).reshape(-1, size)
        again = np.repeat(np.arange(len(present)), size)
        found = solvers.into_dual_cone(gramian[again], present[again], each)
        return np.sum(found.reshape(-1, size, size), 1), state


@weightings.register("dualproj", title="Nobody is hurt by the sum", term="DualProj")
@dataclass(frozen=True)
class DualProjection(GradientCombination):
    """The sum of the gradients is changed as little as possible so that it hurts no task.

    The plain sum, projected onto {d : <g_t, d> >= 0 for all t}.
    Reference: Lopez-Paz, Ranzato, "Gradient Episodic Memory for Continual Learning", NeurIPS 2017, equation 11; named
    DualProj by Quinton, Rey, 2024. Differs from the paper: sum instead of mean; exact, without regularisation.
    """

    laws: ClassVar[frozenset[str]] = frozenset(
        {"non_negative", "scale_invariant", "permutation_equivariant", "non_conflicting"}
    )

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
        return solvers.into_dual_cone(gramian, present, present.astype(np.float64)), state


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

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
        order = meeting_order(state["seed"], f"pcgrad.{signal.step}", present.shape[1])
        return surgery.without_conflicts(gramian, present, order), state


@weightings.register("gradvac", title="Keep gradients as alike as they were", term="GradVac")
@dataclass(frozen=True)
class GradientVaccine(GradientCombination):
    """Each task's gradient is turned until it is as similar to the others as they have been on average.

    Gradient i meets the others in a random order; where its cosine with g_j is below the running mean of that
    cosine, so much of g_j is added that it equals the mean. The sum is taken, so weights sum to K or more.
    Reference: Wang, Tsvetkov, Firat, Cao, "Gradient Vaccine", ICLR 2021.
    Differs from the paper: one cosine for all shared parameters instead of one for each layer.
    """

    laws: ClassVar[frozenset[str]] = frozenset({"non_negative", "scale_invariant"})

    rate: float = knob(0.01, "How fast the running mean of the cosines follows", low=0.0, high=1.0, advanced=True)

    def start(self, present: torch.Tensor, seeds: torch.Tensor) -> State:
        size = present.shape[1]
        return {"seed": seeds, "cosine": torch.from_numpy(np.zeros((len(present), size, size)))}

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
        order = meeting_order(state["seed"], f"gradvac.{signal.step}", present.shape[1])
        wanted = state["cosine"].numpy()
        found, wanted = surgery.with_similarity(gramian, present, order, wanted, self.rate)
        return found, state | {"cosine": torch.from_numpy(wanted)}


@weightings.register("graddrop", title="One sign for each number", term="GradDrop")
@dataclass(frozen=True)
class GradientSignDropout(Weighting):
    """Every single number of the shared layers follows either the tasks that push it up or those that push it down.

    The sign is drawn: up with probability (1 + sum of g_t / sum of |g_t|) / 2; gradients of the other sign are
    dropped, the rest are added. All weights are 1: what is dropped differs from number to number.
    Reference: Chen, Ngiam, Huang et al., "Just Pick a Sign", NeurIPS 2020.
    Differs from the paper: on the gradients of the parameters instead of the features; no leak.
    """

    needs_gramian: ClassVar[bool] = True
    laws: ClassVar[frozenset[str]] = frozenset(
        {"sum_to_count", "non_negative", "scale_invariant", "permutation_equivariant"}
    )

    def start(self, present: torch.Tensor, seeds: torch.Tensor) -> State:
        return {"seed": seeds}

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        return equal_weights(signal.present), state

    def combined(self, jacobian: torch.Tensor, weights: torch.Tensor, step: int, state: State) -> torch.Tensor:
        size = jacobian.shape[2]
        bits = draws.bits(state["seed"].cpu().numpy(), f"graddrop.{step}", -(-size // 2))
        chance = beside(bits.view(np.uint32)[:, :size] * 2.0**-32, jacobian)  # [R, P]
        total, up = jacobian.sum(1), torch.relu(jacobian).sum(1)
        down = up - total
        return torch.where(up > chance * (up + down), up, -down)


def meeting_order(seeds: torch.Tensor, key: str, size: int) -> surgery.Order:
    """A random order of the other tasks for each task of each replica: [R, T, T - 1]."""
    drawn = draws.uniform(seeds.cpu().numpy(), key, (size, size)) + np.eye(size)  # itself last
    return np.argsort(drawn, axis=-1, kind="stable")[..., :-1]
