"""From a raw table to arrays: encoding, and scaling that is fitted on training rows only.

Sizes: P preparations (one a fold), N rows, F encoded inputs, T tasks. Row N is a blank row without labels:
index lists of unequal length are padded with it, and it never enters a loss.

The table is worked through column by column, straight into the result: a million rows cost one copy of the encoded
table for each preparation, and little beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_core.data.base import Dataset, Source
from mtl_core.data.encoders import INPUT_LIMIT, encoders
from mtl_core.data.splits import Rows, Split, holdout, splits
from mtl_core.registry import InvalidInput

TARGET_LIMIT = 1e18
"""A larger target has no square in float32."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Prepared:
    """Everything that training reads.

    inputs [P, N + 1, F], targets [P, N + 1, T] (NaN = no label) in the units of their kind of task, which are fitted
    on the training rows: target = (label - mean) / deviation [P, T]. Mean and deviation of a number, 0 and the mean
    of a count, 0 and 1 for classes. Where an experiment asks for unscaled targets, numbers are only centred.
    train, validation, test [P, n]: row numbers, padded with N.
    boxes [P, N + 1, k, 4]: the k tasks' boxes in their units (0 without a label), None where no task frames a thing.
    lists [P, N + 1]: the list that each row is ranked in (-1 for the blank row), None where no task is ranked.
    weights [P, N + 1]: how much each row counts, in units of their mean (0 for the blank row), None = all alike.
    """

    inputs: Floats
    targets: Floats
    mean: Floats
    deviation: Floats
    train: Rows
    validation: Rows
    test: Rows
    lists: Rows | None = None
    boxes: Floats | None = None
    weights: Floats | None = None


def encoded_names(dataset: Dataset) -> list[str]:
    """Names of the F encoded inputs: numbers, a flag for each column with missing cells, one for each category."""
    return [name for encoder in encoders(dataset) for name in encoder.names()]


def prepare(dataset: Dataset, folds: int, seed: int, scale_targets: bool = True) -> Prepared:
    """All folds of one table; `folds` = 1 is a single hold-out, with a single copy of the table.

    Raises `InvalidInput` when the table has too few rows, or a target that no network can be trained on.
    """
    parts = splits(dataset, folds, seed) if folds > 1 else [holdout(dataset, seed)]
    return _prepared([(dataset, parts)], scale_targets)


def prepare_draws(
    source: Source, tasks: tuple[str, ...], folds: int, seed: int, scale_targets: bool = True
) -> Prepared:
    """Fresh data for every fold, from a source that can draw."""
    drawn = [(source.draw(seed * 1000 + fold).choose(tasks), seed * 1000 + fold) for fold in range(folds)]
    return _prepared([(dataset, [holdout(dataset, each)]) for dataset, each in drawn], scale_targets)


def _prepared(tables: Sequence[tuple[Dataset, list[Split]]], scale_targets: bool) -> Prepared:
    """Tables of one shape, each with its splits, one preparation a split."""
    tables = [(_counting(dataset), found) for dataset, found in tables]
    first, parts = tables[0][0], [split for _, found in tables for split in found]
    size, n_rows, n_tasks = len(parts), first.n_rows, len(first.tasks)
    inputs = np.zeros((size, n_rows + 1, len(encoded_names(first))), np.float32)
    targets = np.full((size, n_rows + 1, n_tasks), np.nan, np.float32)
    mean, deviation = np.zeros((size, n_tasks), np.float32), np.ones((size, n_tasks), np.float32)
    begin = 0
    for dataset, found in tables:
        here = slice(begin, begin + len(found))
        _fill_inputs(inputs[here, :-1], dataset, found)
        _fill_targets(targets[here, :-1], mean[here], deviation[here], dataset, found, scale_targets)
        begin += len(found)
    rows = {name: _padded([getattr(part, name) for part in parts], n_rows) for name in ("train", "validation", "test")}
    lists, boxes, weights = _lists(tables), _boxes(tables), _weights(tables)
    return Prepared(inputs, targets, mean, deviation, **rows, lists=lists, boxes=boxes, weights=weights)


def _counting(dataset: Dataset) -> Dataset:
    """The same without the labels of rows that count nothing."""
    if dataset.row_weights is None or dataset.row_weights.all():
        return dataset
    targets = dataset.targets.copy()
    targets[dataset.row_weights == 0] = np.nan
    return replace(dataset, targets=targets)


