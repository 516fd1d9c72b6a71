"""Text tables: each odd file is read right, or refused with one sentence that says what to do; roles are proposed."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_core.data.reading import check_size
from mtl_core.data.table import CsvFile, Recipe, build_dataset, guess, guess_recipe, read_table
from mtl_core.registry import InvalidInput
from mtl_core.settings import DISK_LIMIT_MB


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path / "home"))
    return tmp_path


def text_table(columns: dict[str, Sequence[object]]) -> bytes:
    """A CSV file of these columns, quoted where needed."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue().encode()


def numbers(n: int = 30, **more: Sequence[object]) -> pd.DataFrame:
    """Two numbers to predict from, and whatever the test is about."""
    random = np.random.default_rng(0)
    return pd.DataFrame({"x": random.random(n), "y": random.random(n), **more})


# --- reading ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n\n", "is empty"),
        (b"a,b\n", "has a header but no rows"),
        (b"a\x00,b\n1,2\n", "NUL byte"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"a,b\n" + b"1,2\n" * 9 + b"1,2,3\n", "line 11 has 3 cells but the header has 2"),
        (b'a,b\n1,"2\n3,4\n', "quotation mark"),
        (b"x" * 300_000, "first line"),
        (",".join(f"c{i}" for i in range(2500)).encode() + b"\n" + b"1," * 2499 + b"1\n", "2500 columns"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refusal:
        read_table(content, "mine.csv")
    assert str(refusal.value).startswith("mine.csv")
    assert len(str(refusal.value).splitlines()) == 1


def test_a_file_over_the_limit_is_refused_before_it_is_read(home: Path) -> None:
    with pytest.raises(InvalidInput, match=r"has 20001 MB; at most 20,000 can be read"):
        check_size(DISK_LIMIT_MB * 10**6 + 1, "big.csv")
    sparse = home / "big.csv"
    with sparse.open("wb") as file:
        file.truncate(10**12)
    for source in (CsvFile(str(sparse)).load, CsvFile(str(sparse)).stored):
        with pytest.raises(InvalidInput, match="1000000 MB; at most"):
            source()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_delimiter_and_line_ending_gives_the_same_table(delimiter: str, ending: str) -> None:
    rows = [["name", "size"], ["a b", "1.5"], ["", "2.5"], ["c", ""]]
    content = ending.join(delimiter.join(row) for row in rows).encode()
    frame, reading = read_table(content, "t.csv")
    assert frame["name"].tolist()[0] == "a b"
    assert frame["size"].tolist()[:2] == [1.5, 2.5]
    assert frame.isna().sum().tolist() == [1, 1]
    assert (reading.delimiter, reading.rows, reading.columns) == (delimiter, 3, 2)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("城市,气温\n北京,3\n上海,5\n", "gb18030"),
        ("Größe,Name\n3,Jürgen\n4,Zoë\n", "cp1252"),
        ("élève,âge\nChloé,3\n", "utf-8"),
        ("élève,âge\nChloé,3\n", "utf-8-sig"),
        ("élève,âge\nChloé,3\n", "utf-16"),
        ("город,имя\nМосква,Иван\n", "cp1251"),
        ("Temperature(°C),b\n3,4\n", "cp1252"),
    ],
)
def test_names_survive_their_encoding(text: str, encoding: str) -> None:
    frame, reading = read_table(text.encode(encoding), "t.csv")
    assert list(frame.columns) == text.split("\n", maxsplit=1)[0].split(",")
    assert str(frame.iloc[0, 0]) == text.split("\n")[1].split(",")[0]
    assert any("not UTF-8" in note for note in reading.notes) == (not encoding.startswith("utf"))


def test_commas_are_decimal_marks_where_semicolons_separate() -> None:
    frame, reading = read_table(b"a;b\n1,5;2\n-2,25;3\n", "t.csv")
    assert frame["a"].tolist() == [1.5, -2.25]
    assert "Numbers have a decimal comma." in reading.notes
    assert read_table(b"a;b\n1.5;2\n2.25;3,4\n", "t.csv")[0]["a"].tolist() == [1.5, 2.25]


def test_a_table_without_a_header_gets_names_and_says_so() -> None:
    frame, reading = read_table(b"1,2\n3,4\n", "t.csv")
    assert (list(frame.columns), len(frame), reading.header) == (["column 1", "column 2"], 2, False)


