"""What a weighting may declare about itself, as checks on a history of signals.

A law takes the method, the signals of successive steps and the replicas' seeds [R], and says whether the weights
of the last step keep it. Single precision is allowed for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mtl_core.lazy import torch
from mtl_core.weighting.base import Signal, State, Weighting

TOLERANCE = 1e-4

Law = Callable[[Weighting, Sequence[Signal], "torch.Tensor"], bool]


def last_weights(method: Weighting, history: Sequence[Signal], seeds: torch.Tensor) -> tuple[torch.Tensor, State]:
    """Weights [R, T] after the whole history, and the memory they leave."""
    present = torch.stack([signal.present for signal in history]).any(0)
    if method.learns:
        return method.slopes(history[-1].losses, history[-1].present, method.parameters(present))[0], {}
    state = method.start(present, seeds)
    for signal in history:
        found, state = method.weights(signal, state)
    return found, state


def same(found: torch.Tensor, wanted: torch.Tensor, signal: Signal) -> bool:
    """Equal weights; for gradient combinations, equal combined gradients (the weights need not be unique)."""
    apart = (found - wanted).double()
    size = 1 + found.abs().amax(1).double()
    if signal.gramian is None:
        return bool((apart.abs().amax(1) <= TOLERANCE * size).all())
    gramian = signal.gramian.double()
    length = torch.einsum("rt,rts,rs->r", apart, gramian, apart).clamp(min=0).sqrt()
    longest = gramian.diagonal(dim1=1, dim2=2).amax(1).clamp(min=0).sqrt()
    return bool((length <= 10 * TOLERANCE * size * longest).all())


def sum_to_count(method: Weighting, history: Sequence[Signal], seeds: torch.Tensor) -> bool:
    """The weights sum to the number of present tasks."""
    found, _ = last_weights(method, history, seeds)
    count = history[-1].present.sum(1)
    return bool(((found.sum(1) - count).abs() <= TOLERANCE * (1 + found.abs().sum(1))).all())


def non_negative(method: Weighting, history: Sequence[Signal], seeds: torch.Tensor) -> bool:
    """No task is pushed backwards."""
    return bool((last_weights(method, history, seeds)[0] >= 0).all())


def scale_invariant(method: Weighting, history: Sequence[Signal], seeds: torch.Tensor) -> bool:
    """One common factor on all losses changes nothing."""
    factor = 7.0
    scaled = [
        replace(s, losses=factor * s.losses, gramian=None if s.gramian is None else factor**2 * s.gramian)
        for s in history
    ]
    found, _ = last_weights(method, history, seeds)
    return same(found, last_weights(method, scaled, seeds)[0], history[-1])


def permutation_equivariant(method: Weighting, history: Sequence[Signal], seeds: torch.Tensor) -> bool:
    """The order in which the tasks are named does not matter."""
    turned = [
        replace(
            s,
            losses=s.losses.flip(1),
            present=s.present.flip(1),
            gramian=None if s.gramian is None else s.gramian.flip(1, 2),
        )
        for s in history
    ]
    found, _ = last_weights(method, history, seeds)
    return same(found, last_weights(method, turned, seeds)[0].flip(1), history[-1])


def non_conflicting(method: Weighting, history: Sequence[Signal], seeds: torch.Tensor) -> bool:
    """The combined gradient lowers every present task's loss, or leaves it as it is."""
    found, _ = last_weights(method, history, seeds)
    signal = history[-1]
    if signal.gramian is None:
        return False
    gramian, found = signal.gramian.double(), found.double()
    slopes = (gramian @ found[..., None])[..., 0]
    norms = gramian.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    allowed = TOLERANCE * norms * (found.abs() * norms).sum(1, keepdim=True)
    return bool((slopes >= -allowed)[signal.present].all())


LAWS: dict[str, Law] = {
    law.__name__: law for law in (sum_to_count, non_negative, scale_invariant, permutation_equivariant, non_conflicting)
}
