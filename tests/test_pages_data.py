"""The Data page: every shelf, what is said of a data set, roles of a person's own table, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.data.base import sources
from mtl_core.data.columns import guess
from mtl_core.data.recipe import Recipe
from mtl_core.data.saved import saved
from mtl_core.data.table import Upload, load_upload, store_upload
from mtl_core.registry import InvalidInput
from pages.ui.charts_data import bars, coverage_map, picture, shapes
from pages.ui.data_shelves import shelf
from pages.ui.data_view import preview_rows
from pages.ui.roles import ROLES, role_table, to_recipe
from tests.room import Room, room, said

ROWS = 60
TABLE = pd.DataFrame(
    {
        "subject": [f"s{i % 12}" for i in range(ROWS)],
        "age": np.arange(ROWS) % 37,
        "colour": ["red", "green", "blue"] * (ROWS // 3),
        "weight": np.where(np.arange(ROWS) % 10 == 0, np.nan, np.sin(np.arange(ROWS))),
        "healthy": ["yes", "no"] * (ROWS // 2),
    }
)
NASTY = "<b>![x](https://example.org/x.png)</b> $x$"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("data")) as place:
        yield place


def open_shelf(place: Room, name: str) -> AppTest:
    at = place.open("data")
    at.session_state["shelf"] = name
    return at.run()


def drop(place: Room, content: bytes, name: str = "mine.csv") -> AppTest:
    at = open_shelf(place, "table")
    at.file_uploader(key="file").upload(name, content, "text/csv").run()
    return at


def csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def edit(at: AppTest, **changes: dict[str, str]) -> AppTest:
    """Change cells of the table of roles: column of the upload -> {cell: new value}."""
    editor = at.data_editor[0]
    names = list(editor.value["column"])
    rows = {names.index(name): cells for name, cells in changes.items()}
    at.session_state[editor.key or ""] = {"edited_rows": rows, "added_rows": [], "deleted_rows": []}
    return at.run()


def tasks_in_view(at: AppTest) -> list[str]:
    """The tasks of the data set on the right."""
    return list(next(frame.value["task"] for frame in at.dataframe if "labels" in frame.value))


# --- real data ----------------------------------------------------------------------------------------------------
def test_the_page_opens_on_the_data_in_use(place: Room) -> None:
    at = place.open("data")
    assert not at.error
    assert tasks_in_view(at) == ["species", "sex", "body mass"]
    words = said(at)
    assert "344 rows" in words
    assert "CC0" in words
    assert "Worth knowing" in words


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


# --- a person's own table -------------------------------------------------------------------------------------------
def test_an_empty_shelf_says_what_to_bring(place: Room) -> None:
    at = open_shelf(place, "table")
    assert not at.error
    assert "one row for each example" in said(at)
    assert any("Nothing is in view" in each.value for each in at.info)


def test_a_table_is_read_guessed_and_shown(place: Room) -> None:
    at = drop(place, csv(TABLE))
    assert not at.error
    roles = at.data_editor[0].value.set_index("column")
    assert roles.loc["healthy", "role"] == "task"
    assert roles.loc["healthy", "kind"] == "Yes or no"
    assert tasks_in_view(at) == list(roles.index[roles["role"] == "task"])


def test_roles_and_kinds_are_corrected_and_survive_a_change_of_page(place: Room) -> None:
    at = drop(place, csv(TABLE))
    at = edit(at, age={"role": "task", "kind": "A number"}, subject={"role": "group"}, weight={"role": "ignore"})
    assert not at.error
    assert tasks_in_view(at) == ["healthy", "age"]
    at.switch_page("pages/reference.py").run()
    at.switch_page("pages/data.py").run()
    assert tasks_in_view(at) == ["healthy", "age"]
    at.button(key="train").click().run()
    source = at.session_state["experiment"].data
    recipe = Recipe.from_text(source.recipe)
    assert recipe.group == "subject"
    assert dict(recipe.tasks) == {"healthy": "binary", "age": "regression"}


def test_each_value_of_a_column_becomes_a_task(place: Room) -> None:
    frame = TABLE.assign(subject=["ann", "bob"] * (ROWS // 2))
    frame = frame.assign(healthy=frame["colour"])
    at = edit(drop(place, csv(frame)), subject={"role": "each value a task"}, weight={"role": "ignore"})
    assert not at.error
    at.button(key="train").click().run()
    assert Recipe.from_text(at.session_state["experiment"].data.recipe).each == "subject"
    assert at.session_state["experiment"].tasks == ("subject ann", "subject bob")


def test_names_in_a_table_are_shown_letter_for_letter(place: Room) -> None:
    at = drop(place, csv(TABLE.rename(columns={"healthy": NASTY})), f"{NASTY[:20].replace('/', '')}.csv")
    assert not at.error
    assert NASTY in tasks_in_view(at)
    rendered = "\n".join(str(each.value) for kind in (at.markdown, at.caption) for each in kind)
    assert "![" not in rendered
    assert "<b>" not in rendered


def test_a_finding_is_mended_with_one_click_and_can_be_taken_back(place: Room) -> None:
    coded = TABLE.assign(age=TABLE["age"].where(TABLE["age"] > 3, -999), copy=3 * TABLE["weight"])
    at = drop(place, csv(coded[["age", "colour", "copy", "weight", "healthy"]]))
    assert not at.error
    assert "gives task 'weight' away" in said(at)
    next(each for each in at.button if "'copy' out" in each.label).click().run()
    roles = at.data_editor[0].value.set_index("column")["role"]
    assert (roles["copy"], roles["weight"]) == ("ignore", "task")
    next(each for each in at.button if "as missing" in each.label).click().run()
    assert not at.error
    assert "1 value taken as missing" in said(at)
    at.button(key="train").click().run()
    assert Recipe.from_text(at.session_state["experiment"].data.recipe).missing == (("age", "-999"),)
    at.switch_page("pages/data.py").run()
    next(each for each in at.button if "again" in each.label).click().run()
    assert "far from all its other values" in said(at)


def test_an_encoding_in_doubt_is_shown_and_can_be_chosen(place: Room) -> None:
    content = csv(TABLE.rename(columns={"weight": "вес"})).decode().encode("cp1251")
    at = drop(place, content)
    assert not at.error
    choice = next(each for each in at.radio if "reads right" in each.label)
    assert any("вес" in option for option in choice.options)
    choice.set_value("cp1251").run()
    assert not at.error
    assert "вес" in set(at.data_editor[0].value["column"])
    back = next(each for each in at.radio if "reads right" in each.label)
    assert back.value == "cp1251"
    assert len(back.options) > 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"a,b,c\n", "no rows"),
        (b"a,b\n1,2\n", "row"),
        (b"PK\x03\x04 workbook", "Excel"),
        (b"a,b\x00,c\n1,2,3\n", "NUL"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(place: Room, content: bytes, reason: str) -> None:
    at = drop(place, content)
    assert len(at.error) == 1
    assert reason in at.error[0].value
    assert "could not be shown" not in at.error[0].value


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"healthy": {"role": "ignore"}, "weight": {"role": "ignore"}}, "no task yet"),
        ({"subject": {"role": "group"}, "age": {"role": "group"}}, "both groups"),
        ({"subject": {"role": "each value a task"}, "age": {"role": "each value a task"}}, "keep one"),
        ({"colour": {"role": "task", "kind": "A number"}}, "text"),
        ({"age": {"role": "task", "kind": "Yes or no"}}, "classes"),
    ],
)
def test_roles_that_do_not_go_together_are_refused_in_one_sentence(
    place: Room, changes: dict[str, dict[str, str]], reason: str
) -> None:
    at = edit(drop(place, csv(TABLE)), **changes)
    assert len(at.error) == 1
    assert reason in at.error[0].value
    assert "could not be shown" not in at.error[0].value


def test_a_good_file_after_a_bad_one_is_shown(place: Room) -> None:
    at = drop(place, b"")
    assert at.error
    at.file_uploader(key="file").upload("good.csv", csv(TABLE), "text/csv").run()
    assert not at.error


def test_an_upload_that_is_gone_is_named(place: Room) -> None:
    at = place.open("data")
    at.session_state["viewed"] = Upload("0123456789abcdef")
    at.session_state["shelf"] = "table"
    at.run()
    assert len(at.error) == 1
    assert "upload the file again" in at.error[0].value


def test_a_link_names_the_data_in_view_with_its_dials(place: Room) -> None:
    at = place.open("data", view='{"name":"relatedness","tasks":3,"rows":50}')
    assert not at.error
    assert tasks_in_view(at) == ["task 1", "task 2", "task 3"]
    assert json.loads("".join(at.query_params["view"]))["rows"] == 50


def test_the_address_of_a_wide_table_stays_short(place: Room) -> None:
    cells = np.random.default_rng(0).normal(size=(20, 200))
    wide = pd.DataFrame(cells, columns=[f"a column with a rather long name {i}" for i in range(200)])
    at = drop(place, csv(wide), "wide.csv")
    assert not at.error
    assert len(tasks_in_view(at)) > 0
    assert len("".join(at.query_params["view"])) < 200


@pytest.mark.parametrize("link", ["{", "5", '{"name":"nowhere"}', '{"name":"csv","path":"/etc/passwd"}'])
def test_a_link_that_names_no_data_shows_the_data_in_use(place: Room, link: str) -> None:
    at = place.open("data", view=link)
    assert not at.error
    assert tasks_in_view(at) == ["species", "sex", "body mass"]


# --- recipes, splits, inputs --------------------------------------------------------------------------------------
def recipe_file(at: AppTest, text: str) -> AppTest:
    at.file_uploader(key="recipe.file").upload("recipe.json", text.encode(), "application/json").run()
    return at


def told(at: AppTest) -> str:
    """What is said, without the marks that keep it plain."""
    return said(at).replace("\\", "").replace("\u2060", "")


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
