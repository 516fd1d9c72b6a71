"""Weightings that look at the losses only; they scale each task's whole loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.registry import knob
from mtl_core.weighting.base import Signal, State, Weighting, equal_weights, weightings


@weightings.register("equal", title="All alike", term="equal weighting")
@dataclass(frozen=True)
class Equal(Weighting):
    """Every task counts the same: the plain sum of the losses."""

    laws: ClassVar[frozenset[str]] = frozenset(
        {"sum_to_count", "non_negative", "scale_invariant", "permutation_equivariant"}
    )

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        return equal_weights(signal.present), state


@weightings.register("fixed", title="You decide", term="fixed weights")
@dataclass(frozen=True)
class Fixed(Weighting):
    """You set each task's weight; it can be turned while the networks train."""

    laws: ClassVar[frozenset[str]] = frozenset({"non_negative", "scale_invariant"})

    weights_of_tasks: tuple[float, ...] = knob(
        (), "How much each task counts", label="Weight", low=0.0, high=100.0, live=True, per_task=True
    )

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        present = equal_weights(signal.present)
        return (present * torch.tensor(self.weights_of_tasks) if self.weights_of_tasks else present), state


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
        return torch.where(present, each, torch.zeros_like(each)).sum(1)


@weightings.register("dwa", title="Slow tasks count more", term="DWA")
@dataclass(frozen=True)
class DynamicWeightAverage(Weighting):
    """Tasks whose loss falls slowly get more weight.

    Weights are K * softmax(rate / temperature), rate = mean loss of the last epoch / of the one before; equal
    until two epochs are known. An epoch is one pass over the training rows: a single step with full batches.
    Reference: Liu, Johns, Davison, "End-to-End Multi-Task Learning with Attention", CVPR 2019.
    Differs from the paper: no.
    """

    laws: ClassVar[frozenset[str]] = frozenset(
        {"sum_to_count", "non_negative", "scale_invariant", "permutation_equivariant"}
    )

    temperature: float = knob(2.0, "Larger is closer to equal weights", low=0.1, high=100.0, live=True)

    def start(self, present: torch.Tensor, seeds: torch.Tensor) -> State:
        zeros = torch.zeros_like(equal_weights(present))
        return {"total": zeros, "count": zeros, "last": zeros, "before": zeros}

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        if signal.step and signal.step % signal.epoch_steps == 0:
            mean = state["total"] / state["count"].clamp(min=1)
            fresh = torch.zeros_like(mean)
            state = {"total": fresh, "count": fresh, "last": mean, "before": state["last"]}
        total, seen = state["total"] + signal.losses * signal.present, state["count"] + signal.present
        known = (state["last"] > 0) & (state["before"] > 0)
        rate = torch.where(known, state["last"] / torch.where(known, state["before"], 1.0), 1.0)
        return masked_softmax(rate / self.temperature, signal.present), {**state, "total": total, "count": seen}


def masked_softmax(scores: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Positive weights of the present tasks that sum to their number: scores [R, T] -> [R, T]."""
    here = torch.where(present, scores, torch.full_like(scores, -torch.inf))
    shares = torch.nan_to_num(torch.softmax(here, 1))  # a replica without any present task
    return shares * present.sum(1, keepdim=True)
