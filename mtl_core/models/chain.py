"""Hidden layers and heads as one step of the gradient tape.

Why not plain autograd: at these sizes a step is 20 small batched products, and the tape's own nodes, fresh buffers
and broadcast sums cost as much as the products. One node for the whole chain, with in-place activations and
its gradient written out, takes a third off a training step (docs/performance.md). The numbers are autograd's.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def forward_pass(
    inputs: torch.Tensor, flat: Sequence[torch.Tensor], has_head: bool, activation: str
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Outputs, and what the backward pass needs: the inputs and every hidden layer's activations."""
    values, kept = inputs, [inputs]
    for i in range(len(flat) // 2 - has_head):
        values = torch.baddbmm(flat[2 * i + 1], values, flat[2 * i])
        values = values.relu_() if activation == "relu" else values.tanh_()
        kept.append(values)
    if has_head:
        values = torch.baddbmm(flat[-1], flat[-2], values.transpose(1, 2)).transpose(1, 2)
    return values, kept


def backward_pass(
    gradient: torch.Tensor,
    flat: Sequence[torch.Tensor],
    kept: Sequence[torch.Tensor],
    has_head: bool,
    activation: str,
    to_inputs: bool = False,
) -> tuple[list[torch.Tensor], torch.Tensor | None]:
    """Gradients of `flat` and, if asked, of the inputs, from the gradient of the outputs [R, B, O]."""
    found: list[torch.Tensor] = []
    if has_head:
        found = [torch.bmm(gradient.transpose(1, 2), kept[-1]), gradient.sum(1).unsqueeze(-1)]
        gradient = torch.bmm(gradient, flat[-2])
    for i in reversed(range(len(kept) - 1)):
        fresh = has_head or i < len(kept) - 2  # made here, so its memory may be used again
        gradient = bent(gradient.contiguous(), kept[i + 1], activation, fresh)
        found = [torch.bmm(kept[i].transpose(1, 2), gradient), gradient.sum(1, keepdim=True), *found]
        if i or to_inputs:
            gradient = torch.bmm(gradient, flat[2 * i].transpose(1, 2))
    return found, gradient if to_inputs else None


def backward_each(
    gradient: torch.Tensor, flat: Sequence[torch.Tensor], kept: Sequence[torch.Tensor], activation: str
) -> list[torch.Tensor]:
    """`backward_pass` of a chain with a head for T gradients at once: [R, B, T, O] -> [R, T, *shape] each.

    The gradients stand side by side in the products, so that T tasks need as many calls as one.
    """
    gradient = gradient.contiguous()
    n_replicas, n_rows, n_tasks, n_outputs = gradient.shape
    tall, wide = (n_replicas, n_rows * n_tasks, -1), (n_replicas, n_rows, -1)
    head = torch.bmm(gradient.view(wide).transpose(1, 2), kept[-1])
    found = [head.view(n_replicas, n_tasks, n_outputs, -1), gradient.sum(1).unsqueeze(-1)]
    gradient = torch.bmm(gradient.view(tall), flat[-2])
    for i in reversed(range(len(kept) - 1)):
        sides = gradient.view(n_replicas, n_rows, n_tasks, -1)
        sides = bent(sides, kept[i + 1].unsqueeze(2), activation, in_place=True)
        weight = torch.bmm(kept[i].transpose(1, 2), sides.view(wide))  # [R, in, T * out]
        found = [weight.unflatten(2, (n_tasks, -1)).transpose(1, 2), sides.sum(1).unsqueeze(2), *found]
        if i:
            gradient = torch.bmm(sides.view(tall), flat[2 * i].transpose(1, 2))
    return found


@cache
def _function() -> Any:
    """The class is made at first use, so that describing a network does not load torch."""

    class Chain(torch.autograd.Function):
        @staticmethod
        def forward(
            ctx: Any, activation: str, has_head: bool, inputs: torch.Tensor, *flat: torch.Tensor
        ) -> torch.Tensor:
            values, kept = forward_pass(inputs, flat, has_head, activation)
            ctx.save_for_backward(*flat, *kept)
            ctx.activation, ctx.has_head, ctx.n_flat = activation, has_head, len(flat)
            return values

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            flat, kept = ctx.saved_tensors[: ctx.n_flat], ctx.saved_tensors[ctx.n_flat :]
            wanted = ctx.needs_input_grad[2]
            found, lowest = backward_pass(gradient, flat, kept, ctx.has_head, ctx.activation, wanted)
            return (None, None, lowest, *found)

    return Chain


def bent(gradient: torch.Tensor, values: torch.Tensor, activation: str, in_place: bool) -> torch.Tensor:
    """Gradient before the activation, from the one behind it and the activation's own output."""
    before = gradient if in_place else torch.empty_like(gradient)
    if activation == "relu":
        torch.ops.aten.threshold_backward.grad_input(gradient, values, 0, grad_input=before)
    else:
        torch.ops.aten.tanh_backward.grad_input(gradient, values, grad_input=before)
    return before
