"""Ways to split: at random, by time, by a column; whole queries; what cannot be split is refused in a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.model_selection import PredefinedSplit, TimeSeriesSplit

from mtl_core.data.base import Dataset
from mtl_core.data.building import build_dataset
from mtl_core.data.cuts import cuts
from mtl_core.data.describe import split_sizes
from mtl_core.data.parts import given_parts, parts_of_flag
from mtl_core.data.prepare import prepare
from mtl_core.data.recipe import Recipe
from mtl_core.data.splits import holdout, splits
from mtl_core.registry import InvalidInput

N = 120
RNG = np.random.default_rng(0)
DAYS = pd.date_range("2023-01-01", periods=N)
FRAME = pd.DataFrame(
    {
        "x": RNG.normal(size=N),
        "y": RNG.normal(size=N),
        "z": RNG.choice(["a", "b"], N, p=[0.9, 0.1]),
        "day": RNG.permutation(DAYS.strftime("%d/%m/%Y")),
        "part": RNG.permutation(["train"] * 70 + ["test"] * 50),
        "fold": RNG.permutation(np.repeat([1, 2, 10], 40)),
        "query": np.repeat(np.arange(24), 5),
        "user": np.repeat(np.arange(12), 10),
    }
)
RECIPE = Recipe(("x",), (("y", "regression"), ("z", "binary")))


def table(frame: pd.DataFrame = FRAME, **changes: Any) -> Dataset:
    return build_dataset(frame, replace(RECIPE, **changes), "t")


WAYS: dict[str, dict[str, Any]] = {
    "spread": {},
    "random": {"split": "random"},
    "groups": {"group": "user"},
    "random groups": {"split": "random", "group": "user"},
    "time": {"split": "time", "by": "day"},
    "column": {"split": "column", "by": "fold"},
    "parts": {"split": "column", "by": "part"},
}


@pytest.mark.parametrize("way", WAYS)
@given(folds=st.integers(2, 3), seed=st.integers(0, 2**31 - 1))
@settings(max_examples=10, deadline=None)
def test_parts_never_overlap_and_depend_on_the_seed_alone(way: str, folds: int, seed: int) -> None:
    data = table(**WAYS[way])
    for split, again in zip(splits(data, folds, seed), splits(data, folds, seed), strict=True):
        rows = np.concatenate([split.train, split.validation, split.test])
        assert len(np.unique(rows)) == len(rows)
        assert min(len(split.train), len(split.validation), len(split.test)) >= 1
        for part in ("train", "validation", "test"):
            assert_array_equal(getattr(split, part), getattr(again, part))
        if data.groups is not None:
            sides = [set(data.groups[rows]) for rows in (split.train, split.validation, split.test)]
            assert not sides[0] & sides[1]
            assert not (sides[0] | sides[1]) & sides[2]
    one = holdout(data, seed)
    assert not set(one.test) & (set(one.train) | set(one.validation))


def test_every_registered_way_is_tested_here() -> None:
    assert {str(changes.get("split", "spread")) for changes in WAYS.values()} == set(cuts)


@pytest.mark.parametrize("folds", [2, 5, 8])
def test_time_is_cut_as_scikit_learn_cuts_sorted_rows(folds: int) -> None:
    order = np.argsort(pd.to_datetime(FRAME["day"], format="%d/%m/%Y").to_numpy())
    for split, (past, future) in zip(
        splits(table(split="time", by="day"), folds, 0), TimeSeriesSplit(folds).split(order), strict=True
    ):
        assert_array_equal(split.test, np.sort(order[future]))
        assert_array_equal(np.sort(np.concatenate([split.train, split.validation])), np.sort(order[past]))
        assert len(split.validation) == round(len(past) / 5)


@given(seed=st.integers(0, 1000), moments=st.integers(12, 40))
@settings(max_examples=20, deadline=None)
def test_all_of_training_comes_before_all_of_validation_and_that_before_all_of_the_test(
    seed: int, moments: int
) -> None:
    times = np.random.default_rng(seed).integers(0, moments, N)
    times[:moments] = np.arange(moments)
    data = table(FRAME.assign(day=times), split="time", by="day")
    for split in [*splits(data, 5, 0), holdout(data, 0)]:
        assert times[split.train].max() < times[split.validation].min()
        assert times[split.validation].max() < times[split.test].min()


def test_a_column_of_folds_is_split_as_scikit_learn_does() -> None:
    codes = FRAME["fold"].map({1: 0, 2: 1, 10: 2})
    found = splits(table(split="column", by="fold"), 3, 0)
    for split, (rest, test) in zip(found, PredefinedSplit(codes).split(), strict=True):
        assert_array_equal(split.test, test)
        assert_array_equal(np.sort(np.concatenate([split.train, split.validation])), rest)


def test_a_column_of_parts_is_kept_to_and_its_one_test_part_is_told() -> None:
    data = table(split="column", by="part")
    for split in splits(data, 4, 0):
        assert (FRAME["part"][split.test] == "test").all()
        assert len(split.test) == 50
        assert (FRAME["part"][[*split.train, *split.validation]] == "train").all()
    assert any("same rows" in note for note in data.notes)
    three = FRAME.assign(part=["训练", "验证", "测试"] * 40)
    split = splits(table(three, split="column", by="part"), 2, 0)[1]
    assert [set(three["part"][rows]) for rows in (split.train, split.validation, split.test)] == [
        {"训练"},
        {"验证"},
        {"测试"},
    ]
    assert given_parts(("train", "other")) == {}


@pytest.mark.parametrize(("name", "yes", "no"), [("is_test", 1, 0), ("isTest", True, False), ("in test", "yes", "no")])
def test_a_flag_of_the_test_rows_is_kept_to(name: str, yes: object, no: object) -> None:
    frame = FRAME.assign(**{name: pd.Series([yes if i % 4 == 0 else no for i in range(N)])})
    for split in splits(table(frame, split="column", by=name), 5, 0):
        assert split.test.tolist() == list(range(0, N, 4))
    assert parts_of_flag("is_train", ("0", "1")) == {"1": "train", "0": "test"}
    assert parts_of_flag("is_test", ("0", "1", "2")) == parts_of_flag("test", ("0", "1")) == {}


def test_at_random_is_another_deal_than_evenly() -> None:
    even, random = splits(table(), 4, 0), splits(table(split="random"), 4, 0)
    rare = (FRAME["z"] == "b").to_numpy()
    counts = [[int(rare[split.test].sum()) for split in found] for found in (even, random)]
    assert max(counts[0]) - min(counts[0]) <= 1 < max(counts[1]) - min(counts[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "time"}, "choose the column that says the time"),
        ({"split": "time", "by": "z"}, "'z' is a task"),
        ({"split": "time", "by": "part"}, "neither numbers nor dates in 120 rows, for instance"),
        ({"split": "column", "by": "day"}, "120 different values; to say how rows are split it needs 2 to 50"),
        ({"split": "column", "by": "gone"}, "no column 'gone'"),
        ({"split": "sideways"}, "no way to split 'sideways'"),
    ],
)
def test_a_way_that_a_column_cannot_say_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        table(**changes)


def test_rows_without_a_place_are_refused_and_counted() -> None:
    frame = FRAME.assign(day=FRAME["day"].mask(FRAME.index < 7))
    with pytest.raises(InvalidInput, match="'day' is empty in 7 of 120 rows"):
        table(frame, split="time", by="day")


@pytest.mark.parametrize(
    ("frame", "changes", "folds", "message"),
    [
        (FRAME, {"split": "column", "by": "fold"}, 5, "has 3 values, but 5 folds are asked for; choose 3 folds"),
        (FRAME.assign(day=FRAME["fold"]), {"split": "time", "by": "day"}, 5, "3 different times, but 5 rolling folds"),
        (FRAME, {"split": "time", "by": "day", "group": "user"}, 3, "rows of one group on both sides"),
        (
            FRAME.assign(z=FRAME["z"].mask(FRAME["part"] == "test")),
            {"split": "column", "by": "part"},
            3,
            "no label of 'z' to test with",
        ),
    ],
)
def test_a_split_that_cannot_be_made_is_refused(
    frame: pd.DataFrame, changes: dict[str, Any], folds: int, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        prepare(table(frame, **changes), folds, 0)


# --- queries ------------------------------------------------------------------------------------------------------
def test_a_query_is_never_cut() -> None:
    data = table(query="query")
    assert data.queries is not None
    assert_array_equal(data.groups, data.queries)
    for split in splits(data, 4, 0):
        assert not set(data.queries[split.test]) & set(data.queries[[*split.train, *split.validation]])


def test_queries_lie_within_groups_or_are_refused() -> None:
    data = table(query="query", group="user")
    assert data.groups is not None
    assert data.queries is not None
    assert (len(np.unique(data.groups)), len(np.unique(data.queries))) == (12, 24)
    with pytest.raises(InvalidInput, match="some queries of 'user' have rows of several groups of 'query'"):
        table(query="user", group="query")


# --- sizes --------------------------------------------------------------------------------------------------------
def test_the_sizes_are_those_of_the_splits() -> None:
    data = table(FRAME.assign(y=FRAME["y"].mask(FRAME.index % 3 == 0)), split="time", by="day")
    sizes = split_sizes(data, 5, 0).set_index("task")
    for task in ("y", "z"):
        known = data.targets[task].notna().to_numpy()
        for part in ("train", "validation", "test"):
            counts = [int(known[getattr(split, part)].sum()) for split in splits(data, 5, 0)]
            assert tuple(sizes.loc[task, [f"{part} least", f"{part} most"]]) == (min(counts), max(counts))
