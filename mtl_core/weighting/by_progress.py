"""Weightings that remember how the losses have moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.registry import knob
from mtl_core.weighting.base import Signal, State, Weighting, equal_weights, weightings
from mtl_core.weighting.by_loss import masked_softmax

SMALL = 1e-8


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


@weightings.register("famo", title="Equal percentage falls", term="FAMO")
@dataclass(frozen=True)
class FastAdaptive(Weighting):
    """Weights are learned so that all losses fall by the same percentage, from the losses alone.

    Weights are proportional to z_t / L_t, z = softmax(logits), scaled to sum K. After each step the logits follow
    Adam on how much each log-loss has fallen: a task that fell faster than the z-weighted mean loses weight.
    Reference: Liu, Feng, Stone, Liu, "FAMO: Fast Adaptive Multitask Optimization", NeurIPS 2023.
    Differs from the paper: the fall is read from the losses of the next step instead of a second look at the same
    batch (the same with full batches); sum K instead of 1; lower bounds of the losses are 0; no clipping.
    """

    laws: ClassVar[frozenset[str]] = frozenset({"sum_to_count", "non_negative", "permutation_equivariant"})

    rate: float = knob(0.025, "How fast the weights follow", low=1e-4, high=1.0, log=True, live=True)
    decay: float = knob(0.01, "Pull back towards equal percentages", low=0.0, high=1.0, advanced=True)

    def start(self, present: torch.Tensor, seeds: torch.Tensor) -> State:
        zeros = torch.zeros_like(equal_weights(present))
        return {"logits": zeros, "slope": zeros, "square": zeros, "moves": zeros, "log_loss": zeros + torch.nan}

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        log_loss = (signal.losses + SMALL).log()
        fall = state["log_loss"] - log_loss
        known = signal.present & (fall.abs() < torch.inf)
        state = self._followed(state, torch.where(known, fall, 0.0), known)
        weights = masked_softmax(state["logits"] - log_loss, signal.present)
        return weights, state | {"log_loss": torch.where(signal.present, log_loss, state["log_loss"])}

    def _followed(self, state: State, fall: torch.Tensor, known: torch.Tensor) -> State:
        """One step of Adam on the logits of the tasks whose fall is known."""
        share = masked_softmax(state["logits"], known) / known.sum(1, keepdim=True).clamp(min=1)
        gradient = share * (fall - (share * fall).sum(1, keepdim=True)) + self.decay * state["logits"]
        moves = state["moves"] + 1
        slope, square = state["slope"].lerp(gradient, 0.1), state["square"].lerp(gradient.square(), 0.001)
        step = slope / (1 - 0.9**moves) / ((square / (1 - 0.999**moves)).sqrt() + SMALL)
        new = {"logits": state["logits"] - self.rate * step, "slope": slope, "square": square, "moves": moves}
        return state | {name: torch.where(known, value, state[name]) for name, value in new.items()}


@weightings.register("stch", title="The worst task first, smoothly", term="STCH")
@dataclass(frozen=True)
class SmoothTchebycheff(Weighting):
    """The task that is furthest from where it began counts most, in a smooth way.

    Minimises mu * log of the sum of exp(f_t / mu), f_t = loss / its mean in the first epoch; weights, which are the
    slopes softmax(f / mu)_t / (first mean)_t, are scaled to sum K. Equal during the first epoch.
    Reference: Lin, Zhang, Yang, Liu, Wang, Zhang, "Smooth Tchebycheff Scalarization for Multi-Objective
    Optimization", ICML 2024. Differs from the paper: weights sum to K; ideal point 0 and preferences equal. The
    authors' code takes the logarithm of every f, and lowers the sum of log-losses in its first epochs.
    """

    laws: ClassVar[frozenset[str]] = frozenset(
        {"sum_to_count", "non_negative", "scale_invariant", "permutation_equivariant"}
    )

    mu: float = knob(0.2, "Small = only the worst task counts; large = all count", low=0.01, high=100.0, log=True)

    def start(self, present: torch.Tensor, seeds: torch.Tensor) -> State:
        zeros = torch.zeros_like(equal_weights(present))
        return {"total": zeros, "count": zeros}

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        here = equal_weights(signal.present)
        if signal.step < signal.epoch_steps:
            return here, {"total": state["total"] + signal.losses * here, "count": state["count"] + here}
        first = state["total"] / state["count"].clamp(min=1)
        known = signal.present & (first > 0)
        first = torch.where(known, first, 1.0)
        raw = masked_softmax(signal.losses / first / self.mu, known) / first
        scaled = raw * known.sum(1, keepdim=True) / raw.sum(1, keepdim=True).clamp(min=torch.finfo(raw.dtype).tiny)
        return torch.where(known, scaled, here), state
