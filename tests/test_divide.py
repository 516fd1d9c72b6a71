"""One target, each value of a column its own task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mtl_core.data.building import build_dataset
from mtl_core.data.prepare import prepare
from mtl_core.data.recipe import Recipe
from mtl_core.data.splits import splits
from mtl_core.registry import InvalidInput


def shops(sizes: dict[str, int]) -> pd.DataFrame:
    """Shuffled rows of some shops."""
    rng = np.random.default_rng(0)
    names = rng.permutation(np.repeat(list(sizes), list(sizes.values())))
    n = len(names)
    return pd.DataFrame({"x": rng.random(n), "shop": names, "sales": rng.random(n), "who": rng.integers(0, 40, n)})


RECIPE = Recipe(("x",), (("sales", "regression"),), each="shop")


def test_every_row_has_a_label_for_its_own_task_and_for_no_other() -> None:
    frame = shops({"10": 40, "9": 50, "2": 60})
    data = build_dataset(frame, RECIPE, "t")
    assert [task.name for task in data.tasks] == ["shop 2", "shop 9", "shop 10"]
    assert {task.kind for task in data.tasks} == {"regression"}
    assert (data.targets.notna().sum(axis=1) == 1).all()
    for name in ("2", "9", "10"):
        mine = frame["shop"] == name
        np.testing.assert_array_equal(data.targets[f"shop {name}"].notna(), mine)
        np.testing.assert_array_equal(data.targets[f"shop {name}"][mine], frame["sales"][mine])
    assert list(data.features.columns) == ["x"]
    assert not data.notes


def test_what_is_left_out_is_said_and_its_rows_go() -> None:
    frame = shops({"a": 40, "b": 50, "few": 29, "flat": 45})
    frame.loc[frame["shop"] == "flat", "sales"] = 3.0
    frame.loc[frame["shop"] == "a", "sales"] = np.where(np.arange(40) < 5, np.nan, np.arange(40.0))
    data = build_dataset(frame, RECIPE, "t")
    assert [task.name for task in data.tasks] == ["shop a", "shop b"]
    assert data.n_rows == 85
    assert data.notes == (
        "Left out of 'shop', fewer than 30 labelled rows: few.",
        "Left out of 'shop', the same label in every row: flat.",
        "79 of 164 rows belong to no task and are left out.",
    )


def test_the_largest_values_become_tasks_where_there_are_too_many() -> None:
    data = build_dataset(shops({f"s{i:02}": 30 + i for i in range(23)}), RECIPE, "t")
    assert [task.name for task in data.tasks] == [f"shop s{i:02}" for i in range(3, 23)]
    assert "Left out of 'shop', not among the 20 largest: s02, s01, s00." in data.notes


def test_classes_are_the_same_for_all_and_every_fold_tests_every_task() -> None:
    frame = shops({"a": 40, "b": 50})
    frame["sales"] = np.where(frame["sales"] > 0.5, "high", np.where(frame["shop"] == "a", "low", "none"))
    data = build_dataset(frame, Recipe(("x",), (("sales", "multiclass"),), each="shop"), "t")
    assert {task.classes for task in data.tasks} == {("high", "low", "none")}
    for split in splits(data, 10, 0):
        assert data.targets.iloc[split.test].notna().sum().tolist() == [4, 5]


def test_each_task_is_measured_from_its_own_mean() -> None:
    frame = shops({"a": 40, "b": 50})
    frame.loc[frame["shop"] == "b", "sales"] += 1000
    prepared = prepare(build_dataset(frame, RECIPE, "t"), 2, 0)
    assert (prepared.mean[:, 0] < 1).all()
    assert (prepared.mean[:, 1] > 999).all()


def test_subjects_stay_together_though_rows_are_left_out() -> None:
    frame = shops({"a": 40, "b": 50, "few": 10})
    data = build_dataset(frame, Recipe(("x",), RECIPE.tasks, group="who", each="shop"), "t")
    kept = frame[frame["shop"] != "few"]
    assert data.groups is not None
    np.testing.assert_array_equal(pd.factorize(data.groups)[0], pd.factorize(kept["who"])[0])


@pytest.mark.parametrize(
    ("recipe", "sizes", "message"),
    [
        (RECIPE, {"a": 40, "b": 29}, "'shop' has too few values that can be tasks: 1, and 2 are needed"),
        (
            Recipe(("x",), (("sales", "regression"), ("who", "regression")), each="shop"),
            {"a": 40},
            "2 columns of 't' are to be predicted; keep one",
        ),
        (Recipe(("x", "shop"), RECIPE.tasks, each="shop"), {"a": 40}, "'shop' has two roles"),
        (Recipe(("x",), RECIPE.tasks, each="shops"), {"a": 40}, "did you mean 'shop'"),
    ],
)
def test_a_division_that_cannot_be_is_refused(recipe: Recipe, sizes: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        build_dataset(shops(sizes), recipe, "t")


def test_a_recipe_with_a_division_goes_to_text_and_back_and_others_keep_their_text() -> None:
    assert Recipe.from_text(RECIPE.to_text()) == RECIPE
    plain = Recipe(("x",), (("sales", "regression"),))
    assert "each" not in plain.to_text()
    assert Recipe.from_text(plain.to_text()) == plain