def test_double_and_missing_names_are_changed_with_a_note() -> None:
    frame, reading = read_table(b"a,a,,a (2)\n1,2,3,4\n", "t.csv")
    assert list(frame.columns) == ["a", "a (3)", "column 3", "a (2)"]
    assert len(reading.notes) == 2


def test_separators_at_the_end_and_blank_rows_are_no_data() -> None:
    frame, reading = read_table(b"a,b,\n1,2,\n,,\n3,4,\n", "t.csv")
    assert frame.to_numpy().tolist() == [[1, 2], [3, 4]]
    assert reading.notes == ("Rows without any value were left out (1).",)


def test_marks_of_programs_are_read_as_missing_and_words_of_people_are_only_told() -> None:
    frame, reading = read_table("a,b,c\n1,x,1\nNA,?,1\nn/a,无,1\n,y,1\n".encode(), "t.csv")
    assert frame["a"].isna().tolist() == [False, True, True, True]
    assert frame["b"].tolist() == ["x", "?", "无", "y"]
    assert reading.words == (("a", "NA", 1), ("a", "n/a", 1))
    assert set(reading.doubts) == {("b", "?", 1), ("b", "无", 1)}
    assert reading.notes == (
        "Empty cells count as missing (1).",
        "In column 'a' these count as missing: 'NA' (1), 'n/a' (1).",
    )


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("x;n;z\n" + "".join(f"{i},5;{i % 3};{i % 7}\n" for i in range(30)) + "?;1;1\n", "?"),
        ("x;n;z\n" + "".join(f"{i}.234,5;{i % 3};{i % 7}\n" for i in range(1, 30)) + " - ;1;1\n", "- "),
        ("x,n,z\n" + "".join(f'"{i},234.5",{i % 3},{i % 7}\n' for i in range(1, 30)) + "无,1,1\n", "无"),
        ("x,n,z\n" + "".join(f"{i}.5,{i % 3},{i % 7}\n" for i in range(30)) + "Unknown,1,1\n", "Unknown"),
    ],
)
def test_a_column_of_numbers_with_a_word_is_numbers_once_a_person_says_so(content: str, word: str, home: Path) -> None:
    path = home / "t.csv"
    path.write_text(content, encoding="utf-8")
    plain = CsvFile(str(path)).load()
    assert "x" not in plain.features.columns
    assert f"counts as a value until you say so: {word.strip()!r}" in plain.notes[-1].replace(
        repr(word), repr(word.strip())
    )
    recipe = Recipe(("x",), (("n", "regression"),), missing=(("x", word),))
    taken = CsvFile(str(path), recipe.to_text()).load()
    assert taken.features["x"].dtype == float
    assert taken.features["x"].isna().sum() == 1
    assert taken.features["x"].max() > 29
    assert not [note for note in taken.notes if "until you say so" in note]


def test_a_word_for_missing_that_is_kept_is_a_value() -> None:
    content = b"country,n\nDE,1\nNA,NA\nNA,2\nFR,3\n"
    frame, reading = read_table(content, "t.csv", kept=[("country", "NA")])
    assert frame["country"].tolist() == ["DE", "NA", "NA", "FR"]
    assert frame["n"].dtype == float
    assert reading.words == (("n", "NA", 1),)


@pytest.mark.parametrize(("delimiter", "decimal"), [(",", "."), (";", ","), ("\t", ".")])
def test_words_beside_numbers_leave_the_numbers_as_they_are(delimiter: str, decimal: str) -> None:
    numbers = np.random.default_rng(0).normal(size=200).tolist()
    tables = []
    for word in ("n/a", ""):
        cells = [f"{value!r}".replace(".", decimal) if i % 7 else word for i, value in enumerate(numbers)]
        lines = [f"x{delimiter}y", *(f"{i}{delimiter}{cell}" for i, cell in enumerate(cells))]
        tables.append(read_table("\n".join(lines).encode(), "t.csv"))
    pd.testing.assert_frame_equal(tables[0][0], tables[1][0])
    assert tables[0][1].words == (("y", "n/a", 29),)


