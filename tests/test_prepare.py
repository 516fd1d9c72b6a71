"""Splits and encoding: the test rows never choose anything, and nothing is lost on the way."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mtl_core.data.base import Dataset
from mtl_core.data.prepare import INPUT_LIMIT, encoded_names, prepare, prepare_draws
from mtl_core.data.splits import holdout, splits
from mtl_core.data.synthetic import Relatedness
from mtl_core.registry import InvalidInput
from mtl_core.scales import middle, moments
from mtl_core.tasks import TaskSpec


def table(n_rows: int = 60, seed: int = 0, groups: np.ndarray | None = None) -> Dataset:
    """Numbers with holes, categories with holes, a number task and a class task with missing labels."""
    random = np.random.default_rng(seed)
    number = random.normal(50, 9, n_rows)
    number[random.random(n_rows) < 0.2] = np.nan
    colour = pd.Series(random.choice(["red", "green", "blue"], n_rows)).where(random.random(n_rows) > 0.1)
    size, sort = random.normal(1e6, 10, n_rows), random.integers(0, 3, n_rows).astype(float)
    sort[random.random(n_rows) < 0.3] = np.nan
    tasks = (TaskSpec("size", "regression"), TaskSpec("sort", "multiclass", ("a", "b", "c")))
    features = pd.DataFrame({"number": number, "colour": colour})
    return Dataset("t", "Test table", features, pd.DataFrame({"size": size, "sort": sort}), tasks, groups=groups)


shapes = {"n_rows": st.integers(20, 90), "folds": st.integers(2, 10), "seed": st.integers(0, 2**31 - 1)}


@given(**shapes)
@settings(max_examples=30, deadline=None)
def test_every_row_is_tested_once_and_stands_on_one_side_of_each_fold(n_rows: int, folds: int, seed: int) -> None:
    found = splits(table(n_rows), folds, seed)
    assert_array_equal(np.sort(np.concatenate([split.test for split in found])), np.arange(n_rows))
    for split in found:
        rows = np.concatenate([split.train, split.validation, split.test])
        assert_array_equal(np.sort(rows), np.arange(n_rows))
        assert min(len(split.train), len(split.validation), len(split.test)) >= 1
    sizes = [len(split.test) for split in found]
    assert max(sizes) - min(sizes) <= 1


@given(**shapes)
@settings(max_examples=20, deadline=None)
def test_rows_of_a_group_stay_together(n_rows: int, folds: int, seed: int) -> None:
    groups = np.random.default_rng(seed).integers(0, 12, n_rows) * 7
    if len(np.unique(groups)) < max(folds, 4):
        with pytest.raises(InvalidInput, match="groups"):
            splits(table(n_rows, groups=groups), folds, seed)
        return
    found = splits(table(n_rows, groups=groups), folds, seed)
    assert_array_equal(np.sort(np.concatenate([split.test for split in found])), np.arange(n_rows))
    for split in found:
        parts = [set(groups[rows]) for rows in (split.train, split.validation, split.test)]
        assert sum(map(len, parts)) == len(set(groups))
        assert sum(map(len, (split.train, split.validation, split.test))) == n_rows


def test_a_scarce_label_is_in_every_part_of_every_fold() -> None:
    data = Relatedness(tasks=2, rows=400, first_labels=0.05).load()
    labelled = data.targets["task 1"].notna().to_numpy()
    assert labelled.sum() == 20
    for seed in range(20):
        for split in splits(data, 5, seed):
            assert labelled[split.test].sum() == 4
            assert labelled[split.validation].sum() in (3, 4)


def test_classes_keep_their_shares_in_every_fold() -> None:
    labels = np.repeat([0.0, 1.0, 2.0], [70, 20, 10])
    task = (TaskSpec("sort", "multiclass", ("a", "b", "c")),)
    data = Dataset("t", "T", pd.DataFrame({"x": np.arange(100.0)}), pd.DataFrame({"sort": labels}), task)
    for split in splits(data, 10, 3):
        assert_array_equal(np.bincount(labels[split.test].astype(int)), [7, 2, 1])


def test_another_seed_gives_other_folds_and_the_same_seed_the_same() -> None:
    data = table()
    assert_array_equal(splits(data, 5, 1)[0].test, splits(data, 5, 1)[0].test)
    assert not np.array_equal(splits(data, 5, 1)[0].test, splits(data, 5, 2)[0].test)


def test_a_holdout_tests_three_tenths() -> None:
    split = holdout(table(100), 0)
    assert (len(split.train), len(split.validation), len(split.test)) == (56, 14, 30)


def test_too_few_rows_for_the_folds_are_refused() -> None:
    with pytest.raises(InvalidInput, match="has 8 rows, but 10 folds need at least 10"):
        splits(table(8), 10, 0)


def test_encoding_agrees_with_scikit_learn() -> None:
    data = table(200)
    prepared = prepare(data, 4, 0)
    for p, split in enumerate(splits(data, 4, 0)):
        number = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        colours = OneHotEncoder(categories=[["blue", "green", "red"]], sparse_output=False, handle_unknown="ignore")
        theirs = ColumnTransformer(
            [("n", number, ["number"]), ("c", make_pipeline(colours, StandardScaler()), ["colour"])]
        )
        expected = theirs.fit(data.features.iloc[split.train]).transform(data.features)
        assert_allclose(prepared.inputs[p, :-1, :5], expected, atol=1e-5)
    names = ["number", "number is missing", "colour = blue", "colour = green", "colour = red", "colour is missing"]
    assert encoded_names(data) == names


def test_targets_are_standardised_on_training_rows_and_classes_stay_codes() -> None:
    data = table(200)
    prepared = prepare(data, 4, 0)
    for p, split in enumerate(splits(data, 4, 0)):
        train = prepared.targets[p, split.train, 0]
        assert_allclose([train.mean(), train.std()], [0, 1], atol=1e-5)
        assert_array_equal(prepared.targets[p, :-1, 1], data.targets["sort"].to_numpy(np.float32))
    centred = prepare(data, 4, 0, scale_targets=False)
    assert_allclose(centred.targets[:, :-1, 0], prepared.targets[:, :-1, 0] * prepared.deviation[:, :1], rtol=1e-4)


@pytest.mark.parametrize(("kind", "centre"), [("median", np.median), ("huber", np.median), ("count", None)])
def test_robust_numbers_are_measured_from_the_training_median_and_counts_in_training_means(
    kind: str, centre: Callable[[np.ndarray], float] | None
) -> None:
    data = table(200)
    counts = np.random.default_rng(1).poisson(3.0, 200).astype(float)
    data = replace(data, targets=pd.DataFrame({"n": counts}), tasks=(TaskSpec("n", kind),))
    prepared, unscaled = prepare(data, 4, 0), prepare(data, 4, 0, scale_targets=False)
    for p, split in enumerate(splits(data, 4, 0)):
        train = counts[split.train]
        zero = centre(train) if centre else 0.0
        unit = np.sqrt(np.pi / 2) * np.abs(train - zero).mean() if centre else train.mean()
        assert_allclose(prepared.targets[p, :-1, 0], (counts - zero) / unit, rtol=1e-5)
        assert_allclose(unscaled.targets[p, :-1, 0], (counts - zero) / (1 if centre else unit), rtol=1e-5)


def test_the_robust_spread_of_normal_numbers_is_their_deviation() -> None:
    numbers = np.random.default_rng(0).normal(7, 3, 200_000)
    assert middle(np.append(numbers, np.nan)) == pytest.approx((7, 3), rel=0.01)
    assert middle(np.full(9, 5.0)) == (5.0, 0.0)
    assert middle(np.array([np.nan])) == (0.0, 0.0)


def test_what_stands_in_held_out_rows_changes_nothing_for_the_training_rows() -> None:
    data, split = table(120), splits(table(120), 3, 0)[0]
    held = np.concatenate([split.validation, split.test])
    features, targets = data.features.copy(), data.targets.copy()
    features.loc[held, "number"] = 1e9
    targets.loc[held, "size"] = -5e7
    other = Dataset("t", "Test table", features, targets, data.tasks)
    before, after = prepare(data, 3, 0), prepare(other, 3, 0)
    assert_array_equal(before.inputs[0, split.train], after.inputs[0, split.train])
    assert_array_equal(before.targets[0, split.train], after.targets[0, split.train])
    assert before.mean[0, 0] == after.mean[0, 0]


def test_a_category_that_no_training_row_has_is_zero_everywhere() -> None:
    data = table(40)
    split = splits(data, 4, 0)[0]
    features = data.features.assign(colour="red")
    features.loc[split.test, "colour"] = "green"
    prepared = prepare(Dataset("t", "T", features, data.targets, data.tasks), 4, 0)
    assert not prepared.inputs[0, :, -2:].any()


def test_absurd_inputs_stay_within_reach() -> None:
    data = table(40)
    wild = data.features["number"].fillna(0.0).to_numpy(copy=True)
    wild[splits(data, 4, 0)[0].test[0]] = 1e300
    features = pd.DataFrame({"wild": wild, "constant": 7.0, "empty": np.nan, "big": 1e17 + np.arange(40) * 1e15})
    prepared = prepare(Dataset("t", "T", features, data.targets, data.tasks), 4, 0)
    assert np.isfinite(prepared.inputs).all()
    assert np.abs(prepared.inputs).max() == INPUT_LIMIT
    assert not prepared.inputs[:, :, 1:4].any()
    assert_allclose(prepared.inputs[0, splits(data, 4, 0)[0].train, 4].std(), 1, atol=1e-5)


@pytest.mark.parametrize("label", [1e300, np.inf])
def test_a_label_beyond_single_precision_is_refused(label: float) -> None:
    data = table(40)
    targets = data.targets.copy()
    targets.loc[3, "size"] = label
    with pytest.raises(InvalidInput, match="task 'size' has a label too far"):
        prepare(Dataset("t", "T", data.features, targets, data.tasks), 4, 0)


def test_an_infinite_input_is_refused_by_name() -> None:
    data = table(40)
    with pytest.raises(InvalidInput, match="column 'number' has an infinite number"):
        prepare(Dataset("t", "T", data.features.assign(number=np.inf), data.targets, data.tasks), 4, 0)


def test_the_blank_row_is_empty_and_pads_unequal_folds() -> None:
    prepared = prepare(table(61), 4, 0)
    assert not prepared.inputs[:, -1].any()
    assert np.isnan(prepared.targets[:, -1]).all()
    assert sorted((prepared.test == 61).sum(1)) == [0, 1, 1, 1]


def test_every_draw_is_a_preparation_of_its_own() -> None:
    prepared = prepare_draws(Relatedness(rows=50), ("task 2", "task 1"), 3, 0)
    assert prepared.inputs.shape == (3, 51, 20)
    assert prepared.targets.shape == (3, 51, 2)
    assert not np.array_equal(prepared.targets[0], prepared.targets[1])


@given(st.lists(st.floats(-1e150, 1e150, allow_subnormal=False), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_moments_do_not_overflow(values: list[float]) -> None:
    mean, deviation = moments(np.array([*values, np.nan]))
    size = max(map(abs, values)) or 1.0
    assert_allclose(mean, np.mean(np.array(values) / size) * size, rtol=1e-9, atol=1e-9 * size)
    assert np.isfinite(deviation)
    assert deviation >= 0


def test_one_preparation_of_a_long_table_costs_little_beside_its_result() -> None:
    data = Relatedness(rows=100_000, inputs=10, tasks=3).load()
    table_bytes = data.n_rows * 13 * 4
    tracemalloc.start()
    try:
        prepare(data, 1, 0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * table_bytes  # with the table itself: 3 times its size
