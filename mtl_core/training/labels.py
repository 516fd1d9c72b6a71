"""What the rows of a batch are to teach: targets, the lists they are ranked in, how much each label counts.

Sizes: P preparations, N rows, R replicas, B rows in a batch, T tasks, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtl_core.data.prepare import Floats, Prepared
from mtl_core.lazy import torch
from mtl_core.tasks import TaskSpec
from mtl_core.tasks.lists import Lists

Where = slice | tuple[slice, ...]


@dataclass(frozen=True)
class Labels:
    """targets [R, B, T] (NaN = no label); lists [R, B], where a task is ranked; weights [R, B, T], None = all alike;
    boxes [R, B, k, 4] of the k tasks that frame a thing."""

    targets: torch.Tensor
    lists: Lists | None = None
    weights: torch.Tensor | None = None
    boxes: torch.Tensor | None = None

    def __getitem__(self, where: Where) -> Labels:
        """Some replicas, or some rows of some replicas."""
        lists = self.lists and Lists(self.lists.numbers[where], self.lists.longest)
        rest = (None if each is None else each[where] for each in (self.weights, self.boxes))
        return Labels(self.targets[where], lists, *rest)

    @classmethod
    def joined(cls, parts: list[Labels]) -> Labels:
        """Blocks of rows, one after another."""
        first = parts[0]
        if len(parts) == 1:
            return first
        lists = [part.lists.numbers for part in parts if part.lists]
        weights = [part.weights for part in parts if part.weights is not None]
        boxes = [part.boxes for part in parts if part.boxes is not None]
        return cls(
            torch.cat([part.targets for part in parts], 1),
            first.lists and Lists(torch.cat(lists, 1), first.lists.longest),
            torch.cat(weights, 1) if weights else None,
            torch.cat(boxes, 1) if boxes else None,
        )


def balanced(prepared: Prepared, tasks: tuple[TaskSpec, ...]) -> Floats | None:
    """Weights of the rows [P, N + 1, T] that make a task's classes count alike; None where no task has classes.

    n / (C * rows of the row's class), by the training rows of each preparation, whose mean is 1: n labelled rows, C
    classes among them. 1 for numbers, without a label, and for a class that no training row has.
    """
    if not any(task.classes for task in tasks):
        return None
    found = np.ones_like(prepared.targets)
    for t in (t for t, task in enumerate(tasks) if task.classes):
        for targets, weights, train in zip(prepared.targets[..., t], found[..., t], prepared.train, strict=True):
            known = ~np.isnan(targets)
            codes = np.where(known, targets, 0).astype(np.int64)
            counts = np.bincount(codes[train], known[train], len(tasks[t].classes))
            share = counts.sum() / np.maximum(counts * (counts > 0).sum(), 1)
            weights[known] = np.where(counts > 0, share, 1.0)[codes[known]]
    return found
