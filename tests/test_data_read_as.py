"""A person's word on how a table is read, against what would be found out: reader, recipe, uploads, command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from mtl_core.cli.commands import app
from mtl_core.cli.overruling import said_of_reading
from mtl_core.cli.wishes import experiment_from
from mtl_core.data import containers, sampling
from mtl_core.data.read_as import AS_FOUND, ReadAs
from mtl_core.data.reading import first_rows, read_table
from mtl_core.data.recipe import Recipe
from mtl_core.data.saved import SavedRecipe
from mtl_core.data.table import CsvFile, Upload, load_for, load_upload, store_upload
from mtl_core.experiment import Experiment
from mtl_core.registry import InvalidInput

COLOURS, SIZES = ("red", "green", "blue"), ("small", "large")
TEXTS = "".join(f"{COLOURS[i % 3]},{SIZES[i % 2]},n{i}\n" for i in range(15)).encode()
"""No names, all texts: the first row reads like names."""
TITLED = b"Report of May\nmade by hand\na,b,c\nkg,kg,m\n" + b"".join(
    b"%d,%d,%d\n" % (i, 2 * i, i * i) for i in range(9)
)
NO_NAMES = ReadAs(names="none")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path / "home"))


def read(content: bytes, **said: object) -> pd.DataFrame:
    return read_table(content, "t.csv", ReadAs.from_settings(said))[0]


# --- names and rows -----------------------------------------------------------------------------------------------
def test_a_first_row_that_reads_like_names_can_be_said_to_be_data() -> None:
    found, reading = read_table(TEXTS, "t.csv")
    assert (len(found), list(found.columns), reading.head, reading.first) == (14, ["red", "small", "n0"], (1,), 2)
    said, reading = read_table(TEXTS, "t.csv", NO_NAMES)
    assert (len(said), list(said.columns)) == (15, ["column 1", "column 2", "column 3"])
    assert said.iloc[0].tolist() == ["red", "small", "n0"]
    assert (reading.head, reading.first, reading.header) == ((), 1, False)
    assert "Read as you said: no row has names." in reading.notes


def test_names_that_also_stand_below_are_told() -> None:
    note = "The first row ('red small n0') was read as names, though 2 of its 3 texts also stand below it"
    assert any(note in each for each in read_table(TEXTS, "t.csv")[1].notes)
    assert not any("also stand below" in each for each in read_table(b"colour,size,name\n" + TEXTS, "t.csv")[1].notes)
    assert not any("also stand below" in each for each in read_table(TEXTS, "t.csv", NO_NAMES)[1].notes)


def test_a_first_row_that_reads_like_data_can_be_said_to_hold_the_names() -> None:
    content = b"1,2,3\n" + b"".join(b"%d,%d,%d\n" % (i, i, i) for i in range(5))
    assert len(read(content)) == 6
    assert read(content, names="1").to_dict("list") == {name: list(range(5)) for name in "123"}


def test_any_row_can_hold_the_names_and_any_row_below_the_first_data() -> None:
    found, reading = read_table(TITLED, "t.csv")
    assert (list(found.columns), len(found), reading.head, reading.first) == (["a", "b", "c"], 9, (3,), 5)
    assert read(TITLED, names="3").iloc[0].tolist() == ["kg", "kg", "m"]
    assert read(TITLED, names="3", data=6)["c"].tolist() == [i * i for i in range(1, 9)]
    assert read(TITLED, names="none", data=5).shape == (9, 3)
    assert list(read(TITLED, names="3-4", data=5).columns) == ["a kg", "b kg", "c m"]


def test_names_that_were_put_together_can_be_told_apart_again() -> None:
    content = b",2019,,2020,\nname,a,b,a,b\n" + b"".join(b"n%d,%d,2,3,4\n" % (i, i) for i in range(6))
    assert "2019 a" in read(content)
    assert list(read(content, names="2").columns) == ["name", "a", "b", "a (2)", "b (2)"]
    assert read(content, names="1").iloc[0].tolist() == ["name", "a", "b", "a", "b"]


def test_blank_rows_count_as_a_spreadsheet_counts_them() -> None:
    content = b"title\n\n\nx,y,z\n\n1,2,9\n3,4,9\n5,6,9\n"
    reading = read_table(content, "t.csv")[1]
    assert [row for row, _ in reading.top] == [1, 4, 6, 7, 8]
    assert (reading.head, reading.first) == ((4,), 6)
    assert read(content, names="4", data=7).to_dict("list") == {"x": [3, 5], "y": [4, 6], "z": [9, 9]}


def test_lines_that_read_like_comments_can_be_kept() -> None:
    content = b"name,x,y\na,1,2\n# note\nb,3,4\nc,5,6\nSource: the office\n"
    assert read(content)["name"].tolist() == ["a", "b", "c"]
    assert read(content, every_row=True)["name"].tolist() == ["a", "# note", "b", "c", "Source: the office"]


# --- marks, letters, sheets ---------------------------------------------------------------------------------------
def test_separator_and_decimal_mark_can_be_said() -> None:
    content = b"a;b\n1,234;2\n5,678;3\n9,012;4\n"
    assert read(content)["a"].tolist() == [1.234, 5.678, 9.012]
    thousands = read(content, decimal="point")
    assert thousands["a"].tolist() == [1234, 5678, 9012]
    assert list(read(content, delimiter="comma").columns) == ["a;b", "column 2"]
    assert read(b"a b|c\n1 2|3\n4 5|6\n7 8|9\n", delimiter="bar").columns[0] == "a b"


def workbook(**sheets: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    with pd.ExcelWriter(out) as writer:
        for name, frame in sheets.items():
            frame.to_excel(writer, sheet_name=name, index=False)
    return out.getvalue()


def test_another_sheet_and_another_row_of_a_workbook_can_be_said() -> None:
    content = workbook(May=pd.DataFrame({"x": [1, 2]}), June=pd.DataFrame({"y": ["a", "b", "c"], "z": [1, 2, 3]}))
    found, reading = read_table(content, "t.xlsx")
    assert (list(found.columns), reading.sheets) == (["x"], ("May", "June"))
    assert list(read_table(content, "t.xlsx", ReadAs(sheet="June"))[0].columns) == ["y", "z"]
    assert read_table(content, "t.xlsx", ReadAs(sheet="June", names="none"))[0].shape == (4, 2)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"names": "first"}, "names must be automatic, none, a row as 3 or two rows as 2-3; got 'first'"),
        ({"names": "4-2"}, "must stand in their order"),
        ({"names": "99"}, "row 99 is blank or none of the first 13 rows"),
        ({"data": 3}, "needs to know where the names are"),
        ({"names": "3", "data": 3}, "data must begin below the names in row 3"),
        ({"names": "13"}, "has a header but no rows"),
        ({"delimiter": "dash"}, "must be one of automatic, comma, semicolon, tab, bar, space"),
        ({"encoding": "klingon"}, "there is no encoding 'klingon'"),
        ({"encoding": "base64"}, "there is no encoding 'base64'"),
        ({"sheet": "May"}, "is no workbook"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(said: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        read(TITLED, **said)
    assert sentence in str(problem.value)


def test_a_workbook_and_a_parquet_file_have_no_marks_to_say() -> None:
    book, columns = workbook(May=pd.DataFrame({"x": [1, 2]})), io.BytesIO()
    pd.DataFrame({"x": [1, 2]}).to_parquet(columns)
    for content, said, sentence in (
        (book, ReadAs(delimiter="tab"), "is a workbook, whose encoding and separator are known"),
        (book, ReadAs(sheet="Mai"), "has no sheet 'Mai'; did you mean 'May'?"),
        (columns.getvalue(), NO_NAMES, "is a Parquet file, which says itself how it is read"),
    ):
        with pytest.raises(InvalidInput, match=sentence[:30]) as problem:
            read_table(content, "t", said)
        assert sentence in str(problem.value)


def test_the_first_rows_of_a_file_that_cannot_be_read_can_be_looked_at() -> None:
    content = b"a note\nx,y\n1,2\n3,4,5,6\n"
    with pytest.raises(InvalidInput, match="cells"):
        read_table(content, "t.csv")
    assert [cells for _, cells in first_rows(content, "t.csv")] == [
        ("a note",),
        ("x", "y"),
        ("1", "2"),
        ("3", "4", "5", "6"),
    ]


# --- kept with the recipe -----------------------------------------------------------------------------------------
RECIPE = Recipe(("column 1",), (("column 2", "binary"),), reading=NO_NAMES)


def test_a_recipe_says_how_its_file_is_read_and_json_keeps_it() -> None:
    assert RECIPE.to_json()["reading"] == {"names": "none"}
    assert Recipe.from_text(RECIPE.to_text()) == RECIPE
    assert "reading" not in Recipe(("a",), (("b", "binary"),)).to_json()
    with pytest.raises(InvalidInput, match="names must be"):
        Recipe.from_json({**RECIPE.to_json(), "reading": {"names": "x"}})


def test_a_file_and_its_copy_are_read_as_the_recipe_says(tmp_path: Path) -> None:
    content = TEXTS + b"".join(b"%d,small,n\n" % i for i in range(30))
    (tmp_path / "t.csv").write_bytes(content)
    source = CsvFile(str(tmp_path / "t.csv"), RECIPE.to_text())
    stored = source.stored()
    (tmp_path / "t.csv").unlink()
    assert stored.load().n_rows == 45
    again = Upload(store_upload(content, "t.csv"), RECIPE.to_text())
    assert again.load().fingerprint == stored.load().fingerprint
    assert load_upload(again.fingerprint)[1].rows == 44  # as it was kept
    assert load_for(again.fingerprint, RECIPE)[1].asked == NO_NAMES


def test_an_upload_that_can_only_be_read_as_said_is_kept_so() -> None:
    content = b"x,y\n1,2\n3,4,5,6\n7,8,9,10\n"
    asked = ReadAs(names="none", data=3)
    with pytest.raises(InvalidInput):
        store_upload(content, "t.csv")
    fingerprint = store_upload(content, "t.csv", asked)
    frame, reading = load_upload(fingerprint)
    assert (frame.shape, reading.asked) == ((2, 4), asked)
    with pytest.raises(InvalidInput, match="cells"):
        load_upload(fingerprint, (), AS_FOUND)


def test_the_encoding_stays_when_something_else_is_said() -> None:
    content = ("имя;возраст\n" + "Иван;3\nОльга;4\n" * 9).encode("cp1251")
    fingerprint = store_upload(content, "t.csv", ReadAs(encoding="cp1251"))
    frame, reading = load_upload(fingerprint, (), ReadAs(encoding="cp1251", names="none"))
    assert (frame.iloc[0, 0], reading.encoding) == ("имя", "cp1251")


def test_the_first_row_of_a_large_file_without_names_is_drawn_so_that_it_can_hold_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(containers, "UPLOAD_LIMIT_MB", 0.01)
    content = b"".join(b"%d,%d.5\n" % (i, i % 17) for i in range(3000))
    found, _ = read_table(content, "t.csv", rows=100)
    assert (len(found), found.iloc[0, 0]) == (100, 0)
    monkeypatch.setattr(sampling, "DRAWN_ROWS", 100)
    fingerprint = store_upload(content, "t.csv")
    frame, reading = load_upload(fingerprint, (), ReadAs(names="1"))
    assert (list(frame.columns), len(frame), reading.drawn_from) == (["0", "0.5"], 99, 3000)


# --- command line -------------------------------------------------------------------------------------------------
@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = np.arange(60)
    lines = [f"{COLOURS[i % 3]},{SIZES[i % 2]},{'yes' if i % 5 < 2 else 'no'}" for i in rows]
    file = tmp_path / "texts.csv"
    file.write_text("\n".join(["odd,row,here", *lines[1:]]) + "\n")
    return file


def test_inspect_takes_a_word_and_saves_it_with_the_recipe(path: Path, tmp_path: Path) -> None:
    saved = tmp_path / "r.json"
    command = ["inspect", str(path), "--json", "--read", "names=none", "--save-recipe", str(saved)]
    told = json.loads(CliRunner().invoke(app, command).stdout)
    assert (told["rows"], told["layout"]) == (60, "no row with names, data from row 1, a comma between cells, utf-8")
    assert SavedRecipe.from_text(saved.read_text("utf-8")).recipe.reading == NO_NAMES
    told = json.loads(CliRunner().invoke(app, ["inspect", str(path), "--json", "--recipe", str(saved)]).stdout)
    assert (told["rows"], told["differences"]) == (60, [])
    shown = CliRunner().invoke(app, ["inspect", str(path)]).stdout
    assert "59 rows, 3 columns; names in row 1, data from row 2" in shown


def test_a_run_keeps_how_its_table_was_read(path: Path) -> None:
    said = said_of_reading(["names=none", "delimiter=,"])
    wish = experiment_from(None, str(path), "column 2,column 3", {}, [], said=said)
    path.unlink()
    again = Experiment.from_json(json.loads(json.dumps(wish.to_json())))
    assert again.data.load().n_rows == 60
    assert Recipe.from_text(again.to_json()["data"]["recipe"]).reading == ReadAs(names="none", delimiter="comma")


def test_another_file_in_a_runs_place_is_read_as_that_one_was_unless_said_otherwise(path: Path) -> None:
    wish = experiment_from(None, str(path), "column 2,column 3", {}, [], said=said_of_reading(["names=none"]))
    june = path.with_name("june.csv")
    june.write_text(path.read_text() * 2)
    assert experiment_from(wish.to_json(), str(june), None, {}, []).data.load().n_rows == 120
    said = said_of_reading(["data=3"])
    assert experiment_from(wish.to_json(), str(june), None, {}, [], said=said).data.load().n_rows == 118


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("none", "is written name=value"),
        ("nmaes=none", "did you mean 'names'"),
        ("every_row=perhaps", "must be true or false"),
        ("data=x", "must be a finite number"),
    ],
)
def test_words_that_say_nothing_are_refused(word: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        said_of_reading([word])


def test_only_of_a_table_can_be_said_how_it_is_read() -> None:
    with pytest.raises(InvalidInput, match="can only be said of a table"):
        experiment_from(None, "penguins", None, {}, [], said=said_of_reading(["names=none"]))
