"""A person's own table on the Data page: read, guessed, corrected, mended; and what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from mtl_core.data import containers, sampling
from mtl_core.data.recipe import Recipe
from mtl_core.data.table import Upload
from tests.own_table import ROWS, TABLE, csv, drop, edit, open_shelf, tasks_in_view, told, undo, undos
from tests.room import Room, room, said

NASTY = "<b>![x](https://example.org/x.png)</b> $x$"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("data")) as place:
        yield place


# --- a person's own table -------------------------------------------------------------------------------------------
def test_an_empty_shelf_says_what_to_bring(place: Room) -> None:
    at = open_shelf(place, "table")
    assert not at.error
    assert "one row for each example" in said(at)
    assert any("Nothing is in view" in each.value for each in at.info)


def test_an_address_can_name_the_shelf(place: Room) -> None:
    at = place.open("data", shelf="table")
    assert not at.error
    assert "one row for each example" in said(at)
    assert "shelf" not in at.query_params


def test_a_column_of_parts_is_no_feature_once_it_splits_the_rows(place: Room) -> None:
    parts = ["train", "train", "train", "train", "test"] * (ROWS // 5)  # an odd step: both answers are tested
    at = drop(place, csv(TABLE.assign(part=parts)[["part", *TABLE]]))
    next(each for each in at.button if each.label == "Split as it says").click().run()
    assert not at.error
    at.button(key="train").click().run()
    recipe = Recipe.from_text(at.session_state["experiment"].data.recipe)
    assert (recipe.split, recipe.by) == ("column", "part")
    assert "part" not in recipe.features


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


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([7] * ROWS, "is the same in every row, so there is nothing to learn"),
        ([np.nan] * ROWS, "has no value in any row"),
        ([f"the patient of day {i} felt {i * i}" for i in range(ROWS)], "holds free texts"),
    ],
)
def test_a_column_that_is_no_task_says_why(place: Room, cells: list[float] | list[str], reason: str) -> None:
    at = edit(drop(place, csv(TABLE.assign(odd=cells)[["odd", *TABLE]])), odd={"role": "task"})
    assert len(at.error) == 1
    assert reason in at.error[0].value


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
    assert "-999" in told(at)
    assert "Is there no value in these cells?" in told(at)
    next(each for each in at.button if "as missing" in each.label).click().run()
    assert not at.error
    at.button(key="train").click().run()
    assert Recipe.from_text(at.session_state["experiment"].data.recipe).missing == (("age", "-999"),)
    at.switch_page("pages/data.py").run()
    assert undos(at) == ["Undo: Take as missing: '-999' (8) in 'age'", "Undo: Leave 'copy' out"]
    undo(at, "missing")
    assert "Is there no value in these cells?" in told(at)
    assert at.data_editor[0].value.set_index("column")["role"]["copy"] == "ignore"
    undo(at, "copy")
    assert "gives task 'weight' away" in told(at)
    assert undos(at) == []


def test_what_may_say_missing_is_asked_column_by_column_and_at_once(place: Room) -> None:
    rows = np.arange(ROWS)
    asked = TABLE.assign(
        age=TABLE["age"].astype(str).where(rows % 20 != 7, "?"),
        colour=TABLE["colour"].where(rows % 15 != 0, "无"),
        weight=TABLE["weight"].where(rows % 30 != 4, -999),
    )
    at = drop(place, csv(asked), "asked.csv")
    assert not at.error
    words = told(at)
    assert "'?' (3)" in words
    assert "'无' (4)" in words
    assert "'-999' (2)" in words
    assert "counts as a value until you say so" in words
    at.button(key=next(each.key for each in at.button if "in 3 columns" in each.label) or "").click().run()
    assert not at.error
    roles = at.data_editor[0].value.set_index("column")
    assert list(roles.loc["age", ["role", "found"]]) == ["feature", "number"]
    assert set(roles.index[roles["missing"] > 0]) == {"age", "colour", "weight"}
    words = told(at)
    assert "Is there no value" not in words
    assert "until you say so" not in words
    undo(at, "Take all as missing, in 3 columns")
    assert "'?' (3)" in told(at)


@pytest.mark.parametrize(
    ("content", "names", "note"),
    [
        (",2019,,2020,\nname,a,b,a,b\n", {"2019 a", "2020 b"}, "Names stand in two rows"),
        ("# by hand\n# in May\nid,p,q,r,s\n", {"p", "s"}, "What stands before the table was left out"),
        ("id,p,q,r,s\nno,kg,kg,cm,cm\n", {"p", "s"}, "holds no data (units, it seems)"),
    ],
)
def test_several_rows_above_the_data_are_read_and_told(place: Room, content: str, names: set[str], note: str) -> None:
    rows = "".join(f"n{i},{i * i % 17}.5,{i % 5}.25,{i % 7}.75,{i}.5\n" for i in range(40))
    at = drop(place, (content + rows).encode(), "above.csv")
    assert not at.error
    assert names <= set(at.data_editor[0].value["column"])
    assert note in told(at)


def test_of_a_table_that_is_too_large_rows_are_drawn_and_the_page_says_so(
    place: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "UPLOAD_LIMIT_MB", 0.01)
    monkeypatch.setattr(sampling, "DRAWN_ROWS", 200)
    content = b"x,z,y\n" + b"".join(b"%d,%d.5,%d.25\n" % (i, i % 17, i * 7 % 101) for i in range(3000))
    at = drop(place, content, "large.csv")
    assert not at.error
    assert "200 rows drawn from 3,000" in told(at)
    assert "The file has 3,000 rows, which is more than can be held at once" in told(at)
    at.button(key="train").click().run()
    assert Recipe.from_text(at.session_state["experiment"].data.recipe).rows == 200


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


def test_the_address_of_a_wide_table_stays_short(place: Room) -> None:
    cells = np.random.default_rng(0).normal(size=(20, 200))
    wide = pd.DataFrame(cells, columns=[f"a column with a rather long name {i}" for i in range(200)])
    at = drop(place, csv(wide), "wide.csv")
    assert not at.error
    assert len(tasks_in_view(at)) > 0
    assert len("".join(at.query_params["view"])) < 200
