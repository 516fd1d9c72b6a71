"""Groups of a table as a family: every school, shop or patient is a task; whole groups are kept unseen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core import draws
from mtl_core.data.base import Dataset, Source, sources
from mtl_core.data.prepare import prepare
from mtl_core.data.reading import Reading
from mtl_core.data.recipe import Recipe, check_known
from mtl_core.data.table import first_recipe
from mtl_core.meta.families import Family, Rows, Starts
from mtl_core.registry import InvalidInput

FEWEST_ROWS = 4
"""A group with fewer rows cannot both teach and be asked."""


@dataclass(frozen=True)
class Table:
    """A prepared table: inputs [P, N + 1, F], targets [P, N + 1] (row N is blank) and, for each fold, its groups' rows.

    train, test: [P, G, L], rows of each group padded with N; groups that a fold lacks are blank and stand last.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    train: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True)
class Groups(Family):
    """Every group of a table is a task, as a school, a shop, a patient; whole groups are kept unseen.

    data: a table that has groups. task: the column with the number to predict.
    """

    name: ClassVar[str] = "groups"
    title: ClassVar[str] = "Groups of a table"

    data: Source
    task: str

    @property
    def source(self) -> Source:
        return self.data

    def ready(self, dataset: Dataset | None, folds: int, seed: int) -> PreparedGroups:
        return groups_of(self.data.load() if dataset is None else dataset, self.task, folds, seed)

    def check(self, dataset: Dataset, folds: int) -> None:
        usable(dataset, self.task, folds)

    def test_to_train(self, folds: int) -> float:
        return 1 / (folds - 1)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "data": self.data.to_json(), "task": self.task}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Groups:
        if set(value) != {"name", "data", "task"} or value["name"] != cls.name or not isinstance(value["task"], str):
            raise InvalidInput('groups of a table are written {"name": "groups", "data": {...}, "task": column}')
        return cls(sources.from_json(value["data"]), value["task"])


@dataclass(frozen=True)
class PreparedGroups(Family):
    """The groups of one table; each fold keeps its share of the groups unseen, and replica r belongs to its fold.

    Inputs and targets are scaled on the training groups of the fold.
    """

    table: Table

    @property
    def n_inputs(self) -> int:
        return int(self.table.inputs.shape[2])

    def test_to_train(self, folds: int) -> float:
        return 1 / (folds - 1)

    def draw(self, starts: Starts, word: str, n_tasks: int, n_rows: int) -> Rows:
        """n_tasks groups, the same one perhaps twice, and n_rows different rows of each, or all it has."""
        rows = self.table.train[starts.folds]
        n_groups = (rows[:, :, 0] < self._blank).sum(1)
        chosen = (draws.uniform(starts.seeds, f"{word}.groups", (n_tasks,)) * n_groups[:, None]).astype(np.int64)
        return self._read(starts, np.take_along_axis(rows, chosen[..., None], 1), word, n_rows)

    def unseen(self, starts: Starts, n_tasks: int, n_rows: int) -> Rows:
        """The groups of the fold's test part, in the table's order."""
        return self._read(starts, self.table.test[starts.folds][:, :n_tasks], "unseen", n_rows)

    @property
    def _blank(self) -> int:
        return int(self.table.inputs.shape[1]) - 1

    def _read(self, starts: Starts, rows: NDArray[np.int64], word: str, n_rows: int) -> Rows:
        """rows [R, M, L] of groups -> n_rows of each, shuffled."""
        lottery = draws.uniform(starts.seeds, f"{word}.rows", rows.shape[1:]) + (rows == self._blank)
        order = np.argsort(lottery, axis=-1, kind="stable")[..., :n_rows]
        chosen = np.take_along_axis(rows, order, -1)
        if chosen.shape[-1] < n_rows:
            short = n_rows - chosen.shape[-1]
            chosen = np.pad(chosen, ((0, 0), (0, 0), (0, short)), constant_values=self._blank)
        fold = starts.folds[:, None, None]
        return self.table.inputs[fold, chosen], self.table.targets[fold, chosen]


