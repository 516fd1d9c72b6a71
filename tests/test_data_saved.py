"""A recipe as a file, held against another month's table: every difference is told, nothing is applied in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from mtl_core.cli.commands import app
from mtl_core.cli.wishes import experiment_from
from mtl_core.data.building import build_dataset
from mtl_core.data.recipe import Recipe, guess_recipe
from mtl_core.data.saved import SavedRecipe, differences, fitted, saved
from mtl_core.registry import InvalidInput

N = 100
RNG = np.random.default_rng(0)
MAY = pd.DataFrame(
    {
        "day": [f"{1 + i % 28}/5/2023" for i in range(N)],
        "temperature": RNG.normal(20, 5, N),
        "colour": ["red", "blue"] * (N // 2),
        "sold": RNG.normal(100, 20, N),
        "class_label": ["a", "b"] * (N // 2),
    }
)
PAST = saved(MAY, guess_recipe(MAY, ("sold", "class_label")), "may.csv")
JUNE = MAY.assign(day=[f"{1 + i % 28}/6/2023" for i in range(N)], temperature=RNG.normal(22, 5, N))


def test_a_saved_recipe_goes_through_its_file() -> None:
    assert SavedRecipe.from_text(PAST.to_text()) == PAST
    assert SavedRecipe.from_text(PAST.recipe.to_text()).recipe == PAST.recipe


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "nonsense",
        "[]",
        "3",
        '{"recipe": 3}',
        '{"a": 1}',
        '{"features": ["x"], "tasks": [], "columns": [{"form": 1}]}',
    ],
)
def test_what_is_no_recipe_is_refused(broken: str) -> None:
    with pytest.raises(InvalidInput, match="recipe"):
        SavedRecipe.from_text(broken)


def test_the_same_kind_of_table_has_no_difference() -> None:
    assert differences(PAST, MAY) == differences(PAST, JUNE) == ()
    assert fitted(PAST.recipe, JUNE) == PAST.recipe


CHANGES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str, bool]] = {
    "missing column": (lambda t: t.drop(columns="colour"), "Column 'colour' (a feature) is not in this file.", True),
    "missing task": (lambda t: t.drop(columns="sold"), "Column 'sold' (a task) is not in this file.", True),
    "new column": (lambda t: t.assign(wind=1.0), "Column 'wind' is new; the recipe leaves it out.", False),
    "words": (
        lambda t: t.assign(temperature=["warm", "cold"] * 50),
        "Column 'temperature' held numbers and holds texts here, for instance 'warm'.",
        True,
    ),
    "nothing": (lambda t: t.assign(colour=None), "Column 'colour' held texts and holds nothing here.", False),
    "unseen": (
        lambda t: t.assign(colour=["red", "green"] * 50),
        "Column 'colour' has values that the recipe's table had not: 'green' (50).",
        False,
    ),
    "unseen class": (
        lambda t: t.assign(class_label=["a", "c"] * 50),
        "Column 'class_label' has values that the recipe's table had not: 'c' (50).",
        False,
    ),
    "more missing": (
        lambda t: t.assign(temperature=t["temperature"].where(t.index % 4 > 0)),
        "Column 'temperature' is empty in 25% of the rows; it was in 0%.",
        False,
    ),
    "other unit": (lambda t: t.assign(temperature=t["temperature"] * 9 / 5 + 32), "perhaps it has another unit", False),
    "thousandth": (lambda t: t.assign(sold=t["sold"] / 1000), "perhaps it has another unit", False),
    "dates": (
        lambda t: t.assign(day=[f"6/{13 + i % 10}/2023" for i in range(N)]),
        "Column 'day' has 100 cells that are no dates that read day first.",
        True,
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_difference_is_one_sentence_with_the_column(name: str) -> None:
    change, what, stops = CHANGES[name]
    (found,) = differences(PAST, change(JUNE))
    assert what in found.what
    assert found.stops == stops
    assert found.what.endswith(".")


def test_what_stops_comes_first() -> None:
    found = differences(PAST, JUNE.drop(columns="sold").assign(wind=1.0))
    assert [each.stops for each in found] == [True, False]


def test_without_its_columns_a_recipe_is_for_another_table() -> None:
    left = fitted(PAST.recipe, JUNE.drop(columns=["colour", "sold"]))
    assert build_dataset(JUNE.drop(columns=["colour", "sold"]), left, "t").n_rows == N
    with pytest.raises(InvalidInput, match="for another table: with the columns of this file it has no task"):
        fitted(PAST.recipe, JUNE[["day", "colour"]])


def test_a_column_that_a_split_goes_by_is_missed() -> None:
    recipe = replace(PAST.recipe, split="time", by="day", features=("colour",), dates=(("day", "day first"),))
    past = saved(MAY, recipe, "may.csv")
    (found,) = differences(past, JUNE.drop(columns="day"))
    assert "'day' (used by the recipe)" in found.what
    assert (fitted(recipe, JUNE.drop(columns="day")).split, fitted(recipe, JUNE).split) == ("", "time")


# --- on the command line ------------------------------------------------------------------------------------------
@pytest.fixture
def months(tmp_path: Path) -> Path:
    for name, table in (("may", MAY), ("june", JUNE.assign(wind=1.0)), ("july", JUNE.drop(columns="colour"))):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def test_the_command_line_saves_a_recipe_and_holds_it_against_another_table(months: Path) -> None:
    saving = ["inspect", str(months / "may.csv"), "--save-recipe", str(months / "recipe.json")]
    assert CliRunner().invoke(app, saving).exit_code == 0
    checking = ["inspect", str(months / "june.csv"), "--recipe", str(months / "recipe.json")]
    told = json.loads(CliRunner().invoke(app, [*checking, "--json"]).stdout)
    assert [each["column"] for each in told["differences"]] == ["wind"]
    assert "Column 'wind' is new" in CliRunner().invoke(app, checking).stdout
    assert Recipe.from_json(told["recipe"]) == guess_recipe(MAY)


def test_a_run_takes_a_recipe_that_fits_and_refuses_one_that_does_not(months: Path) -> None:
    from mtl_core.cli.inspect import checked

    (months / "recipe.json").write_text(PAST.to_text(), encoding="utf-8")
    warned: list[str] = []
    recipe = checked(months / "recipe.json", months / "june.csv", warned.append)
    assert warned == ["Column 'wind' is new; the recipe leaves it out."]
    wish = experiment_from(None, str(months / "june.csv"), None, {}, [], recipe)
    assert wish.tasks == ("sold", "class_label")
    result = CliRunner().invoke(
        app, ["run", "--data", str(months / "july.csv"), "--recipe", str(months / "recipe.json")]
    )
    assert isinstance(result.exception, InvalidInput)
    assert "Column 'colour' (a feature) is not in this file." in str(result.exception)
    result = CliRunner().invoke(app, ["run", "--data", "penguins", "--recipe", str(months / "recipe.json")])
    assert "name the file with --data" in str(result.exception)
