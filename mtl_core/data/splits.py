"""Which rows train, validate and test: disjoint, whole groups, and every part sees some of everything.

A task with 20 labels among 400 rows, or a class with five, would often be missing from a fold's test or validation
rows if rows were dealt at random. So rows are first put in order of what they can teach (the rarest first, shuffled
among equals) and then dealt like cards: each part gets its share of every kind of row, to within one. scikit-learn
stratifies by one label only, and not by missing labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from mtl_core.registry import InvalidInput
from mtl_core.tasks import TaskSpec

VALIDATION_SHARE = 0.2
TEST_SHARE = 0.3
FEW = 10
"""A number with at most so many different values (a rare count, say) is spread like a class."""

Rows = NDArray[np.int64]
Kinds = NDArray[np.int8]


@dataclass(frozen=True)
class Split:
    """Row numbers of one fold, each list in order; the three never overlap, nor do their groups."""

    train: Rows
    validation: Rows
    test: Rows


def splits(dataset: Dataset, folds: int, seed: int) -> list[Split]:
    """`folds` cross-validation splits: every row is tested once; validation is a fifth of what is not test."""
    units, kinds = _units(dataset, folds), _kinds(dataset)
    order = _spread(units, kinds, (0, seed))
    return [_split(dataset, units, kinds, np.sort(order[i::folds]), (1, seed, i)) for i in range(folds)]


def holdout(dataset: Dataset, seed: int) -> Split:
    """One split: 30 % test, a fifth of the rest validation."""
    units, kinds = _units(dataset, 2), _kinds(dataset)
    return _split(dataset, units, kinds, _share(_spread(units, kinds, (2, seed)), TEST_SHARE), (3, seed))


def _units(dataset: Dataset, folds: int) -> Rows:
    """What is dealt: rows, or whole groups. Raises `InvalidInput` when there are too few."""
    groups = dataset.groups
    units = np.arange(dataset.n_rows) if groups is None else np.unique(groups)
    needed = max(folds, 4)
    if len(units) < needed:
        what = "rows" if groups is None else "groups"
        raise InvalidInput(
            f"{dataset.title} has {len(units)} {what}, but {folds} folds need at least {needed}; "
            f"choose fewer folds or bring more {what}"
        )
    return units


def _split(dataset: Dataset, units: Rows, kinds: list[Kinds], test: Rows, seed: tuple[int, ...]) -> Split:
    rest = np.setdiff1d(units, test, assume_unique=True)
    validation = _share(_spread(rest, kinds, seed), VALIDATION_SHARE)
    train = np.setdiff1d(rest, validation, assume_unique=True)
    if dataset.groups is None:
        return Split(train, validation, test)
    rows = (np.flatnonzero(np.isin(dataset.groups, part)) for part in (train, validation, test))
    return Split(*rows)


def _share(order: Rows, share: float) -> Rows:
    """Evenly spaced members of an order, at least one."""
    count = max(round(share * len(order)), 1)
    return np.sort(order[((np.arange(count) + 0.5) * len(order) / count).astype(np.int64)])


def _spread(units: Rows, kinds: list[Kinds], seed: tuple[int, ...]) -> Rows:
    """An order of the units in which any evenly spaced part is like the whole."""
    shuffled = np.random.default_rng(list(seed)).permutation(units)
    return shuffled[np.lexsort([each[shuffled] for each in kinds])] if kinds else shuffled


def _kinds(dataset: Dataset) -> list[Kinds]:
    """What each row can teach each task that does not take all rows alike; rarest last. Groups are only shuffled."""
    if dataset.groups is not None:
        return []
    kinds = [_kind(dataset.targets[task.name].to_numpy(), task) for task in dataset.tasks]
    counts = [np.unique(each, return_counts=True)[1] for each in kinds]
    order = sorted(range(len(kinds)), key=lambda t: int(counts[t].min()), reverse=True)
    return [kinds[t] for t in order if len(counts[t]) > 1]


def _kind(labels: NDArray[np.floating], task: TaskSpec) -> Kinds:
    """What each row can teach one task [N]: a class (or one of few values), a label at all (0), or nothing (-1)."""
    missing = np.isnan(labels)
    kinds = np.where(missing, np.int8(-1), np.int8(0))
    few = task.classes or len(np.unique(labels[:1000][~missing[:1000]])) <= FEW
    if few:
        values, found = np.unique(labels[~missing], return_inverse=True)
        if task.classes or len(values) <= FEW:
            kinds[~missing] = np.minimum(found, 127)
    return kinds
