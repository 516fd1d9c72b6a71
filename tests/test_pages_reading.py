"""How a table was read, overruled on the Data page; and what was decided there, after a reload."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.data.read_as import AS_FOUND, ReadAs
from mtl_core.data.recipe import Recipe
from mtl_core.data.saved import saved
from mtl_core.data.table import read_table
from tests.own_table import ROWS, TABLE, csv, drop, edit, open_shelf, tasks_in_view, told, undo, undos
from tests.room import Room, room

NAMELESS = "".join(f"{['red', 'green', 'blue'][i % 3]},{'ab'[i % 2]},{i * i % 19},n{i}\n" for i in range(60)).encode()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("data")) as place:
        yield place


def say(at: AppTest, **said: object) -> AppTest:
    """Turn the widgets under "How it was read", one after the other."""
    for name, value in said.items():
        kinds = [*at.selectbox, *at.toggle]
        next(each for each in kinds if (each.key or "").startswith("read.") and each.key.endswith(name)).set_value(
            value
        )
        at = at.run()
    return at


def columns(at: AppTest) -> list[str]:
    return sorted(at.data_editor[0].value["column"])


def recipe(at: AppTest) -> Recipe:
    at.button(key="train").click().run()
    return Recipe.from_text(at.session_state["experiment"].data.recipe)


def test_the_first_rows_are_shown_with_what_each_was_read_as(place: Room) -> None:
    at = drop(place, b"a title\n\nx,y,z\n" + NAMELESS, "titled.csv")
    shown = next(frame.value for frame in at.dataframe if "Read as" in frame.value)
    assert list(shown["Row"][:3]) == [1, 3, 4]
    assert list(shown["Read as"][:3]) == ["left out", "names", "data"]
    assert "How it was read: names in row 3, data from row 4, a comma between cells" in "".join(told_labels(at))


def told_labels(at: AppTest) -> list[str]:
    return [each.label.replace("\\", "") for each in at.expander]


def test_names_can_be_said_not_to_be_there_and_that_is_kept_with_the_run(place: Room) -> None:
    content = NAMELESS.replace(b"red,a,0,n0\n", b"red,a,first,n0\n")
    at = drop(place, content, "nameless.csv")
    assert "a" in columns(at)
    at = say(at, names="none")
    assert not at.error
    assert columns(at) == [f"column {i}" for i in range(1, 5)]
    assert "60 rows, 4 columns" in told(at)
    assert "Read as you said: no row has names." in told(at)
    assert recipe(at).reading == ReadAs(names="none")
    at.switch_page("pages/data.py").run()
    assert columns(at) == [f"column {i}" for i in range(1, 5)]
    assert undos(at) == ["Undo: Read it so: no row has names"]
    at = undo(at, "no row has names")
    assert "a" in columns(at)
    assert undos(at) == []


def test_roles_stay_where_the_columns_stay(place: Room) -> None:
    at = edit(drop(place, csv(TABLE)), age={"role": "task", "kind": "A number"})
    at = say(at, every_row=True)
    assert sorted(tasks_in_view(at)) == ["age", "healthy", "weight"]
    assert recipe(at).reading == ReadAs(every_row=True)


def test_a_word_that_cannot_be_is_one_sentence_and_the_table_stays(place: Room) -> None:
    at = drop(place, "имя,возраст,рост\n".encode("cp1251") + NAMELESS[:800].replace(b",n", b"n"), "mine.csv")
    before = columns(at)
    at = say(at, encoding="utf-8")
    assert len(at.error) == 1
    assert "mine.csv is not written in 'utf-8'; choose another encoding" in at.error[0].value.replace("\\", "")
    assert columns(at) == before
    at = say(at, encoding="cp1251")
    assert not at.error
    assert "возраст" in columns(at)


def test_the_first_row_of_data_can_be_said_once_the_names_are(place: Room) -> None:
    at = drop(place, csv(TABLE))
    assert not any((each.key or "").endswith(".data") for each in at.selectbox)
    at = say(at, names="1", data=4)
    assert f"{ROWS - 2} rows" in told(at)
    at = say(at, names="2")
    assert recipe(at).reading == ReadAs(names="2")  # the row of data was said of other names


def test_a_file_that_cannot_be_read_is_read_as_a_person_says(place: Room) -> None:
    rows = "".join(f"{i};{i % 5};{'yes' if i % 3 else 'no'}, {i}\n" for i in range(60))
    content = f"x;y;z\n{rows}1;2;3;4;5;6\n".encode()
    at = drop(place, content, "odd.csv")
    assert "cannot be read: line 62" in at.error[0].value.replace("\\", "")
    picked = {(each.key or "").split(".")[-1]: each for each in at.selectbox if (each.key or "").startswith("unread")}
    picked["delimiter"].set_value("bar")
    at.button(key="unread.read").click().run()
    assert not any("cannot be read" in each.value for each in at.error)
    assert at.session_state["roles"][at.session_state["upload"]]["recipe"].reading == ReadAs(delimiter="bar")


def test_a_recipe_reads_next_months_file_as_this_months(place: Room) -> None:
    asked = ReadAs(names="none")
    frame, _ = read_table(NAMELESS, "may.csv", asked)
    past = Recipe(("column 1",), (("column 2", "binary"),), reading=asked)
    at = drop(place, NAMELESS.replace(b"red,a,0,n0", b"blue,b,x,n0"), "june.csv")
    text = saved(frame, past, "may.csv").to_text()
    at.file_uploader(key="recipe.file").upload("recipe.json", text.encode(), "application/json").run()
    at.button(key="recipe.apply").click().run()
    assert (tasks_in_view(at), recipe(at)) == (["column 2"], past)
    at.switch_page("pages/data.py").run()
    at = undo(at, "Apply a recipe")
    assert at.session_state["roles"][at.session_state["upload"]]["recipe"].reading == AS_FOUND


def test_a_recipe_whose_reading_does_not_fit_is_one_sentence_that_can_be_left(place: Room) -> None:
    at = drop(place, csv(TABLE))
    past = Recipe(("age",), (("weight", "regression"),), reading=ReadAs(names="900"))
    at.file_uploader(key="recipe.file").upload("r.json", saved(TABLE, past, "x.csv").to_text().encode()).run()
    assert len(at.error) == 1
    assert "900 is blank or none of the first" in at.error[0].value
    at.button(key="recipe.leave").click().run()
    assert not at.error


def test_fixes_that_change_roles_can_be_taken_back_one_by_one(place: Room) -> None:
    at = drop(place, csv(TABLE.assign(copy=3 * TABLE["weight"])[["age", "colour", "copy", "weight", "healthy"]]))
    before = at.data_editor[0].value.set_index("column")["role"]
    next(each for each in at.button if "'copy' out" in each.label).click().run()
    at = edit(at, age={"role": "ignore"})
    at = undo(at, "'copy' out")
    roles = at.data_editor[0].value.set_index("column")["role"]
    assert roles["copy"] == before["copy"] == "feature"
    assert roles["age"] == "ignore"  # decided since


def test_nothing_was_found_does_not_stand_beside_an_error(place: Room) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 4)), columns=list("abcd")).round(3)
    at = drop(place, csv(frame))
    assert "Nothing was found that would spoil" in told(at)
    next(each for each in at.selectbox if each.label == "How rows are split").set_value("column").run()
    assert at.error
    assert "Nothing was found" not in told(at)


def test_roles_of_a_wide_table_and_its_fixes_outlive_a_reload(place: Room) -> None:
    cells = np.random.default_rng(0).normal(size=(40, 200))
    wide = pd.DataFrame(cells, columns=[f"a column with a rather long name {i}" for i in range(200)]).round(3)
    wide["twice"] = 2 * wide.iloc[:, -1]
    wide = wide[["twice", *wide.columns[:-1]]]
    at = drop(place, csv(wide), "wide.csv")
    next(each for each in at.button if "Leave 'twice' out" in each.label).click().run()
    again = open_shelf(place, "table")
    again.session_state["visitor"] = at.session_state["visitor"]
    again.query_params["view"] = at.query_params["view"]
    again.session_state["viewed"] = type(at.session_state["viewed"])(at.session_state["upload"])
    again.run()
    assert again.data_editor[0].value.set_index("column")["role"]["twice"] == "ignore"
    assert undos(again) == ["Undo: Leave 'twice' out"]


def test_new_tasks_read_the_table_as_it_was_said_on_the_data_page(place: Room) -> None:
    rows = b"".join(b"s%d,%d,%d.5\n" % (i % 6, i, i % 11) for i in range(90))
    at = say(drop(place, b"shop,day,sales\n" + rows), names="none", data=2)
    at.switch_page("pages/adapt.py").run()
    next(box for box in at.selectbox if box.label == "Tasks to learn from").set_value("groups").run()
    assert not at.warning
    labels = {box.label: box.value for box in at.selectbox}
    assert (labels["Each of these is a task"], labels["Number to predict"]) == ("column 1", "column 3")


def test_another_table_can_come_while_a_second_file_waits_to_be_joined(place: Room) -> None:
    at = drop(place, csv(TABLE))
    at.file_uploader(key="join.file").upload("second.csv", csv(TABLE[["subject", "age"]]), "text/csv").run()
    at.file_uploader(key="file").upload("third.csv", csv(TABLE.assign(more=1.5)), "text/csv").run()
    assert not at.error
    assert "more" in columns(at)
