"""Per-task gradients on the shared parameters of every replica, and what is made of them.

Sizes: R replicas, T tasks, P shared numbers of one network.
"""

from __future__ import annotations

from mtl_core.lazy import torch
from mtl_core.models.base import Parameters


def jacobian(losses: torch.Tensor, parameters: Parameters, shared: tuple[str, ...]) -> tuple[torch.Tensor, Parameters]:
    """Gradients of losses [R, T]: on the shared parameters one by one [R, T, P], on the others summed over tasks.

    A private parameter is moved by its own task only, so the sum is that task's plain gradient.
    """
    private = [name for name in parameters if name not in shared]
    wanted = [parameters[name] for name in (*shared, *private)]
    rows, rest = [], {name: torch.zeros_like(parameters[name]) for name in private}
    for t in range(losses.shape[1]):
        last = t == losses.shape[1] - 1
        found = torch.autograd.grad(losses[:, t].sum(), wanted, retain_graph=not last, allow_unused=True)
        filled = [torch.zeros_like(p) if g is None else g for g, p in zip(found, wanted, strict=True)]
        rows.append(torch.cat([g.flatten(1) for g in filled[: len(shared)]], 1))
        for name, gradient in zip(private, filled[len(shared) :], strict=True):
            rest[name] += gradient
    return torch.stack(rows, 1), rest


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
