"""Rows put in an order in which any evenly spaced part is like the whole.

A task with 20 labels among 400 rows, or a class with five, would often be missing from a fold's test or validation
rows if rows were dealt at random. So rows are first put in order of what they can teach (the rarest first, shuffled
among equals) and then dealt like cards: each part gets its share of every kind of row, to within one. scikit-learn
stratifies by one label only, and not by missing labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from mtl_core.tasks import TaskSpec

FEW = 10
"""A number with at most so many different values (a rare count, say) is spread like a class."""

Rows = NDArray[np.int64]
Kinds = NDArray[np.int8]


def share(order: Rows, part: float) -> Rows:
    """Evenly spaced members of an order, at least one."""
    count = max(round(part * len(order)), 1)
    return np.sort(order[((np.arange(count) + 0.5) * len(order) / count).astype(np.int64)])


def spread(units: Rows, kinds: list[Kinds], seed: tuple[int, ...]) -> Rows:
    """An order of the units in which any evenly spaced part is like the whole."""
    shuffled = np.random.default_rng(list(seed)).permutation(units)
    return shuffled[np.lexsort([each[shuffled] for each in kinds])] if kinds else shuffled


def kinds_of(dataset: Dataset) -> list[Kinds]:
    """What each row can teach each task that does not take all rows alike; rarest last. Groups are only shuffled."""
    if dataset.groups is not None:
        return []
    kinds = [kind_of(dataset.targets[task.name].to_numpy(), task) for task in dataset.tasks]
    counts = [np.unique(each, return_counts=True)[1] for each in kinds]
    order = sorted(range(len(kinds)), key=lambda t: int(counts[t].min()), reverse=True)
    return [kinds[t] for t in order if len(counts[t]) > 1]


def kind_of(labels: NDArray[np.floating], task: TaskSpec) -> Kinds:
    """What each row can teach one task [N]: a class (or one of few values), a label at all (0), or nothing (-1)."""
    missing = np.isnan(labels)
    kinds = np.where(missing, np.int8(-1), np.int8(0))
    few = task.classes or len(np.unique(labels[:1000][~missing[:1000]])) <= FEW
    if few:
        values, found = np.unique(labels[~missing], return_inverse=True)
        if task.classes or len(values) <= FEW:
            kinds[~missing] = np.minimum(found, 127)
    return kinds