def test_words_in_many_columns_are_told_in_few_sentences() -> None:
    names = [f"c{i}" for i in range(12)]
    content = "\n".join([",".join(names), *[",".join(["1"] * 12)] * 5, ",".join(["NA"] * 12), ",".join(["2"] * 12)])
    _, reading = read_table(f"x,{content.replace(chr(10), chr(10) + '9,')}".encode(), "t.csv")
    assert len(reading.words) == 12
    assert reading.notes[-1] == "So do such words in 7 more columns."


NAMES = ["<script>alert(1)</script>", "**bold** ![](https://x/p.png)", "$x^2$", "n" * 300, "身高", "=1+1", "a\tb"]


def test_odd_names_stay_what_they_are() -> None:
    content = text_table({name: [i + j * j for j in range(12)] for i, name in enumerate(NAMES)})
    frame, _ = read_table(content, "t.csv")
    assert list(frame.columns) == [" ".join(name.split()) for name in NAMES]
    data = build_dataset(frame, guess_recipe(frame, [frame.columns[0]]), "t")
    assert data.tasks[0].name == NAMES[0]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=12)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=6), st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_file_is_read_or_refused(rows: list[list[str]], noise: bytes) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    for content in (out.getvalue().encode(), noise):
        with contextlib.suppress(InvalidInput):
            frame, reading = read_table(content, "t.csv")
            assert frame.columns.is_unique
            assert [column.name for column in guess(frame)] == list(frame.columns)
            assert frame.shape == (reading.rows, reading.columns)


# --- proposals --------------------------------------------------------------------------------------------------
def test_each_kind_of_column_gets_its_role() -> None:
    n = 40
    frame = numbers(
        n,
        patient_id=range(100, 100 + n),
        grade=[0, 1, 2, 3] * 10,
        colour=["red", "blue"] * 20,
        same=[7] * n,
        none=[None] * n,
        day=[f"{i % 28 + 1}/12/2017" for i in range(n)],
        story=[f"text number {i}" for i in range(n)],
        broken=["n.a.", *map(str, range(n - 1))],
        target=[1.5 * i for i in range(n)],
    )
    frame = pd.concat([frame] * 20, ignore_index=True).assign(
        patient_id=range(800),
        story=[f"text number {i}" for i in range(800)],
        day=[f"{i % 28 + 1}/12/2017" for i in range(800)],
        comment=[f"the bus came late again on day {i}" for i in range(800)],
        city=[f"city {i % 120}" for i in range(800)],
        street=[f"street {i % 300}" for i in range(800)],
    )
    found = {column.name: (column.type, column.role, column.kind) for column in guess(frame)}
    assert found == {
        "x": ("number", "feature", "regression"),
        "y": ("number", "task", "regression"),
        "patient_id": ("id", "ignore", "regression"),
        "grade": ("code", "feature", "ordinal"),
        "colour": ("category", "feature", "binary"),
        "same": ("constant", "ignore", ""),
        "none": ("empty", "ignore", ""),
        "day": ("date", "feature", ""),
        "story": ("id", "ignore", ""),
        "broken": ("mixed", "ignore", ""),
        "comment": ("text", "feature", ""),
        "city": ("names", "feature", ""),
        "street": ("names", "ignore", ""),
        "target": ("number", "task", "regression"),
    }
    assert all(column.reason for column in guess(frame))


def test_the_shape_of_a_column_is_that_of_its_values() -> None:
    n = 64
    frame = numbers(
        n,
        even=[i / 7 for i in range(n)],
        flag=[0, 0, 0, 1] * 16,
        colour=["red"] * 32 + ["blue"] * 16 + [None] * 16,
        name=[f"n{i}" for i in range(n)],
        wild=[np.inf, 1e308, -1e308, *range(n - 3)],
        none=[None] * n,
    )
    found = {column.name: column.shape for column in guess(frame)}
    assert found["even"] == (1.0,) * 16
    assert found["flag"] == (1.0, 0.333)
    assert found["colour"] == (1.0, 0.5)
    assert found["name"] == found["none"] == ()
    assert max(found["wild"]) == 1.0


def test_a_recipe_goes_through_its_text() -> None:
    recipe = Recipe(("名", "b"), (("c", "binary"),), ("b",), "who")
    assert Recipe.from_text(recipe.to_text()) == recipe
    for broken in ("", "[]", "{}", '{"tasks": 3}', '{"tasks": [["a"]]}'):
        with pytest.raises(InvalidInput, match="a recipe is JSON"):
            Recipe.from_text(broken)
