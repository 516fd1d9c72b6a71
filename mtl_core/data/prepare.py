"""From a raw table to tensors: splits, encoding, and scaling that is fitted on training rows only.

Sizes: P preparations (one a fold), N rows, F encoded inputs, T tasks. Row N is a blank row without labels:
index lists of unequal length are padded with it, and it never enters a loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.base import Dataset, Source

VALIDATION_SHARE = 0.2
TEST_SHARE = 0.3

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Split:
    """Row numbers of one fold; the three never overlap, nor do their groups."""

    train: Rows
    validation: Rows
    test: Rows


@dataclass(frozen=True)
class Prepared:
    """Everything that training reads.

    inputs [P, N + 1, F], targets [P, N + 1, T] (NaN = no label); regression targets are standardised with the
    training rows' mean and deviation, kept in `mean` and `deviation` [P, T] (0 and 1 for classes). Where an
    experiment asks for unscaled targets they are only centred: the mean of the training rows is 0 either way.
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


def splits(dataset: Dataset, folds: int, seed: int) -> list[Split]:
    """`folds` cross-validation splits; validation is a fifth of what is not test. Groups stay whole.

    Rows are stratified by the first classification task with at least `folds` labels in each class.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

    n_rows, labels = dataset.n_rows, _strata(dataset, folds)
    state = int(seed) % 2**32
    if dataset.groups is not None:
        cuts = GroupKFold(folds, shuffle=True, random_state=state).split(np.zeros(n_rows), groups=dataset.groups)
    elif labels is not None:
        cuts = StratifiedKFold(folds, shuffle=True, random_state=state).split(np.zeros(n_rows), labels)
    else:
        cuts = KFold(folds, shuffle=True, random_state=state).split(np.zeros(n_rows))
    return [_with_validation(dataset, rest, test, state + i) for i, (rest, test) in enumerate(cuts)]


def holdout(dataset: Dataset, seed: int) -> Split:
    """One split of freshly drawn rows: 30 % test, a fifth of the rest validation."""
    order = np.random.default_rng(seed).permutation(dataset.n_rows)
    n_test = max(round(TEST_SHARE * dataset.n_rows), 1)
    return _with_validation(dataset, np.sort(order[n_test:]), np.sort(order[:n_test]), seed)


def prepare(dataset: Dataset, folds: int, seed: int, scale_targets: bool = True) -> Prepared:
    """All folds of one table."""
    return _stack([_prepare_one(dataset, split, scale_targets) for split in splits(dataset, folds, seed)])


def prepare_draws(
    source: Source, tasks: tuple[str, ...], folds: int, seed: int, scale_targets: bool = True
) -> Prepared:
    """Fresh data for every fold, from a source that can draw."""
    drawn = [(source.draw(seed * 1000 + fold).choose(tasks), seed * 1000 + fold) for fold in range(folds)]
    return _stack([_prepare_one(dataset, holdout(dataset, each), scale_targets) for dataset, each in drawn])


Part = tuple[Floats, Floats, Floats, Floats, Split]


def _prepare_one(dataset: Dataset, split: Split, scale_targets: bool) -> Part:
    blocks = [_encode(dataset.features[column], split.train) for column in dataset.features.columns]
    n_inputs = sum(block.shape[1] for block in blocks)
    inputs = np.zeros((dataset.n_rows + 1, n_inputs), np.float32)
    np.concatenate(blocks, axis=1, out=inputs[:-1])
    targets = np.full((dataset.n_rows + 1, len(dataset.tasks)), np.nan, np.float32)
    mean, deviation = np.zeros(len(dataset.tasks), np.float32), np.ones(len(dataset.tasks), np.float32)
    for t, task in enumerate(dataset.tasks):
        values = dataset.targets.iloc[:, t].to_numpy(float)
        if task.method.standardised:
            centre, spread = _moments(values[split.train])
            mean[t], deviation[t] = centre, spread if scale_targets else 1.0
            values = (values - mean[t]) / deviation[t]
        targets[:-1, t] = values
    return inputs, targets, mean, deviation, split


def _stack(parts: list[Part]) -> Prepared:
    n_rows = max(len(part[0]) for part in parts) - 1
    inputs, targets, mean, deviation = (np.stack([part[i] for part in parts]) for i in range(4))  # type: ignore[misc]
    rows = {
        name: _padded([getattr(part[4], name) for part in parts], n_rows) for name in ("train", "validation", "test")
    }
    return Prepared(inputs, targets, mean, deviation, **rows)


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


def _categories(column: pd.Series) -> list[object]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return list(column.cat.categories)
    return sorted(column.dropna().unique(), key=str)


def _encode(column: pd.Series, train: Rows) -> Floats:
    """One raw column -> its encoded block [N, f], standardised on the training rows; missing numbers = median."""
    missing = column.isna().to_numpy()
    flags = [missing] if missing.any() else []
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(float, na_value=np.nan)
        known = values[train][~missing[train]]
        values = np.where(missing, np.median(known) if len(known) else 0.0, values)
        parts = [values, *flags]
    else:
        parts = [(column == each).to_numpy(bool, na_value=False) for each in _categories(column)] + flags
    block = np.empty((len(column), len(parts)), np.float32)
    for i, part in enumerate(parts):
        centre, scale = _moments(np.asarray(part, float)[train])
        block[:, i] = (part - centre) / scale
    return block


def _moments(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and deviation of the known values; deviation 1 where they do not vary."""
    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0, 1.0
    deviation = float(known.std())
    return float(known.mean()), deviation if deviation > 1e-12 * max(abs(float(known.mean())), 1e-300) else 1.0


def _strata(dataset: Dataset, folds: int) -> NDArray[np.int64] | None:
    for t, task in enumerate(dataset.tasks):
        codes = dataset.targets.iloc[:, t]
        if task.classes and codes.notna().any() and codes.value_counts().min() >= folds:
            return codes.fillna(-1).to_numpy(np.int64)
    return None


def _with_validation(dataset: Dataset, rest: Rows, test: Rows, seed: int) -> Split:
    """Take a fifth of the rows (or of the groups) that are not test for validation."""
    units = rest if dataset.groups is None else np.unique(dataset.groups[rest])
    order = np.random.default_rng(seed).permutation(units)
    chosen = order[: max(round(VALIDATION_SHARE * len(units)), 1)]
    held = np.isin(rest if dataset.groups is None else dataset.groups[rest], chosen)
    return Split(rest[~held], rest[held], np.asarray(test))
