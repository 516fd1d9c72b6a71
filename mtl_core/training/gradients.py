"""Per-task gradients on the shared parameters of every replica, and what is made of them.

Sizes: R replicas, T tasks, P shared numbers of one network.
"""

from __future__ import annotations

from mtl_core.lazy import torch
from mtl_core.models.base import Parameters, Pullback
from mtl_core.training.losses import Losses


def jacobian(
    losses: Losses, learned: torch.Tensor, pull: Pullback, names: tuple[str, ...], shared: tuple[str, ...]
) -> tuple[torch.Tensor, Parameters]:
    """Gradient of each task's loss on the shared parameters, laid out flat [R, T, P]; the others' summed over tasks.

    A private parameter is moved by its own task only, so the sum is that task's plain gradient.
    learned [R, T]: tasks without it have no gradient. names: all parameters, in the pullback's order.
    """
    found = dict(zip(names, pull.each(losses.pulled_each(learned)), strict=True))
    matrix = torch.cat([found[name].flatten(2) for name in shared], 2)
    return matrix, {name: found[name].sum(1) for name in names if name not in shared}


def unflatten(flat: torch.Tensor, parameters: Parameters, shared: tuple[str, ...]) -> Parameters:
    """One vector a replica [R, P] -> a tensor for each shared parameter."""
    parts = flat.split([parameters[name][0].numel() for name in shared], 1)
    return {name: part.view_as(parameters[name]) for name, part in zip(shared, parts, strict=True)}


def cosines(gramian: torch.Tensor) -> torch.Tensor:
    """Cosine of every two tasks' gradients [R, T, T]; NaN where a gradient is zero."""
    lengths = norms(gramian)
    product = lengths[:, :, None] * lengths[:, None, :]
    unknown = torch.full_like(gramian, torch.nan)
    return torch.where(product > 0, (gramian / product).clamp(-1, 1), unknown)


def norms(gramian: torch.Tensor) -> torch.Tensor:
    """Lengths of the tasks' gradients [R, T]."""
    return gramian.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
