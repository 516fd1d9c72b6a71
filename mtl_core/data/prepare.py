"""From a raw table to arrays: encoding, and scaling that is fitted on training rows only.

Sizes: P preparations (one a fold), N rows, F encoded inputs, T tasks. Row N is a blank row without labels:
index lists of unequal length are padded with it, and it never enters a loss.

The table is worked through column by column, straight into the result: a million rows cost one copy of the encoded
table for each preparation, and little beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.base import Dataset, Source
from mtl_core.data.splits import Rows, Split, holdout, splits
from mtl_core.registry import InvalidInput
from mtl_core.scales import moments

INPUT_LIMIT = 10.0
"""An encoded input stays within so many training deviations of the training mean: one absurd cell (a slipped
decimal point, a category that two rows have) must not drown the rest or leave the range of float32."""
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
    """

    inputs: Floats
    targets: Floats
    mean: Floats
    deviation: Floats
    train: Rows
    validation: Rows
    test: Rows


def encoded_names(dataset: Dataset) -> list[str]:
    """Names of the F encoded inputs: numbers, a flag for each column with missing cells, one for each category."""
    return [name for column in dataset.features.columns for name in _names(dataset.features[column])]


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
    return Prepared(inputs, targets, mean, deviation, **rows)


def _fill_inputs(inputs: Floats, dataset: Dataset, found: list[Split]) -> None:
    """inputs [P, N, F] of one table."""
    raw = ((name, part) for name in dataset.features.columns for part in _raw(dataset.features[name]))
    for f, (name, column) in enumerate(raw):
        if np.isinf(column).any():
            raise InvalidInput(f"column {str(name)!r} has an infinite number; leave the cell empty if it is missing")
        for p, split in enumerate(found):
            inputs[p, :, f] = _scaled(column, split.train)


def _fill_targets(
    targets: Floats, mean: Floats, deviation: Floats, dataset: Dataset, found: list[Split], scale: bool
) -> None:
    """targets [P, N, T], mean and deviation [P, T] of one table."""
    for t, task in enumerate(dataset.tasks):
        labels = dataset.targets.iloc[:, t].to_numpy()
        _check_size(labels, task.name)
        for p, split in enumerate(found):
            centre, spread = task.method.units(labels[split.train], scale)
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


def _names(column: pd.Series) -> list[str]:
    name = str(column.name)
    missing = [f"{name} is missing"] if column.isna().any() else []
    if pd.api.types.is_numeric_dtype(column):
        return [name, *missing]
    return [f"{name} = {each}" for each in _categories(column)] + missing


def _raw(column: pd.Series) -> Iterator[NDArray[Any]]:
    """The unscaled inputs [N] of one column, in the order of `_names`; NaN where a number is missing."""
    if pd.api.types.is_numeric_dtype(column):
        exact = np.float32 if column.dtype == np.float32 else np.float64
        yield column.to_numpy(exact, na_value=np.nan)
    else:
        codes = pd.Categorical(column, categories=_categories(column)).codes
        yield from (codes == code for code in range(codes.max(initial=-1) + 1))
    if column.isna().any():
        yield column.isna().to_numpy()


def _categories(column: pd.Series) -> list[object]:
    """Categories that occur, in a stable order."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return list(column.cat.remove_unused_categories().cat.categories)
    return sorted(column.dropna().unique(), key=str)


def _scaled(raw: NDArray[Any], train: Rows) -> NDArray[Any]:
    """Standardised on the training rows; a missing number counts as their median.

    What does not vary among the training rows is 0 everywhere: nothing can be learned about it, and a value seen
    for the first time in a test row would be multiplied by weights that were never trained.
    """
    values = raw.astype(np.float32) if raw.dtype == bool else raw
    missing = np.isnan(values)
    if missing.any():
        known = values[train][~missing[train]]
        values = np.where(missing, np.median(known) if len(known) else values.dtype.type(0), values)
    centre, spread = moments(values[train])
    if not spread:
        return np.zeros_like(values)
    with np.errstate(over="ignore"):
        scaled = values - centre
        scaled /= spread
    return np.clip(scaled, -INPUT_LIMIT, INPUT_LIMIT, out=scaled)


__all__ = ["Prepared", "Split", "encoded_names", "holdout", "prepare", "prepare_draws", "splits"]
