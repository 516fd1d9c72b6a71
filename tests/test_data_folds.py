"""What folds lack is said before training, by the splits that training uses; what they do not lack is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_core.data.building import build_dataset
from mtl_core.data.doctor import diagnose
from mtl_core.data.findings import Finding
from mtl_core.data.folds import faults
from mtl_core.data.recipe import Recipe
from mtl_core.data.splits import splits

N = 400
RNG = np.random.default_rng(0)
LATE = np.arange(N) >= 0.4 * N
FRAME = pd.DataFrame(
    {
        "x": RNG.normal(size=N),
        "y": RNG.normal(size=N),
        "sold": np.where(LATE & (RNG.random(N) < 0.5), "yes", "no"),
        "day": pd.date_range("2023-01-01", periods=N).strftime("%Y-%m-%d"),
        "shop": RNG.choice([f"shop {i}" for i in range(12)], N),
    }
)
RECIPE = Recipe(("x",), (("y", "regression"), ("sold", "binary")), dates=(("day", "year first"),))
BY_TIME = replace(RECIPE, split="time", by="day")


def of_folds(frame: pd.DataFrame, recipe: Recipe, folds: int = 5) -> list[Finding]:
    return [each for each in diagnose(frame, recipe, folds) if each.code.startswith("fold-")]


def test_a_class_that_comes_late_leaves_early_folds_with_one_answer() -> None:
    (finding,) = of_folds(FRAME, BY_TIME)
    assert finding.code == "fold-one-answer"
    assert finding.what == (
        "Task 'sold' has one answer only ('no') to train with in folds 1, 2 and 3 of 5, to validate with in "
        "folds 1 and 2 of 5, to test with in fold 1 of 5."
    )
    assert (finding.fix, finding.recipe) == ("Split evenly", RECIPE)
    assert of_folds(FRAME, RECIPE) == []


def test_what_is_found_is_what_training_would_meet() -> None:
    data = build_dataset(FRAME, BY_TIME, "t")
    met = [data.targets["sold"].iloc[split.train].nunique() for split in splits(data, 5, 0)]
    assert [count < 2 for count in met] == [True, True, True, False, False]


def test_time_is_not_proposed_where_its_folds_would_lack_something() -> None:
    dated = replace(RECIPE, features=("x", "day"))
    (order,) = [each for each in diagnose(FRAME, dated) if each.code == "time-order"]
    assert order.recipe is None
    assert "one answer only ('no')" in order.why
    (sound,) = [each for each in diagnose(FRAME, replace(dated, tasks=RECIPE.tasks[:1])) if each.code == "time-order"]
    assert sound.recipe is not None


def test_fewer_folds_are_named_where_they_would_do() -> None:
    frame = FRAME.assign(sold=np.where((np.arange(N) >= 50) & (RNG.random(N) < 0.5), "yes", "no"))
    (finding,) = [each for each in of_folds(frame, BY_TIME, folds=10) if each.code == "fold-one-answer"]
    assert finding.why.endswith("With 5 folds, which are set on Train, it is not so.")
    assert finding.recipe is None  # time was split for a reason
    assert of_folds(frame, BY_TIME) == []


def test_time_is_proposed_where_fewer_folds_would_do() -> None:
    dated = replace(RECIPE, features=("x", "day"), tasks=RECIPE.tasks[:1])
    (order,) = [each for each in diagnose(FRAME, dated, folds=20) if each.code == "time-order"]
    assert "But split so: Only" in order.why
    assert order.why.endswith("With 5 folds, which are set on Train, it is not so.")
    assert order.recipe is not None


def test_a_task_whose_labels_lie_in_one_group_is_named_with_the_reason() -> None:
    shop = pd.Series(np.arange(N) % 8).map("shop {}".format)
    frame = FRAME.assign(shop=shop, y=FRAME["y"].where(shop == "shop 3"), sold=RNG.choice(["no", "yes"], N))
    (finding,) = of_folds(frame, replace(RECIPE, group="shop"))
    assert finding.code == "fold-no-label"
    assert "to validate or test with in 4 of 5 folds" in finding.what
    assert "All its labels lie in 1 value of 'shop'" in finding.why
    assert finding.recipe is not None
    assert dict(finding.recipe.tasks) == {"sold": "binary"}


def test_tiny_groups_leave_tiny_folds() -> None:
    shop = pd.Series(["large"] * 200 + ["middle"] * 100 + ["other"] * 97 + ["small", "tiny", "tiny"])
    (*_, finding) = of_folds(FRAME.assign(shop=shop), replace(RECIPE, group="shop"))
    assert finding.code == "fold-few-rows"
    assert finding.what.startswith("Only 1 to 2 rows are left to ")
    assert finding.recipe is None


def test_a_class_that_only_test_rows_have_is_named_and_can_be_taken_as_missing() -> None:
    frame = FRAME.assign(kind=np.where(np.arange(N) == 7, "once", np.where(RNG.random(N) < 0.5, "a", "b")))
    recipe = replace(RECIPE, tasks=(("y", "regression"), ("kind", "multiclass")))
    (finding,) = of_folds(frame, recipe)
    assert finding.code == "fold-new-class"
    assert "class 'once' of task 'kind'" in finding.what
    assert finding.recipe is not None
    assert finding.recipe.missing == (("kind", "once"),)
    assert of_folds(frame, finding.recipe) == []


def test_folds_of_a_column_lack_what_the_column_says() -> None:
    fold = pd.Series(np.where(FRAME["sold"] == "yes", 1, 1 + np.arange(N) % 5))
    (finding,) = of_folds(FRAME.assign(fold=fold), replace(RECIPE, split="column", by="fold"))
    assert finding.code == "fold-one-answer"
    assert "to test with in" in finding.what
    assert finding.fix == "Split evenly"


def test_folds_that_cannot_be_made_say_so_before_training() -> None:
    (finding,) = of_folds(FRAME.assign(day="2023-01-01"), BY_TIME)
    assert finding.code == "fold-refused"
    assert "1 different time" in finding.what
    assert finding.recipe == RECIPE


@pytest.mark.parametrize("way", [{}, {"split": "random"}, {"group": "shop"}, {"split": "time", "by": "day"}])
def test_sound_folds_are_left_in_peace(way: dict[str, Any]) -> None:
    frame = FRAME.assign(sold=RNG.choice(["no", "yes"], N))
    assert of_folds(frame, replace(RECIPE, **way)) == []


@given(share=st.floats(0.001, 0.5), folds=st.sampled_from([2, 5, 10]), seed=st.integers(0, 100), spread=st.booleans())
@settings(max_examples=40, deadline=None)
def test_exactly_the_folds_that_lack_an_answer_are_found(share: float, folds: int, seed: int, spread: bool) -> None:
    random = np.random.default_rng(seed)
    rare = np.where(random.random(N) < share, "rare", np.where(random.random(N) < 0.5, "a", "b"))
    recipe = Recipe(("x",), (("kind", "multiclass"),), split="" if spread else "random")
    data = build_dataset(FRAME.assign(kind=rare), recipe, "t")
    labels = data.targets["kind"]
    parts = splits(data, folds, seed)
    new = [set(labels.iloc[each.test]) - set(labels.iloc[each.train]) for each in parts]
    one = [len(set(labels.iloc[rows])) == 1 for each in parts for rows in (each.train, each.validation, each.test)]
    said = {each.code for each in faults(data, folds, seed)}
    assert said == {code for code, is_so in {"fold-new-class": any(new), "fold-one-answer": any(one)}.items() if is_so}
