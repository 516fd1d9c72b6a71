"""Features that know too much about single rows: what is found, and that honest features are left in peace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtl_core.data.doctor import diagnose
from mtl_core.data.findings import Finding
from mtl_core.data.pins import Pin, Pins
from mtl_core.data.recipe import Recipe, guess_recipe
from mtl_core.data.table import read_file

ROWS = 1000
RANDOM = np.random.default_rng(0)
OPEN = np.where(RANDOM.random(ROWS) < 0.04, "No", "Yes")
BIKES = np.where(OPEN == "No", 0, RANDOM.poisson(300, ROWS) + 1)
HEAT, WIND = RANDOM.normal(size=(2, ROWS))
TABLES = sorted((Path(__file__).parent.parent / "sample_data").glob("*.csv"))


def found(frame: pd.DataFrame, features: tuple[str, ...], **kinds: str) -> list[Finding]:
    recipe = Recipe(features, tuple(kinds.items()), dates=(("when", "year first"),) if "when" in features else ())
    return [each for each in diagnose(frame, recipe) if each.code.startswith("leak")]


def pin(feature: pd.Series, target: pd.Series, by_class: bool) -> Pin | None:
    return Pins(pd.DataFrame({"feature": feature, "target": target})).find("feature", "target", by_class)


def test_a_value_that_says_exactly_when_a_number_is_zero_is_a_leak() -> None:
    frame = pd.DataFrame({"heat": HEAT, "open": OPEN, "bikes": BIKES})
    (leak,) = found(frame, ("heat", "open"), bikes="count")
    rows = int((OPEN == "No").sum())
    assert leak.code == "leak-value"
    assert leak.what == f"Feature 'open' is 'No' exactly where task 'bikes' is 0 ({rows} rows, {rows / ROWS:.1%})."
    assert leak.recipe is not None
    assert (leak.fix, leak.recipe.features) == ("Leave 'open' out", ("heat",))


def test_the_same_is_found_the_other_way_round_though_the_class_is_rare() -> None:
    frame = pd.DataFrame({"heat": HEAT, "open": OPEN, "bikes": BIKES})
    (leak,) = found(frame, ("heat", "bikes"), open="binary")
    assert leak.what.startswith("Feature 'bikes' is 0 exactly where task 'open' is 'No'")


def test_tasks_that_one_value_fixes_alike_are_one_finding() -> None:
    frame = pd.DataFrame({"heat": HEAT, "open": OPEN, "guests": BIKES, "members": np.where(OPEN == "No", 0, WIND + 9)})
    (leak,) = found(frame, ("heat", "open"), guests="count", members="regression")
    assert leak.columns == ("open", "guests", "members")
    assert "tasks 'guests' and 'members' are 0" in leak.what


def test_a_number_that_other_rows_have_too_is_fixed_wherever_the_value_stands() -> None:
    claims = np.where((OPEN == "No") | (HEAT < -0.5), 0.0, WIND)
    (leak,) = found(
        pd.DataFrame({"wind": HEAT**2, "open": OPEN, "claims": claims}), ("wind", "open"), claims="regression"
    )
    assert leak.what.startswith("Task 'claims' is 0 wherever feature 'open' is 'No'")


def test_several_values_with_one_answer_are_told_together() -> None:
    status = RANDOM.choice(["open", "paid", "refunded"], ROWS, p=[0.2, 0.7, 0.1])
    refund = np.where(status == "refunded", WIND**2 + 1, 0)
    frame = pd.DataFrame({"heat": HEAT, "status": status, "refund": refund})
    (leak,) = found(frame, ("heat", "status"), refund="regression")
    rows = int((refund == 0).sum())
    assert " is 'paid' or 'open' exactly where" in leak.what or " is 'open' or 'paid' exactly where" in leak.what
    assert f"task 'refund' is 0 ({rows} rows" in leak.what


def test_an_empty_date_or_cell_gives_away_what_never_happened() -> None:
    sold = HEAT > 0.5
    price = np.where(sold, WIND + 9, 0.0)
    when = pd.Series("2023-05-01", range(ROWS)).where(sold)
    frame = pd.DataFrame({"heat": WIND**2, "when": when, "fee": pd.Series(HEAT).where(sold), "price": price})
    leaks = found(frame, ("heat", "when", "fee"), price="regression")
    assert {each.columns[0]: each.what.split(" exactly")[0] for each in leaks} == {
        "when": "Feature 'when' is empty",
        "fee": "Feature 'fee' is empty",
    }


def test_a_name_that_goes_with_one_number_each_gives_it_away() -> None:
    city = RANDOM.integers(0, 40, ROWS)
    people = RANDOM.normal(size=40)[city]
    frame = pd.DataFrame({"heat": HEAT, "city": [f"city {each}" for each in city], "people": people})
    (leak,) = found(frame, ("heat", "city"), people="regression")
    assert (leak.code, leak.columns) == ("leak-copy", ("city", "people"))


@pytest.mark.parametrize("rows", [9, 500])
def test_a_value_in_few_rows_or_an_answer_that_most_rows_have_is_none(rows: int) -> None:
    feature = pd.Series(np.where(np.arange(ROWS) < rows, "a", "b"))
    rare = pd.Series(np.where(np.arange(ROWS) < rows, 0.0, HEAT))
    usual = pd.Series(np.where((np.arange(ROWS) < rows) | (np.arange(ROWS) % 5 > 0), 0.0, HEAT))
    assert (pin(feature, rare, by_class=False) is None) == (rows < 10)
    assert pin(feature, usual, by_class=False) is None


def test_a_value_that_goes_with_one_class_among_others_is_honest() -> None:
    island = pd.Series(np.where(np.arange(ROWS) % 3 == 0, "north", "south"))
    species = pd.Series(np.where((island == "north") | (HEAT > 0), "seal", "hare"))
    assert pin(island, species, by_class=True) is None


def test_what_holds_in_some_rows_only_is_not_said_of_all() -> None:
    shut = np.arange(20_000) % 3 == 0
    sales = pd.Series(np.where(shut, 0.0, 5.0 + np.arange(20_000)))
    feature = pd.Series(np.where(shut, "no", "yes"))
    first = pin(feature, sales, by_class=False)
    assert first is not None
    assert (first.rows, first.exact) == (6667, True)
    assert pin(feature, sales.where(np.arange(20_000) != 3, 7.5), by_class=False) is None  # a row not looked at first


def test_real_tables_have_four_such_values_whichever_column_is_the_task() -> None:
    said = {(path.stem, *leak.columns) for path in TABLES for leak in _alone(path)}
    assert said == {
        ("travel_choice", "ttme", "mode"),
        ("travel_choice", "mode", "ttme"),
        ("solar_flare", "spot-distribution", "zurich-class"),
        ("solar_flare", "zurich-class", "spot-distribution"),
    }


def _alone(path: Path) -> list[Finding]:
    """Leaks by single values, each column in turn as the only task."""
    frame = read_file(str(path))[0]
    recipes = [guess_recipe(frame, [name]) for name in guess_recipe(frame).columns]
    return [each for recipe in recipes for each in diagnose(frame, recipe) if each.code == "leak-value"]