def _weights(tables: Sequence[tuple[Dataset, list[Split]]]) -> Floats | None:
    """How much each row counts, once for each preparation: [P, N + 1]."""
    if tables[0][0].row_weights is None:
        return None
    each = [(dataset.row_weights, len(parts)) for dataset, parts in tables if dataset.row_weights is not None]
    return np.stack([np.append(mine / mine.mean(), 0).astype(np.float32) for mine, n in each for _ in range(n)])


def _lists(tables: Sequence[tuple[Dataset, list[Split]]]) -> Rows | None:
    """The query of each row, once for each preparation: [P, N + 1]."""
    ranked = [task.name for task in tables[0][0].tasks if task.method.in_lists]
    if not ranked:
        return None
    found = []
    for dataset, parts in tables:
        if dataset.queries is None:
            raise InvalidInput(
                f"task {ranked[0]!r} puts the rows of each list in order, and {dataset.title} does not say which rows "
                "belong to one list; name the column that says it (the query), or predict the grade as a number"
            )
        numbers = np.unique(dataset.queries, return_inverse=True)[1].reshape(-1)
        found += [np.append(numbers, -1)] * len(parts)
    return np.stack(found)


def _boxes(tables: Sequence[tuple[Dataset, list[Split]]]) -> Floats | None:
    """The boxes of each task that frames a thing, in units of each preparation: [P, N + 1, k, 4]."""
    framing = [task.name for task in tables[0][0].tasks if task.method.in_boxes]
    if not framing:
        return None
    found = []
    for dataset, parts in tables:
        for name in framing:
            if name not in dataset.boxes:
                raise InvalidInput(
                    f"task {name!r} frames a thing, which takes four numbers a row, and {dataset.title} has one; "
                    "predict each edge as a number of its own"
                )
        corners = np.stack([dataset.boxes[name] for name in framing], 1)  # [N, k, 4]
        corners[dataset.targets[framing].isna().to_numpy()] = np.nan
        found += [_in_units(corners, split.train) for split in parts]
    return np.stack(found)


def _in_units(corners: NDArray[np.float64], train: Rows) -> Floats:
    """Boxes [N, k, 4] from the mean middle of the training rows' boxes, by their edges' deviation: [N + 1, k, 4].

    One unit for both edges of an axis, so that overlaps stay what they are.
    """
    edges = corners.reshape(*corners.shape[:-1], 2, 2)  # begin and end; across and down
    known = edges[train]
    middle = np.nanmean(known, (0, 2), keepdims=True)
    spread = np.nanstd(known, (0, 2), keepdims=True)
    scaled = np.nan_to_num((edges - middle) / np.where(spread > 0, spread, 1.0)).reshape(corners.shape)
    return np.concatenate([scaled, np.zeros_like(scaled[:1])]).astype(np.float32)


def _fill_inputs(inputs: Floats, dataset: Dataset, found: list[Split]) -> None:
    """inputs [P, N, F] of one table."""
    begin = 0
    for encoder in encoders(dataset):
        end = begin + len(encoder.names())
        encoder.fill(inputs[:, :, begin:end], found)
        begin = end


def _fill_targets(
    targets: Floats, mean: Floats, deviation: Floats, dataset: Dataset, found: list[Split], scale: bool
) -> None:
    """targets [P, N, T], mean and deviation [P, T] of one table."""
    for t, task in enumerate(dataset.tasks):
        labels = dataset.targets.iloc[:, t].to_numpy()
        _check_size(labels, task.name)
        for p, split in enumerate(found):
            weights = None if dataset.row_weights is None else dataset.row_weights[split.train]
            centre, spread = task.method.units(labels[split.train], scale, weights)
            with np.errstate(over="ignore"):
                targets[p, :, t] = (labels - centre) / spread
            _check_size(targets[p, :, t], task.name)
            mean[p, t], deviation[p, t] = centre, spread


def _check_size(labels: NDArray[Any], task: str) -> None:
    known = labels[~np.isnan(labels)]
    if len(known) and not max(abs(float(known.max())), abs(float(known.min()))) <= TARGET_LIMIT:
        raise InvalidInput(
            f"task {task!r} has a label too far from all others to be learned "
            f"({known[np.argmax(np.abs(known))]:.3g}); correct it or leave the cell empty"
        )


def _padded(lists: list[Rows], blank: int) -> Rows:
    padded = np.full((len(lists), max(map(len, lists))), blank, np.int64)
    for i, rows in enumerate(lists):
        padded[i, : len(rows)] = rows
    return padded


__all__ = ["INPUT_LIMIT", "Prepared", "Split", "encoded_names", "holdout", "prepare", "prepare_draws", "splits"]
