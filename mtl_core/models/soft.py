"""Soft sharing: a network for each task, and a price on being different."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from mtl_core.lazy import torch
from mtl_core.models.base import Layout, Parameters, Pullback, Shape, Sharing, sharings
from mtl_core.models.hard import branching_forward, branching_layout, branching_pullback
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

    common: ClassVar[bool] = True
    diagram: ClassVar[str] = "inputs -> a trunk for each task, tied by springs -> a head for each task"

    strength: float = knob(0.1, "How strongly the trunks are pulled together; 0 = not at all", low=0.0, high=1000.0)

    def layout(self, shape: Shape) -> Layout:
        return branching_layout(shape, 0)

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        return branching_forward(parameters, inputs, shape, 0)

    def linearise(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
        return branching_pullback(parameters, inputs, shape, 0) or super().linearise(parameters, inputs, shape)

    def shared(self, shape: Shape) -> tuple[str, ...]:
        return ()

    def penalty(self, parameters: Parameters, present: torch.Tensor, shape: Shape) -> torch.Tensor | None:
        if self.strength == 0 or shape.n_tasks == 1:
            return None
        here = present.to(torch.get_default_dtype())
        share = here / here.sum(1, keepdim=True).clamp(min=1)
        names = [f"trunk.{i}.{part}" for i in range(shape.n_layers) for part in ("weight", "bias")]
        away: torch.Tensor = _apart().apply(here, share, *[parameters[name] for name in names])
        return self.strength * away


@sharings.register("soft_trace", title="Twins that span few directions", term="soft sharing, trace norm")
@dataclass(frozen=True)
class SoftTrace(Soft):
    """Each task has a trunk of its own, and all trunks together should be mixtures of as few as possible.

    Added to the loss: strength * sum over the hidden layers of the trace norm (sum of singular values) of the matrix
    whose rows are the tasks' weights of that layer. It pulls the rows into a common low-dimensional space instead
    of to a common point: opposite trunks cost no more than equal ones.
    Reference: Yang, Hospedales, "Trace Norm Regularised Deep Multi-Task Learning", ICLR Workshop 2017, form "last axis
    flattening". Differs from the paper: trunks start fresh and equal; biases are free.
    """

    common: ClassVar[bool] = False

    diagram: ClassVar[str] = "inputs -> a trunk for each task, held in few directions -> a head for each task"

    strength: float = knob(0.01, "How strongly directions are saved; 0 = not at all", low=0.0, high=100.0)

    def penalty(self, parameters: Parameters, present: torch.Tensor, shape: Shape) -> torch.Tensor | None:
        if self.strength == 0 or shape.n_tasks == 1:
            return None
        weights = [parameters[f"trunk.{i}.weight"] for i in range(shape.n_layers)]
        norm: torch.Tensor = _trace_norm().apply(present.to(torch.get_default_dtype()), *weights)
        return self.strength * norm


@cache
def _trace_norm() -> Any:
    """Sum over tensors [R, T, ...] of the trace norms of their present rows: [R].

    With M = X X' [T, T] the norm is the trace of sqrt(M), its gradient M^(-1/2) X; singular values below a thousandth
    of the largest count as 0 (subgradient 0), as single precision cannot tell. Numbers that are not finite count as
    0: the replica has diverged and must not stop the others.
    """

    class TraceNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, here: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
            rows = [each.flatten(2) * here.unsqueeze(2) for each in weights]
            squares = torch.stack([torch.bmm(each, each.transpose(1, 2)) for each in rows])  # [layers, R, T, T]
            values, vectors = torch.linalg.eigh(torch.nan_to_num(squares, 0.0, 0.0, 0.0))
            counts = values > 1e-6 * values[..., -1:]
            roots = torch.where(counts, values, 0.0).sqrt()
            inverse = vectors @ (torch.where(counts, 1 / roots, 0.0).unsqueeze(-1) * vectors.mT)
            ctx.save_for_backward(*[torch.bmm(inverse[i], each) for i, each in enumerate(rows)])
            ctx.shapes = [each.shape for each in weights]
            return roots.sum((0, 2))

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            pairs = zip(ctx.saved_tensors, ctx.shapes, strict=True)
            return (None, *[(gradient[:, None, None] * slope).view(shape) for slope, shape in pairs])

    return TraceNorm


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
