"""Gradient combinations that balance the tasks' shares. A present task with a zero gradient always weighs 1 here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mtl_core.lazy import torch
from mtl_core.registry import knob
from mtl_core.weighting import balance, solvers
from mtl_core.weighting.base import Signal, State, weightings
from mtl_core.weighting.by_gradient import GradientCombination, count
from mtl_core.weighting.solvers import Array, Mask

ROUNDING = 1e-6
"""A gradient's size that differs from its target by so small a share, that of 32-bit floats, is on target."""


def scaled_to_count(found: Array, gramian: Array, present: Mask) -> Array:
    """Weights scaled to sum to the number of tasks with a gradient; the present tasks without one weigh 1."""
    active = present & (solvers.diagonal(gramian) > 0)
    total = np.where(active, found, 0.0).sum(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(active, found * (count(active) / total), present)


@weightings.register("nash", title="A fair bargain", term="Nash-MTL")
@dataclass(frozen=True)
class NashBargain(GradientCombination):
    """Tasks bargain about the direction: the product of their gains is as large as it can be.

    Weights w > 0 with w_t <g_t, d> = 1 for all t, where d = sum of w_t g_t; then scaled to sum K. No task's unit
    matters: a loss in other units gets another weight and the same direction results.
    Reference: Navon, Shamsian, Achituve et al., "Multi-Task Learning as a Bargaining Game", ICML 2022.
    Differs from the paper: weights sum to K instead of a step of length sqrt(K); solved to convergence in every
    step instead of by a few rounds of an approximation; no clipping.
    """

    laws: ClassVar[frozenset[str]] = frozenset(
        {"sum_to_count", "non_negative", "scale_invariant", "permutation_equivariant", "non_conflicting"}
    )

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
        return scaled_to_count(balance.fair(gramian, present, 1.0), gramian, present), state


@weightings.register("fairgrad", title="Fair to a chosen degree", term="FairGrad")
@dataclass(frozen=True)
class FairResource(GradientCombination):
    """Tasks share the step as a fair resource: alpha says how much the least-helped task is preferred.

    Weights w > 0 with <g_t, d> = w_t^(-1 / alpha), d = sum of w_t g_t, then scaled to sum K. alpha = 1 is the Nash
    bargain; larger comes closer to the best for the worst-off.
    Reference: Ban, Ji, "Fair Resource Allocation in Multi-Task Learning", ICML 2024.
    Differs from the paper: weights sum to K; Newton's method to convergence instead of least squares.
    """

    laws: ClassVar[frozenset[str]] = frozenset(
        {"sum_to_count", "non_negative", "scale_invariant", "permutation_equivariant", "non_conflicting"}
    )

    alpha: float = knob(2.0, "1 = Nash bargain; larger = fairer to the least-helped task", low=0.5, high=10.0)

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
        return scaled_to_count(balance.fair(gramian, present, 1 / self.alpha), gramian, present), state


@weightings.register("imtl_g", title="Equal progress in every direction", term="IMTL-G")
@dataclass(frozen=True)
class ImpartialGradients(GradientCombination):
    """The combined gradient reaches equally far along every task's own direction.

    Weights, sum K, for which <d, g_t / |g_t|> is the same for all t. They can be negative: a task may be pushed
    backwards to keep the balance. Where no such direction exists (opposite gradients) all weigh 1.
    Reference: Liu, Li, Kuang et al., "Towards Impartial Multi-task Learning", ICLR 2021.
    Differs from the paper: weights sum to K instead of 1; gradients on the parameters, not on the features.
    """

    laws: ClassVar[frozenset[str]] = frozenset({"sum_to_count", "scale_invariant"})

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
        return scaled_to_count(balance.equal_projection(gramian, present), gramian, present), state


@weightings.register("aligned", title="Untangle the directions", term="Aligned-MTL")
@dataclass(frozen=True)
class AlignedComponents(GradientCombination):
    """The gradients are made orthogonal and equally long, changing them as little as possible; then added.

    With G = V S V' the weights are V sqrt(s / S) V' 1, where s is the smallest, the middle or the mean
    eigenvalue. With "min" the shared layers move with the speed of the weakest component, slower than the heads:
    this is the method's own choice. Weights can be negative.
    Reference: Senushkin, Patakin, Kuznetsov, Konushin, "Independent Component Alignment for Multi-Task Learning",
    CVPR 2023. Differs from the paper: sum instead of mean of the aligned gradients.
    """

    laws: ClassVar[frozenset[str]] = frozenset({"scale_invariant"})

    scale: str = knob("min", "Which component sets the common length", choices=("min", "median", "rmse"), advanced=True)

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
        everyone = present.astype(np.float64)
        return (balance.aligned(gramian, self.scale) @ everyone[..., None])[..., 0] * present, state


@weightings.register("gradnorm", title="Equal gradient sizes, slow tasks more", term="GradNorm")
@dataclass(frozen=True)
class GradientNormalisation(GradientCombination):
    """Weights are learned so that gradients have one size, larger for tasks whose loss falls slowly.

    Target of task t: mean of w |g| over the tasks * r_t^alpha, r_t = (L_t / first L_t) / mean of these. Each step
    lowers the sum over t of |w_t |g_t| - target_t| a little, then scales the weights to sum K.
    Reference: Chen, Badrinarayanan, Lee, Rabinovich, "GradNorm", ICML 2018.
    Differs from the paper: plain steps on norms divided by their mean, so that `rate` suits losses of any size;
    weights act on the shared layers only; gradients on all shared layers instead of the last.
    """

    laws: ClassVar[frozenset[str]] = frozenset(
        {"sum_to_count", "non_negative", "scale_invariant", "permutation_equivariant"}
    )

    alpha: float = knob(1.5, "How much slow tasks are favoured; 0 = equal gradient sizes", low=0.0, high=5.0)
    rate: float = knob(0.025, "How fast the weights follow", low=1e-4, high=1.0, log=True, advanced=True)

    def start(self, present: torch.Tensor, seeds: torch.Tensor) -> State:
        zeros = torch.from_numpy(np.zeros(present.shape))  # the solvers' memory stays where they work
        return {"weights": zeros + 1, "first": zeros}

    def combine(self, gramian: Array, present: Mask, signal: Signal, state: State) -> tuple[Array, State]:
        losses = np.nan_to_num(signal.losses.cpu().double().numpy())
        first = np.where((state["first"].numpy() > 0) | ~present, state["first"].numpy(), losses)
        kept = state["weights"].numpy()
        weights = kept * present * count(present) * solvers.inverse((kept * present).sum(1, keepdims=True))
        moved = np.maximum(weights - self.rate * self._slope(gramian, weights, losses, first, present), 1e-3)
        memory = np.where(present, moved, kept)
        return weights, {"weights": torch.from_numpy(memory), "first": torch.from_numpy(first)}

    def _slope(self, gramian: Array, weights: Array, losses: Array, first: Array, present: Mask) -> Array:
        """How the distance from the targets changes with each weight, for gradients of mean length 1."""
        lengths = np.sqrt(solvers.diagonal(gramian))
        lengths = lengths * count(present) * solvers.inverse(lengths.sum(1, keepdims=True))
        rate = losses * solvers.inverse(first)
        rate = rate * count(present) * solvers.inverse(np.sum(rate * present, 1, keepdims=True))
        mean = np.sum(weights * lengths, 1, keepdims=True) * solvers.inverse(count(present))
        target = mean * rate**self.alpha
        away = np.abs(weights * lengths - target) > ROUNDING * target
        return np.asarray(np.sign(weights * lengths - target) * lengths * (present & away))
