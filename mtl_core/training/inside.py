"""What goes on inside the networks that learn several tasks: gradients, and what a sharing type shows of itself.

Sizes: R replicas, K of them with several tasks (they come first), T tasks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from mtl_core.events import Floats
from mtl_core.lazy import torch
from mtl_core.training import gradients
from mtl_core.training.stack import Stack

ROWS = 64
"""Validation rows that gates are averaged over, at most."""
NUMBERS = 256
"""Numbers of one network that an event carries at most: events are stored, and live pages read each of them."""


@dataclass(frozen=True)
class Inside:
    """cosine [R, T, T], gradient_norm [R, T]: None where nothing is shared. shown: name -> [R, rows, columns]."""

    cosine: Floats | None = None
    gradient_norm: Floats | None = None
    shown: dict[str, Floats] = field(default_factory=dict)


def look_inside(stack: Stack) -> Inside:
    """Networks of one task are NaN: their gradients are compared with nothing, and nothing is shared in them."""
    if not stack.n_multi:
        return Inside()
    shown = _shown(stack)
    return Inside(*_gradients(stack), shown) if stack.shared else Inside(shown=shown)


def _gradients(stack: Stack) -> tuple[Floats, Floats]:
    """Cosines and lengths of the tasks' gradients on the coming batch; NaN where a task does not learn from it."""
    multi = slice(0, stack.n_multi)
    inputs, labels = stack.batches.at(stack.step_count)
    part = stack.part(multi)
    losses, learned, pull = stack.look(part, inputs[multi], labels[multi], multi)
    matrix, _ = gradients.jacobian(losses, learned, pull, tuple(part), stack.shared)
    gramian = torch.bmm(matrix, matrix.transpose(1, 2))
    norms = torch.where(learned, gradients.norms(gramian), torch.nan)
    return _spread_out(gradients.cosines(gramian), stack), _spread_out(norms, stack)


def _shown(stack: Stack) -> dict[str, Floats]:
    """`Sharing.inside` on the first validation rows, as many names as an event has room for.

    The first axis after R belongs to the tasks (one row each, or equally many), or is one row for all of them.
    """
    k, n_tasks = stack.n_multi, len(stack.tasks)
    part = {name: each.detach()[:k] for name, each in stack.parameters.items()}
    with torch.no_grad():
        found = stack.sharing.inside(part, _rows(stack), stack.shape)
    shown: dict[str, Floats] = {}
    room = NUMBERS
    for name, values in found.items():
        room -= math.prod(values.shape[1:])
        if room < 0:
            break
        n_rows = values.shape[1]
        if n_rows % n_tasks == 0:
            present = stack.present[:k].repeat_interleave(n_rows // n_tasks, 1)
            values = torch.where(present[:, :, None], values, torch.nan)
        shown[name] = _spread_out(values, stack)
    return shown


def _rows(stack: Stack) -> torch.Tensor:
    """The same number of validation rows for every replica, none of them a blank: [K, n, F]."""
    batches = stack.batches
    held = batches.held[:, : batches.n_validation]
    n_rows = max(min(ROWS, int((held != batches.n_table - 1).sum(1).min())), 1)
    which = batches.start_of[: stack.n_multi]
    rows = held[batches.folds[which], :n_rows] + batches.offsets[which, None]
    return batches.gather(rows)[0]


def _spread_out(values: torch.Tensor, stack: Stack) -> Floats:
    """[K, ...] -> [R, ...], NaN for the others."""
    out = np.full((len(stack.present), *values.shape[1:]), np.nan, np.float32)
    out[: len(values)] = values.cpu().numpy()
    return out
