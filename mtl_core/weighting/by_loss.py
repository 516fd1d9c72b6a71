"""Weightings that look at the losses only; they scale each task's whole loss."""

from __future__ import annotations

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
