"""Per-task gradients on the shared parameters of every replica, and what is made of them.

Sizes: R replicas, T tasks, P shared numbers of one network.
"""

from __future__ import annotations

from mtl_core.lazy import torch
from mtl_core.models.base import Parameters


def jacobian(losses: torch.Tensor, parameters: Parameters, shared: tuple[str, ...]) -> torch.Tensor:
    """Gradient of each task's loss on the shared parameters, laid out flat: losses [R, T] -> [R, T, P]."""
    wanted = [parameters[name] for name in shared]
    rows = [_flat_gradient(losses[:, t].sum(), wanted) for t in range(losses.shape[1])]
    return torch.stack(rows, 1)


def _flat_gradient(loss: torch.Tensor, wanted: list[torch.Tensor]) -> torch.Tensor:
    found = torch.autograd.grad(loss, wanted, retain_graph=True, materialize_grads=True)
    return torch.cat([gradient.flatten(1) for gradient in found], 1)


def unflatten(flat: torch.Tensor, parameters: Parameters, shared: tuple[str, ...]) -> Parameters:
    """One vector a replica [R, P] -> a tensor for each shared parameter."""
    parts = flat.split([parameters[name][0].numel() for name in shared], 1)
    return {name: part.view_as(parameters[name]) for name, part in zip(shared, parts, strict=True)}


def cosines(gramian: torch.Tensor) -> torch.Tensor:
    """Cosine of every two tasks' gradients [R, T, T]; NaN where a gradient is zero."""
    norms = gramian.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    product = norms[:, :, None] * norms[:, None, :]
    unknown = torch.full_like(gramian, torch.nan)
    return torch.where(product > 0, (gramian / product).clamp(-1, 1), unknown)