def recipe_of(frame: pd.DataFrame, reading: Reading, group: str, task: str) -> Recipe:
    """Roles of a table's columns where each value of `group` is a task. Raises `InvalidInput` for an unknown column."""
    check_known(group, frame.columns)
    if group == task:
        raise InvalidInput(f"{task!r} names the groups and cannot be predicted, too; choose another column")
    recipe = first_recipe(frame, reading, (task,))
    features = tuple(name for name in recipe.features if name != group)
    return replace(recipe.without({group}), weight="", features=features, tasks=((task, "regression"),), group=group)


def groups_of(dataset: Dataset, target: str, folds: int, seed: int) -> PreparedGroups:
    """The family of a table's groups, cut into folds. Raises `InvalidInput` as `usable` does."""
    dataset = usable(dataset, target, folds)
    assert dataset.groups is not None
    prepared = prepare(dataset, folds, seed)
    learning = np.concatenate([prepared.train, prepared.validation], 1)
    rows = [_grouped(part, dataset.groups, dataset.n_rows) for part in (learning, prepared.test)]
    return PreparedGroups(Table(prepared.inputs, prepared.targets[:, :, 0], *rows))


def usable(dataset: Dataset, target: str, folds: int) -> Dataset:
    """Labelled rows of groups that have enough of them.

    Raises `InvalidInput` where the table has too few such groups for so many folds, or the target is no number.
    """
    dataset = dataset.choose((target,))
    if dataset.groups is None:
        raise InvalidInput(f"{dataset.title} has no column of groups; name the column whose values are the tasks")
    if dataset.tasks[0].kind != "regression":
        raise InvalidInput(f"{target!r} is not a number; adaptation is measured on numbers, choose one")
    if dataset.row_weights is not None:
        raise InvalidInput(
            f"rows of {dataset.title} count by weights, and on new tasks every row counts alike; "
            "let the column of weights be ignored"
        )
    dataset = _with_labels(dataset, target)
    if folds < 2 or dataset.groups is None or len(np.unique(dataset.groups)) < 2 * folds:
        found = 0 if dataset.groups is None else len(np.unique(dataset.groups))
        raise InvalidInput(
            f"{dataset.title} has {found} groups of {FEWEST_ROWS} or more labelled rows, too few for {folds} folds; "
            + (f"choose 2 to {found // 2} folds" if found >= 4 else "4 groups are the least: choose another column")
        )
    return dataset


def _with_labels(dataset: Dataset, target: str) -> Dataset:
    """Labelled rows of the groups that have enough of them."""
    assert dataset.groups is not None
    labelled = dataset.targets[target].notna().to_numpy()
    names, count = np.unique(dataset.groups[labelled], return_counts=True)
    kept = labelled & np.isin(dataset.groups, names[count >= FEWEST_ROWS])
    parts = {name: getattr(dataset, name)[kept].reset_index(drop=True) for name in ("features", "targets")}
    return replace(dataset, groups=dataset.groups[kept], **parts)


def _grouped(rows: NDArray[np.int64], groups: NDArray[np.int64], blank: int) -> NDArray[np.int64]:
    """Rows [P, n] of each fold, sorted into groups: [P, G, L], padded with `blank`."""
    found = []
    for mine in (each[each < blank] for each in rows):
        ordered = mine[np.argsort(groups[mine], kind="stable")]
        found.append((ordered, *np.unique(groups[ordered], return_index=True, return_counts=True)[1:]))
    width, height = max(counts.max() for _, _, counts in found), max(len(counts) for _, _, counts in found)
    padded = np.full((len(rows), height, width), blank, np.int64)
    for p, (ordered, starts, counts) in enumerate(found):
        place = np.arange(len(ordered)) - np.repeat(starts, counts)
        padded[p, np.repeat(np.arange(len(counts)), counts), place] = ordered
    return padded
