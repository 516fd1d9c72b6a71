"""Which rows train, validate and test: disjoint, whole groups, in the way that the data set names (`cuts.py`)."""

from __future__ import annotations

import numpy as np

from mtl_core.data.base import Dataset
from mtl_core.data.cuts import TEST_SHARE, VALIDATION_SHARE, Split, cuts
from mtl_core.data.spreading import Rows
from mtl_core.registry import InvalidInput


def splits(dataset: Dataset, folds: int, seed: int) -> list[Split]:
    """`folds` splits; of what is not test a fifth is for validation.

    Raises `InvalidInput` with one sentence when they cannot be made, or when one leaves a task without labels.
    """
    return checked(dataset, cuts[dataset.split]().folds(dataset, folds, seed))


def holdout(dataset: Dataset, seed: int) -> Split:
    """One split: 30 % test, a fifth of the rest validation."""
    return checked(dataset, [cuts[dataset.split]().holdout(dataset, seed)])[0]


def checked(dataset: Dataset, found: list[Split]) -> list[Split]:
    """The same splits; raises `InvalidInput` where what a person's column dictates cuts through subjects, or leaves a
    part of the rows without labels."""
    if not cuts[dataset.split].needs:
        return found
    for i, split in enumerate(found):
        parts = {"train": split.train, "validate": split.validation, "test": split.test}
        if dataset.groups is not None and _cuts_groups(dataset.groups, list(parts.values())):
            raise InvalidInput(
                f"fold {i + 1} of {dataset.title!r} would have rows of one group on both sides; "
                "split in another way, or give the column of groups another use"
            )
        for part, rows in parts.items():
            for task in dataset.tasks:
                if dataset.targets[task.name].iloc[rows].isna().all():
                    raise InvalidInput(
                        f"fold {i + 1} of {dataset.title!r} has no label of {task.name!r} to {part} with; "
                        "choose fewer folds, leave that task out, or split in another way"
                    )
    return found


def _cuts_groups(groups: Rows, parts: list[Rows]) -> bool:
    """A group has rows in two parts."""
    inside = np.concatenate([np.unique(groups[rows]) for rows in parts])
    return len(np.unique(inside)) < len(inside)


__all__ = ["TEST_SHARE", "VALIDATION_SHARE", "Rows", "Split", "checked", "holdout", "splits"]
