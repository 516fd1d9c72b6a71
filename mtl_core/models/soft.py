"""Soft sharing: a network for each task, and a price on being different."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from mtl_core.lazy import torch
from mtl_core.models.base import Layout, Parameters, Shape, Sharing, sharings
from mtl_core.models.hard import branching_forward, branching_layout
from mtl_core.registry import knob


@sharings.register("soft", title="Twins held together", term="soft sharing, L2")
@dataclass(frozen=True)
class Soft(Sharing):
    """Each task has a trunk of its own, and the trunks are pulled towards each other.

    Added to the loss: strength * sum over the tasks of |trunk of the task - mean trunk|^2, weights and biases of
    all hidden layers. Strength 0 is a network for each task; a very large strength makes the trunks equal.
    No parameter has a gradient from two tasks, so gradients are not compared and gradient combinations change
    nothing here.
    Reference: Duong, Cohn, Bird, Cook, "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a Neural
    Network Parser", ACL 2015. Differs from the paper: all trunks move, none is a fixed source; any number of tasks.
    """

    diagram: ClassVar[str] = "inputs -> a trunk for each task, tied by springs -> a head for each task"

    strength: float = knob(0.1, "How strongly the trunks are pulled together; 0 = not at all", low=0.0, high=1000.0)

    def layout(self, shape: Shape) -> Layout:
        return branching_layout(shape, 0)

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        return branching_forward(parameters, inputs, shape, 0)

    def shared(self, shape: Shape) -> tuple[str, ...]:
        return ()

    def penalty(self, parameters: Parameters, present: torch.Tensor, shape: Shape) -> torch.Tensor | None:
        if self.strength == 0 or shape.n_tasks == 1:
            return None
        here = present.to(torch.get_default_dtype())
        share = here / here.sum(1, keepdim=True).clamp(min=1)
        names = [f"trunk.{i}.{part}" for i in range(shape.trunk.depth) for part in ("weight", "bias")]
        away: torch.Tensor = _apart().apply(here, share, *[parameters[name] for name in names])
        return self.strength * away


@cache
def _apart() -> Any:
    """Sum of squared distances to the mean of the present tasks, [R], as one node of the gradient tape.

    Its gradient is twice the distances themselves, because distances from a mean have the mean 0; the tape
    would otherwise walk over every trunk five times more. The class is made at first use: see `chain`.
    """

    class Apart(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, here: torch.Tensor, share: torch.Tensor, *trunks: torch.Tensor) -> torch.Tensor:
            rows = [each.flatten(2) for each in trunks]  # [R, T, P]
            away = [(each - torch.bmm(share.unsqueeze(1), each)).mul_(here.unsqueeze(2)) for each in rows]
            ctx.save_for_backward(*away)
            ctx.shapes = [each.shape for each in trunks]
            return torch.stack([each.square().sum((1, 2)) for each in away]).sum(0)

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            factor = 2 * gradient[:, None, None]
            pairs = zip(ctx.saved_tensors, ctx.shapes, strict=True)
            return (None, None, *[(factor * away).view(shape) for away, shape in pairs])

    return Apart
