"""What the rows of a batch are to teach: targets, the lists they are ranked in, how much each row and label counts.

Sizes: P preparations, N rows, R replicas, B rows in a batch, T tasks, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtl_core.data.prepare import Floats, Prepared
from mtl_core.lazy import torch
from mtl_core.tasks import TaskSpec
from mtl_core.tasks.lists import Lists

Where = slice | tuple[slice, ...]


@dataclass(frozen=True)
class Labels:
    """targets [R, B, T] (NaN = no label); lists [R, B], where a task is ranked; weights [R, B, T] of the losses, None =
    all alike; boxes [R, B, k, 4] of the k tasks that frame a thing; counts [R, B]: how much rows count in errors."""

    targets: torch.Tensor
    lists: Lists | None = None
    weights: torch.Tensor | None = None
    boxes: torch.Tensor | None = None
    counts: torch.Tensor | None = None

    def __getitem__(self, where: Where) -> Labels:
        """Some replicas, or some rows of some replicas."""
        lists = self.lists and Lists(self.lists.numbers[where], self.lists.longest)
        rest = (None if each is None else each[where] for each in (self.weights, self.boxes, self.counts))
        return Labels(self.targets[where], lists, *rest)

    @classmethod
    def joined(cls, parts: list[Labels]) -> Labels:
        """Blocks of rows, one after another."""
        first = parts[0]
        if len(parts) == 1:
            return first
        lists = [part.lists.numbers for part in parts if part.lists]
        rest = [
            None if getattr(first, name) is None else torch.cat([getattr(part, name) for part in parts], 1)
            for name in ("weights", "boxes", "counts")
        ]
        targets = torch.cat([part.targets for part in parts], 1)
        return cls(targets, first.lists and Lists(torch.cat(lists, 1), first.lists.longest), *rest)


def label_weights(prepared: Prepared, tasks: tuple[TaskSpec, ...], classes_alike: bool) -> Floats | None:
    """How much each label counts in a task's loss [P, N + 1, T]; None where all count alike.

    The weight of its row, so that training, validation and test rows have the mean 1 each; and where classes count
    alike, that of its class among the training rows.
    """
    classed = [t for t, task in enumerate(tasks) if classes_alike and task.classes]
    if prepared.weights is None and not classed:
        return None
    found = np.ones_like(prepared.targets)
    for p, t in np.ndindex(found.shape[0], found.shape[2]):
        labels, weights = prepared.targets[p, :, t], found[p, :, t]
        if prepared.weights is not None:
            weights[:] = prepared.weights[p]
            for rows in (prepared.train[p], prepared.validation[p], prepared.test[p]):
                _to_mean_1(weights, rows[~np.isnan(labels[rows])])
        if t in classed:
            _balance(weights, labels, prepared.train[p], len(tasks[t].classes))
    return found


def _to_mean_1(weights: Floats, rows: NDArray[np.int64]) -> None:
    if total := float(weights[rows].sum(dtype=np.float64)):
        weights[rows] *= len(rows) / total


def _balance(weights: Floats, labels: Floats, train: NDArray[np.int64], n_classes: int) -> None:
    """Times n / (C * weight of the class's rows): n is the weight of the labelled training rows, C classes are among
    them. Rows of a class that no training row has stay as they are, and those without a label."""
    known = ~np.isnan(labels)
    codes = np.where(known, labels, 0).astype(np.int64)
    counts = np.bincount(codes[train], known[train] * weights[train], n_classes)
    seen = counts > 0
    share = np.divide(counts.sum(), counts * seen.sum(), out=np.ones(n_classes), where=seen)
    weights[known] *= share[codes[known]]
