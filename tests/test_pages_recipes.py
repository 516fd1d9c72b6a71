"""Recipes, splits, pasted and joined tables, words that are kept, and whose a table is, on the Data page."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.data.recipe import Recipe
from mtl_core.data.saved import saved
from mtl_core.data.table import Upload, load_upload, store_upload
from mtl_core.registry import InvalidInput
from pages.ui.charts_data import coverage_map
from tests.own_table import ROWS, TABLE, csv, drop, edit, open_shelf, tasks_in_view, told
from tests.room import Room, room, said


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("data")) as place:
        yield place


# --- recipes, splits, inputs --------------------------------------------------------------------------------------
def recipe_file(at: AppTest, text: str) -> AppTest:
    at.file_uploader(key="recipe.file").upload("recipe.json", text.encode(), "application/json").run()
    return at


def test_a_saved_recipe_is_applied_to_another_table_after_a_look_at_what_differs(place: Room) -> None:
    recipe = Recipe(("colour",), (("age", "regression"),), group="subject", split="random")
    text = saved(TABLE, recipe, "may.csv").to_text()
    june = TABLE.assign(colour=["red", "pink"] * (ROWS // 2), wind=1.5)
    at = recipe_file(drop(place, csv(june), "june.csv"), text)
    assert not at.error
    assert "2 differences from the table** of 'may.csv'" in told(at)
    assert "'pink' (30)" in told(at)
    assert at.data_editor[0].value.set_index("column")["role"]["age"] == "feature"  # nothing is applied in silence
    at.button(key="recipe.apply").click().run()
    assert not at.error
    assert tasks_in_view(at) == ["age"]
    at.button(key="train").click().run()
    assert Recipe.from_text(at.session_state["experiment"].data.recipe) == recipe


def test_a_recipe_for_another_table_and_a_file_that_is_none_are_refused(place: Room) -> None:
    at = drop(place, csv(TABLE))
    at = recipe_file(at, saved(TABLE, Recipe(("x",), (("z", "regression"),)), "other.csv").to_text())
    assert any("for another table" in each.value for each in at.error)
    at = recipe_file(at, "nonsense")
    assert any("it is not JSON" in each.value for each in at.error)


def test_rows_can_be_split_by_time_and_the_sizes_are_shown(place: Room) -> None:
    frame = TABLE.assign(day=[f"2023-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(ROWS)])
    at = drop(place, csv(frame[["day", *TABLE.columns]]))
    at = edit(at, subject={"role": "ignore"})
    next(each for each in at.button if "test on the future" in each.label).click().run()
    assert not at.error
    assert "split: past and future by 'day'" in told(at)
    sizes = next(frame.value for frame in at.dataframe if "Validate" in frame.value)
    assert sizes["Test"].str.fullmatch(r"\d+( to \d+)?").all()
    next(each for each in at.selectbox if each.label == "How rows are split").set_value("random").run()
    assert "split: at random" in told(at)
    next(each for each in at.selectbox if each.label == "Scale of numbers").set_value("quantile").run()
    at.button(key="train").click().run()
    recipe = Recipe.from_text(at.session_state["experiment"].data.recipe)
    assert (recipe.split, recipe.by, recipe.inputs.scale) == ("random", "", "quantile")


def test_a_split_that_cannot_be_made_is_one_sentence_beside_the_data(place: Room) -> None:
    frame = TABLE.assign(day=["2023-01-01", "2023-01-02", "2023-02-03"] * (ROWS // 3))
    recipe = Recipe(("age",), (("weight", "regression"),), split="time", by="day")
    at = place.open("data")
    at.session_state["viewed"] = Upload(store_upload(csv(frame), "days.csv"), recipe.to_text())
    at.session_state["shelf"] = "table"
    at.run()
    assert len(at.error) == 1
    assert "'days' has 3 different times, but" in at.error[0].value.replace("\\", "")
    assert tasks_in_view(at) == ["weight"]


def test_rows_that_carry_both_labels_are_shown_where_labels_are_missing(place: Room) -> None:
    at = drop(place, csv(TABLE))
    assert "carry both labels" in said(at)
    at = drop(place, csv(TABLE.assign(weight=np.arange(ROWS) / 7)))
    assert "carry both labels" not in said(at)


def test_a_coverage_map_names_every_pair() -> None:
    figure = coverage_map(np.array([[0.9, 0.2], [0.2, 0.5]]), ["a", "b"])
    assert figure.alt == "Rows that carry both labels. a and b 20%."


# --- ways to bring a table ----------------------------------------------------------------------------------------
def test_cells_from_a_spreadsheet_can_be_pasted(place: Room) -> None:
    at = open_shelf(place, "table")
    cells = TABLE.to_csv(index=False, sep="\t")
    at.text_area(key="paste.cells").set_value(cells)
    at.button(key="paste.take").click().run()
    assert not at.error
    assert "60 rows, 5 columns" in said(at)
    assert tasks_in_view(at) == ["weight", "healthy"]


def test_nothing_pasted_is_refused_in_one_sentence(place: Room) -> None:
    at = open_shelf(place, "table")
    at.button(key="paste.take").click().run()
    assert [each.value.replace("\\", "") for each in at.error] == [
        "pasted cells.tsv is empty; choose a file with a header and one row for each example."
    ]


def joining(place: Room, second: pd.DataFrame) -> AppTest:
    at = drop(place, csv(TABLE.assign(visit=np.arange(ROWS) + 100)), "first.csv")
    at.file_uploader(key="join.file").upload("second.csv", csv(second), "text/csv").run()
    return at


def test_a_second_file_is_joined_on_a_key_and_says_what_matched(place: Room) -> None:
    at = joining(place, pd.DataFrame({"visit": np.arange(40) + 120, "pulse": np.cos(np.arange(40))}))
    assert not at.error
    at.button(key="join.go").click().run()
    assert not at.error
    assert "Joined on 'visit': 40 of 60 rows of first.csv match second.csv." in told(at)
    assert "first + second.parquet" in told(at)
    assert tasks_in_view(at) == ["weight", "healthy", "pulse"]  # those of both


def test_files_that_share_no_key_or_repeat_it_on_both_sides_are_refused(place: Room) -> None:
    at = joining(place, pd.DataFrame({"other": range(40), "pulse": range(40)}))
    assert "no column in common" in said(at)
    at = joining(place, pd.DataFrame({"subject": [f"s{i % 5}" for i in range(40)], "pulse": range(40)}))
    at.button(key="join.go").click().run()
    assert len(at.error) == 1
    assert "both tables have several rows with the same 'subject'" in at.error[0].value.replace("\\", "")


def test_a_word_that_was_taken_as_missing_is_kept_with_one_click_and_back(place: Room) -> None:
    frame = TABLE.assign(colour=TABLE["colour"].replace("blue", "NA"))
    at = drop(place, csv(frame))
    assert "'NA' in 'colour', 20 cells" in told(at)
    next(each for each in at.button if each.label == "Keep as a value").click().run()
    assert not at.error
    assert "'NA' in 'colour' is a value" in told(at)
    at.button(key="train").click().run()
    source = at.session_state["experiment"].data
    assert set(source.load().features["colour"]) == {"red", "green", "NA"}
    at.switch_page("pages/data.py").run()
    next(each for each in at.button if each.label == "Take as missing").click().run()
    assert "'NA' in 'colour', 20 cells" in told(at)


def test_a_visitor_opens_and_deletes_their_own_tables_and_sees_no_others(place: Room) -> None:
    at = drop(place, csv(TABLE.assign(age=1.5)), "mine.csv")
    fingerprint = at.session_state["upload"]
    assert "kept until" in said(at)
    assert not [each for each in drop(place, csv(TABLE), "b.csv").button if each.key == f"delete.{fingerprint}"]
    at = drop_again(at, csv(TABLE.assign(age=2.5)), "mine too.csv")
    at.button(key=f"open.{fingerprint}").click().run()
    assert at.session_state["upload"] == fingerprint
    at.button(key=f"delete.{fingerprint}").click().run()
    assert not at.error
    assert not [each for each in at.button if each.key == f"delete.{fingerprint}"]
    with pytest.raises(InvalidInput, match="there is no upload"):
        load_upload(fingerprint)


def drop_again(at: AppTest, content: bytes, name: str) -> AppTest:
    at.file_uploader(key="file").upload(name, content, "text/csv").run()
    return at
