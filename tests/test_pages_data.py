"""The Data page: every shelf, what is said of a data set, roles of a person's own table, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mtl_core.data.base import sources
from mtl_core.data.columns import guess
from mtl_core.data.recipe import Recipe
from mtl_core.data.table import store_upload
from mtl_core.experiment import Experiment, Plan
from mtl_core.registry import InvalidInput
from pages.ui.addresses import compact
from pages.ui.charts_data import bars, picture, shapes
from pages.ui.data_shelves import shelf
from pages.ui.data_view import preview_rows
from pages.ui.roles import ROLES, role_table, to_recipe
from tests.own_table import TABLE, csv, open_shelf, tasks_in_view, told
from tests.room import Room, room, said

NASTY = "<b>![x](https://example.org/x.png)</b> $x$"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("data")) as place:
        yield place


# --- real data ----------------------------------------------------------------------------------------------------
def test_the_page_opens_on_the_data_in_use(place: Room) -> None:
    at = place.open("data")
    assert not at.error
    assert tasks_in_view(at) == ["species", "sex", "body mass"]
    words = said(at)
    assert "344 rows" in words
    assert "CC0" in words
    assert "Worth knowing" in words


def test_the_line_above_says_whose_data_it_names_where_others_may_be_in_view(place: Room) -> None:
    at = place.open("data")
    at.button(key="look.linnerud").click().run()
    (line,) = [each for each in at.get("page_link") if "penguins" in each.proto.label.lower()]
    assert line.proto.label.startswith("Train uses ")


def test_what_the_folds_lack_is_said_before_training(place: Room) -> None:
    lacks = "Task 'X flares' has one answer only (0) to test with in 5 of 10 folds."
    at = place.open("data")
    assert lacks not in told(at)
    at.button(key="look.solar_flare").click().run()
    assert lacks in told(at)
    flares = Experiment(sources["solar_flare"](), ("C flares", "X flares"), plan=Plan(folds=10))
    assert lacks in told(place.open("train", settings=compact(flares)))
    assert lacks not in told(place.open("train", settings=compact(replace(flares, plan=Plan(folds=5)))))


@pytest.mark.parametrize("name", shelf("real"))
def test_every_set_that_ships_can_be_looked_at(place: Room, name: str) -> None:
    at = place.open("data")
    if name != "penguins":
        at.button(key=f"look.{name}").click().run()
    assert not at.error
    assert tasks_in_view(at) == [task.name for task in sources.from_json(name).load().tasks]


def test_train_takes_the_chosen_tasks(place: Room) -> None:
    at = place.open("data")
    at.button(key="look.linnerud").click().run()
    pills = next(group for group in at.button_group if "waist" in group.options)
    pills.set_value(["pulse", "waist"]).run()
    at.button(key="train").click().run()
    assert not at.error
    experiment = at.session_state["experiment"]
    assert (experiment.data.name, experiment.tasks) == ("linnerud", ("waist", "pulse"))


def test_without_a_task_there_is_nothing_to_train(place: Room) -> None:
    at = place.open("data")
    next(group for group in at.button_group if "sex" in group.options).set_value([]).run()
    assert at.button(key="train").disabled
    assert "Choose at least one task" in said(at)


# --- generators ---------------------------------------------------------------------------------------------------
def test_a_dial_changes_the_data_and_is_kept_when_the_page_is_left(place: Room) -> None:
    at = open_shelf(place, "generated")
    assert not at.error
    dial = next(each for each in at.slider if each.label == "Tasks")
    dial.set_value(6).run()
    assert len(tasks_in_view(at)) == 6
    at.switch_page("pages/reference.py").run()
    at.switch_page("pages/data.py").run()
    assert len(tasks_in_view(at)) == 6


def test_a_dial_is_kept_when_other_settings_are_loaded(place: Room) -> None:
    at = open_shelf(place, "generated")
    next(each for each in at.slider if each.label == "Tasks").set_value(7).run()
    at.button(key="train").click().run()
    assert at.session_state["experiment"].data.tasks == 7
    at.switch_page("pages/data.py").run()
    assert len(tasks_in_view(at)) == 7


@pytest.mark.parametrize("name", shelf("generated"))
def test_every_generator_has_its_dials(place: Room, name: str) -> None:
    at = open_shelf(place, "generated")
    at.selectbox[0].set_value(name).run()
    assert not at.error
    labels = {
        each.label for kind in (at.slider, at.select_slider, at.toggle, at.number_input, at.selectbox) for each in kind
    }
    assert {knob.label for knob in sources[name].knobs()} <= labels


def test_a_link_names_the_data_in_view_with_its_dials(place: Room) -> None:
    at = place.open("data", view='{"name":"relatedness","tasks":3,"rows":50}')
    assert not at.error
    assert tasks_in_view(at) == ["task 1", "task 2", "task 3"]
    assert json.loads("".join(at.query_params["view"]))["rows"] == 50


@pytest.mark.parametrize("link", ["{", "5", '{"name":"nowhere"}', '{"name":"csv","path":"/etc/passwd"}'])
def test_a_link_that_names_no_data_shows_the_data_in_use(place: Room, link: str) -> None:
    at = place.open("data", view=link)
    assert not at.error
    assert tasks_in_view(at) == ["species", "sex", "body mass"]


# --- pure ---------------------------------------------------------------------------------------------------------
def test_a_table_of_roles_is_the_recipe_and_back() -> None:
    columns = guess(TABLE)
    recipe = Recipe(("age", "colour"), (("weight", "regression"), ("healthy", "binary")), ("age",), "subject")
    table = role_table(columns, recipe)
    assert set(table["role"]) <= set(ROLES)
    again = to_recipe(table)
    assert (set(again.features), again.categories, again.group) == ({"age", "colour"}, ("age",), "subject")
    assert again.tasks == recipe.tasks
    assert list(table["role"][:2]) == ["task", "task"]


def test_a_task_without_a_kind_is_refused() -> None:
    table = role_table(guess(TABLE))
    table.loc[table["column"] == "subject", ["role", "kind"]] = ["task", None]
    with pytest.raises(InvalidInput, match="has no kind yet"):
        to_recipe(table)


def test_bars_are_class_counts_or_a_histogram_of_the_known_values() -> None:
    assert bars(pd.Series([0.0, 0, 1, np.nan, 2, 2, 2, 2]), classes=3) == [0.5, 0.25, 1.0]
    heights = bars(pd.Series(np.arange(32.0)), classes=0)
    assert heights == [1.0] * 16
    assert bars(pd.Series([np.nan, np.nan]), classes=2) == []


def test_a_picture_has_a_bar_for_each_height_and_no_markup_of_the_names() -> None:
    dataset = sources.from_json("penguins").load()
    assert picture(dataset).count("background:") == sum(map(len, shapes(dataset)["bars"]))


def test_a_preview_names_classes_and_leaves_missing_labels_empty() -> None:
    rows = preview_rows(sources.from_json("penguins").load())
    assert rows["task: species"][0] == "Adelie"
    assert rows["task: sex"].isna().any()
    assert len(rows) == 100


def test_the_same_file_is_kept_once(place: Room) -> None:
    assert store_upload(csv(TABLE), "one.csv") == store_upload(csv(TABLE), "two.csv")
