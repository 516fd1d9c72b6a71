"""Hidden layers and heads as one step of the gradient tape.

Why not plain autograd: at these sizes a step is 20 small batched products, and the tape's own nodes, fresh buffers
and broadcast sums cost as much as the products. One node for the whole chain, with in-place activations and
its gradient written out, takes a third off a training step (docs/performance.md). The numbers are autograd's.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from mtl_core.lazy import torch

Layer = tuple["torch.Tensor", "torch.Tensor"]


def chain(inputs: torch.Tensor, hidden: list[Layer], head: Layer | None, activation: str) -> torch.Tensor:
    """inputs [R, B, in] through hidden layers (weight [R, in, out], bias [R, 1, out]), each followed by the
    activation ("relu" or "tanh"), and through a linear head (weight [R, O, W], bias [R, O, 1]) if there is one.

    First derivatives only; not with respect to `inputs` unless they require it.
    """
    flat = [each for layer in (*hidden, *([head] if head else [])) for each in layer]
    out: torch.Tensor = _function().apply(activation, head is not None, inputs, *flat)
    return out


@cache
def _function() -> Any:
    """The class is made at first use, so that describing a network does not load torch."""

    class Chain(torch.autograd.Function):
        @staticmethod
        def forward(
            ctx: Any, activation: str, has_head: bool, inputs: torch.Tensor, *flat: torch.Tensor
        ) -> torch.Tensor:
            values, kept = inputs, [inputs]
            n_hidden = len(flat) // 2 - has_head
            for i in range(n_hidden):
                values = torch.baddbmm(flat[2 * i + 1], values, flat[2 * i])
                values = values.relu_() if activation == "relu" else values.tanh_()
                kept.append(values)
            if has_head:
                values = torch.baddbmm(flat[-1].transpose(1, 2), values, flat[-2].transpose(1, 2))
            ctx.save_for_backward(*flat, *kept)
            ctx.activation, ctx.has_head, ctx.n_hidden = activation, has_head, n_hidden
            return values

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            n_flat = 2 * (ctx.n_hidden + ctx.has_head)
            flat, kept = ctx.saved_tensors[:n_flat], ctx.saved_tensors[n_flat:]
            found: list[torch.Tensor | None] = [None] * n_flat
            gradient = gradient.contiguous()
            if ctx.has_head:
                found[-2] = torch.bmm(gradient.transpose(1, 2), kept[-1])
                found[-1] = gradient.sum(1).unsqueeze(-1)
                gradient = torch.bmm(gradient, flat[-2])
            for i in reversed(range(ctx.n_hidden)):
                gradient = _bent(gradient, kept[i + 1], ctx.activation)
                found[2 * i] = torch.bmm(kept[i].transpose(1, 2), gradient)
                found[2 * i + 1] = gradient.sum(1, keepdim=True)
                if i or ctx.needs_input_grad[2]:
                    gradient = torch.bmm(gradient, flat[2 * i].transpose(1, 2))
            return (None, None, gradient if ctx.needs_input_grad[2] else None, *found)

    return Chain


def _bent(gradient: torch.Tensor, values: torch.Tensor, activation: str) -> torch.Tensor:
    """Gradient before the activation, from the one behind it and the activation's own output."""
    kernel = torch.ops.aten.threshold_backward if activation == "relu" else torch.ops.aten.tanh_backward
    before: torch.Tensor = kernel(gradient, values, 0) if activation == "relu" else kernel(gradient, values)
    return before
