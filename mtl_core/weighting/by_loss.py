"""Weightings that look at the losses only; they scale each task's whole loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from mtl_core import draws
from mtl_core.devices import beside
from mtl_core.lazy import torch
from mtl_core.registry import knob
from mtl_core.weighting.base import Signal, State, Weighting, equal_weights, weightings


@weightings.register("equal", title="All alike", term="equal weighting")
@dataclass(frozen=True)
class Equal(Weighting):
    """Every task counts the same: the plain sum of the losses."""

    constant: ClassVar[bool] = True
    laws: ClassVar[frozenset[str]] = frozenset(
        {"sum_to_count", "non_negative", "scale_invariant", "permutation_equivariant"}
    )

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        return equal_weights(signal.present), state


@weightings.register("fixed", title="You decide", term="fixed weights")
@dataclass(frozen=True)
class Fixed(Weighting):
    """You set each task's weight; it can be turned while the networks train."""

    constant: ClassVar[bool] = True
    laws: ClassVar[frozenset[str]] = frozenset({"non_negative", "scale_invariant"})

    weights_of_tasks: tuple[float, ...] = knob(
        (), "How much each task counts", label="Weight", low=0.0, high=100.0, live=True, per_task=True
    )

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        present = equal_weights(signal.present)
        return present * present.new_tensor(self.weights_of_tasks) if self.weights_of_tasks else present, state


@weightings.register("uncertainty", title="Noisy tasks count less", term="uncertainty weighting")
@dataclass(frozen=True)
class Uncertainty(Weighting):
    """Each task learns how noisy it is, and noisy tasks count less.

    Minimises sum of L_t / (2 sigma_t^2) + log sigma_t with s_t = log sigma_t^2 learned beside the network, that is
    (exp(-s_t) L_t + s_t) / 2: the weight of task t is exp(-s_t) / 2. The classification form of the paper,
    exp(-s_t) L_t + s_t / 2, is the same function with s_t moved by log 2, so one form serves all kinds of tasks.
    s starts at -log 2, so that every weight starts at 1.
    Reference: Kendall, Gal, Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR 2018.
    Differs from the paper: no.
    """

    learns: ClassVar[bool] = True
    laws: ClassVar[frozenset[str]] = frozenset({"non_negative", "permutation_equivariant"})

    def parameters(self, present: torch.Tensor) -> State:
        return {"log_variance": torch.full_like(equal_weights(present), -math.log(2))}

    def objective(self, losses: torch.Tensor, present: torch.Tensor, parameters: State) -> torch.Tensor:
        log_variance = parameters["log_variance"]
        each = (torch.exp(-log_variance) * losses + log_variance) / 2
        return torch.where(present, each, 0.0).sum(1)

    def slopes(self, losses: torch.Tensor, present: torch.Tensor, parameters: State) -> list[torch.Tensor]:
        slope = torch.exp(-parameters["log_variance"].detach()) * (present / 2)
        return [slope, present / 2 - slope * losses]


@weightings.register("imtl_l", title="Losses brought to one size", term="IMTL-L")
@dataclass(frozen=True)
class ImpartialLosses(Weighting):
    """Each task learns a factor that brings its loss to the same size as the others'.

    Minimises sum of exp(s_t) L_t - s_t with s_t learned beside the network: at the optimum exp(s_t) L_t = 1.
    Reference: Liu, Li, Kuang et al., "Towards Impartial Multi-task Learning", ICLR 2021. Differs from the paper: no.
    """

    learns: ClassVar[bool] = True
    laws: ClassVar[frozenset[str]] = frozenset({"non_negative", "permutation_equivariant"})

    def parameters(self, present: torch.Tensor) -> State:
        return {"log_factor": torch.zeros_like(equal_weights(present))}

    def objective(self, losses: torch.Tensor, present: torch.Tensor, parameters: State) -> torch.Tensor:
        log_factor = parameters["log_factor"]
        each = torch.exp(log_factor) * losses - log_factor
        return torch.where(present, each, 0.0).sum(1)

    def slopes(self, losses: torch.Tensor, present: torch.Tensor, parameters: State) -> list[torch.Tensor]:
        slope = torch.exp(parameters["log_factor"].detach()) * present
        return [slope, slope * losses - present.to(slope.dtype)]


@weightings.register("gls", title="Product of the losses", term="geometric loss")
@dataclass(frozen=True)
class GeometricLoss(Weighting):
    """The geometric mean of the losses is lowered instead of their sum: a percent is worth a percent on every task.

    The slope of K * (product of L_t)^(1 / K) in L_t, which is (geometric mean) / L_t: equal losses weigh 1 each.
    Losses below 1e-8 count as 1e-8.
    Reference: Chennupati, Sistu, Yogamani, Rawashdeh, "MultiNet++", CVPR Workshops 2019.
    Differs from the paper: times K.
    """

    laws: ClassVar[frozenset[str]] = frozenset({"non_negative", "permutation_equivariant"})

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        logs = signal.losses.clamp(min=1e-8).log() * signal.present
        mean = logs.sum(1, keepdim=True) / signal.present.sum(1, keepdim=True).clamp(min=1)
        return torch.exp(mean - logs) * signal.present, state


@weightings.register("rlw", title="Random weights", term="RLW")
@dataclass(frozen=True)
class RandomWeights(Weighting):
    """Every step draws new weights at random: the baseline that any clever weighting should beat.

    Weights are K * softmax(z), z standard normal, drawn from the replica's seed and the step.
    Reference: Lin, Ye, Zhang, Tsang, "Reasonable Effectiveness of Random Weighting", TMLR 2022.
    Differs from the paper: times K.
    """

    laws: ClassVar[frozenset[str]] = frozenset({"sum_to_count", "non_negative", "scale_invariant"})

    def start(self, present: torch.Tensor, seeds: torch.Tensor) -> State:
        return {"seed": seeds}

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        drawn = draws.uniform(state["seed"].cpu().numpy(), f"rlw.{signal.step}", (signal.present.shape[1],))
        normal = torch.special.ndtri(torch.from_numpy(drawn).clamp(min=2.0**-53))
        return masked_softmax(beside(normal.numpy(), signal.losses), signal.present), state


def masked_softmax(scores: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Positive weights of the present tasks that sum to their number: scores [R, T] -> [R, T]."""
    here = torch.where(present, scores, -torch.inf)
    shares = torch.nan_to_num(torch.softmax(here, 1))  # a replica without any present task
    return shares * present.sum(1, keepdim=True)
