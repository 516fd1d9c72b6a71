"""A weighting: how much each task's loss counts in the next step. Memory goes in and comes out.

Sizes: R replicas, T tasks. An absent task (not learned by the replica, or without a label in this batch)
weighs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.registry import Method, Registry

State = dict[str, "torch.Tensor"]


@dataclass(frozen=True)
class Signal:
    """What a weighting may look at before a step.

    losses [R, T] (detached; 0 where absent), present [R, T] bool, step (0, 1, ...), epoch_steps (steps in one
    pass over the training rows), gramian [R, T, T] = J J^T of the tasks' gradients on the shared parameters
    (rows and columns of absent tasks are 0), None unless the weighting declares `needs_gramian`.
    """

    losses: torch.Tensor
    present: torch.Tensor
    step: int
    epoch_steps: int = 1
    gramian: torch.Tensor | None = None


@dataclass(frozen=True)
class Weighting(Method):
    """Who decides how much each task counts.

    Loss weightings scale each task's whole loss. Gradient combinations (`needs_gramian`) act on the shared
    parameters only; heads and other private parts follow their own task's plain gradient.
    """

    needs_gramian: ClassVar[bool] = False
    constant: ClassVar[bool] = False
    """The weights depend on nothing but the knobs and on which tasks are present."""
    learns: ClassVar[bool] = False
    """It has parameters of its own that the optimiser moves: see `parameters` and `objective`. `weights` is then not
    asked; the weights in force are the objective's slopes by the losses."""
    laws: ClassVar[frozenset[str]] = frozenset()
    """Declared laws, tested on random and degenerate signals; names in `weighting.laws.LAWS`."""

    def start(self, present: torch.Tensor, seeds: torch.Tensor) -> State:
        """Memory before the first step; tensors that lead with R. present [R, T], seeds [R]."""
        return {}

    def weights(self, signal: Signal, state: State) -> tuple[torch.Tensor, State]:
        """Weights [R, T] for this step and the memory for the next."""
        raise NotImplementedError

    def combined(self, jacobian: torch.Tensor, weights: torch.Tensor, step: int, state: State) -> torch.Tensor:
        """Gradient of the shared parameters [R, P] from the tasks' gradients [R, T, P] and the weights [R, T]."""
        return torch.bmm(weights.unsqueeze(1), jacobian).squeeze(1)

    def parameters(self, present: torch.Tensor) -> State:
        """Tensors [R, ...] that the optimiser moves together with the network; empty unless `learns`."""
        return {}

    def objective(self, losses: torch.Tensor, present: torch.Tensor, parameters: State) -> torch.Tensor:
        """Loss of each replica [R] that is differentiated, only where `learns`; losses carry gradients."""
        raise NotImplementedError

    def slopes(self, losses: torch.Tensor, present: torch.Tensor, parameters: State) -> list[torch.Tensor]:
        """Gradient of the objective in the losses [R, T] and in each parameter. Overridden only to be faster."""
        leaf = losses.detach().requires_grad_()
        objective = self.objective(leaf, present, parameters).sum()
        return list(torch.autograd.grad(objective, [leaf, *parameters.values()]))


weightings: Registry[Weighting] = Registry("weighting")


def equal_weights(present: torch.Tensor) -> torch.Tensor:
    """1 for each present task, 0 for the others: [R, T]."""
    return present.to(torch.get_default_dtype())
