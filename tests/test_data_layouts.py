"""Tables as programs and people write them: titles, units, thousands marks, workbooks, compressed files."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest

from mtl_core.data.encodings import samples
from mtl_core.data.read_as import ReadAs
from mtl_core.data.reading import read_table
from mtl_core.registry import InvalidInput
from mtl_core.settings import UPLOAD_LIMIT_MB

PEOPLE = pd.DataFrame({"name": ["Ann", "Bob", "Eve"], "age": [31, 45, 27], "height": [1.64, 1.81, 1.7]})


def read(text: str, encoding: str = "utf-8") -> pd.DataFrame:
    return read_table(text.encode(encoding), "t.csv")[0]


def packed(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


# --- where the table begins -----------------------------------------------------------------------------------
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "gb18030"])
@pytest.mark.parametrize("before", ["Report 2024\n\n", "# made by x, y\n# on a day\n", '"Two\nlines"\n', "标题\r\n"])
def test_what_stands_before_a_table_is_left_out_with_a_note(before: str, encoding: str) -> None:
    content = f"{before}{PEOPLE.to_csv(index=False)}".encode(encoding)
    frame, reading = read_table(content, "t.csv")
    pd.testing.assert_frame_equal(frame, PEOPLE)
    assert any("before the table" in note for note in reading.notes)


MEASURED = "t,press,kind\n1,2.5,a\n2,3.5,b\n3,4.5,a\n4,5.5,b\n"


@pytest.mark.parametrize(
    "before",
    [
        "Plant report,,\nSite 4,,\n",
        "Plant report,,\n",
        "Plant,,\n",
        "Plant report,,\n2024,,\n,,\nMade on 3 May,,\n",
        "# made by x,,\n",
        "Plant report\nSite 4,,\n",
        "Plant report,,\nSite 4\n",
        "sep=,\nPlant report,,\n",
    ],
)
def test_titles_that_a_spreadsheet_filled_up_with_empty_cells_are_titles(before: str) -> None:
    frame, reading = read_table(f"{before}{MEASURED}".encode(), "t.csv")
    pd.testing.assert_frame_equal(frame, read(MEASURED))
    assert any("title" in note and ("Plant" in note or "made by" in note) for note in reading.notes)


def test_titles_stand_above_names_in_two_rows_units_texts_and_two_columns() -> None:
    grouped = read("Plant report,,,\n,before,,after\nname,p,q,q\nx,1,2,3\ny,2,3,4\nz,3,4,5\n")
    assert list(grouped.columns) == ["name", "before p", "before q", "after q"]
    units = read("Plant,,\nt,p,q\ns,bar,m\n1,2,3\n2,3,4\n3,4,5\n4,5,6\n")
    assert (list(units.columns), len(units)) == (["t", "p", "q"], 4)
    texts = read("My people,,\nname,colour,size\nAnn,red,big\nBob,blue,small\n")
    assert (list(texts.columns), len(texts)) == (["name", "colour", "size"], 2)
    two = read("Plant report,\nSite,\nt,p\n1,2\n2,3\n3,4\n")
    assert two.to_dict("list") == {"t": [1, 2, 3], "p": [2, 3, 4]}


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        (",Sales,,\n,a,b,c\n0,1,2,3\n1,2,3,4\n2,3,4,5\n3,4,5,6\n", ["column 1", "Sales a", "Sales b", "Sales c"], 4),
        ("name,,\nAnn,3,4\nBob,4,5\nEve,5,6\n", ["name", "column 2", "column 3"], 3),
        ("name,,\nAnn,,4\nBob,4,5\nEve,5,6\n", ["name", "column 2", "column 3"], 3),
        ("name,,\nAnn,red,big\nBob,blue,small\n", ["name", "column 2", "column 3"], 2),
        ("5,,\n,,7\n1,2,3\n", ["column 1", "column 2", "column 3"], 3),
    ],
)
def test_a_name_or_a_row_of_data_that_stands_alone_is_no_title(text: str, names: list[str], rows: int) -> None:
    frame = read(text)
    assert (list(frame.columns), len(frame)) == (names, rows)


def test_a_title_in_a_workbook_is_left_out() -> None:
    out = io.BytesIO()
    with pd.ExcelWriter(out, engine="openpyxl") as book:
        PEOPLE.to_excel(book, index=False, startrow=2)
        book.sheets["Sheet1"]["A1"], book.sheets["Sheet1"]["A2"] = "People of the plant", "Site 4"
    frame, reading = read_table(out.getvalue(), "t.xlsx")
    pd.testing.assert_frame_equal(frame, PEOPLE)
    assert any("People of the plant" in note for note in reading.notes)


def test_a_name_that_begins_like_a_comment_is_a_name() -> None:
    assert list(read("#id,age\n1,3\n2,4\n").columns) == ["#id", "age"]


def test_a_row_of_units_is_left_out_with_a_note() -> None:
    frame, reading = read_table(b"t,p,q\ns,bar,m\n1,2,3\n2,3,4\n3,4,5\n4,5,6\n", "t.csv")
    assert frame.to_numpy().tolist() == [[1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]]
    assert any("units" in note for note in reading.notes)


def test_spreadsheet_programs_may_name_the_separator() -> None:
    assert read("sep=;\na;b\n1,5;2\n2,5;3\n").to_dict("list") == {"a": [1.5, 2.5], "b": [2, 3]}


def test_numbers_lined_up_with_spaces_are_columns() -> None:
    frame = read("x    y   z\n 1.0  2.0  3.0\n 4.0  5.0  6.0\n 7.0 8.0 9.0\n")
    assert frame.to_dict("list") == {"x": [1, 4, 7], "y": [2, 5, 8], "z": [3, 6, 9]}
    assert read("story\na b c d\nx y z w\n").shape == (2, 1)


def test_names_are_told_from_data_by_what_stands_below() -> None:
    assert len(read("5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,versicolor\n")) == 3
    assert list(read("name,2019,2020\na,3.1,3\nb,4,4\n").columns) == ["name", "2019", "2020"]
    assert list(read("2019,2020\n3.1,3\n4,4\n").columns) == ["2019", "2020"]


# --- numbers --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ('a,b\n"1,234.50",x\n"12.25",y\n"2,000,000",z\n', [1234.5, 12.25, 2e6]),
        ("a;b\n1.234,50;x\n12,25;y\n2.000.000,00;z\n", [1234.5, 12.25, 2e6]),
        ("a;b\n1 234,5;x\n12,25;y\n;z\n", [1234.5, 12.25, np.nan]),
        ("a;b\n1'234.5;x\n12.25;y\n7;z\n", [1234.5, 12.25, 7]),
        ('a,b\n"1,5",x\n"12,25",y\n"-3,125",z\n', [1.5, 12.25, -3.125]),
        ("a;b\n1,234,567;x\n2,500;y\n3;z\n", [1234567, 2500, 3]),
    ],
)
def test_thousands_and_decimal_marks_are_told_apart(text: str, numbers: list[float]) -> None:
    np.testing.assert_array_equal(read(text)["a"].to_numpy(float), numbers)


def test_one_odd_cell_leaves_a_column_as_text() -> None:
    column = read('a,b\n"1,234",x\n"1,2",y\n"2,000,000",z\n')["a"]
    assert column.tolist() == ["1,234", "1,2", "2,000,000"]


def test_a_mark_that_may_mean_either_is_named() -> None:
    frame, reading = read_table(b"a;b\n1,234;x\n5,678;y\n", "t.csv")
    assert frame["a"].tolist() == [1.234, 5.678]
    assert any("1,234" in note and "thousands" in note for note in reading.notes)


# --- encodings ------------------------------------------------------------------------------------------------
def test_a_person_may_choose_the_encoding() -> None:
    content = "имя,возраст\nИван,3\nОльга,4\n".encode("cp1251")
    _, guessed = read_table(content, "t.csv")
    assert "cp1251" in {guessed.encoding, *guessed.others}
    frame, reading = read_table(content, "t.csv", ReadAs(encoding="cp1251"))
    assert (frame.columns[0], frame.iloc[1, 0], reading.encoding) == ("имя", "Ольга", "cp1251")
    with pytest.raises(InvalidInput, match="is not written in 'utf-8'"):
        read_table(content, "t.csv", ReadAs(encoding="utf-8"))


def test_samples_show_the_signs_that_tell_encodings_apart() -> None:
    line = ",".join(f"a long name {i}" for i in range(9)) + ",Temperature(°C),Größe," + "x," * 99
    found = samples(f"plain\n{line}\n1,2\n".encode("cp1252"), ("cp1252", "gb18030"))
    assert "Temperature(°C),Größe" in found["cp1252"]
    assert "°C" not in found["gb18030"]
    assert all(len(sample) <= 80 for sample in found.values())
    assert samples(b"a,b\n", ("cp1252",)) == {"cp1252": ""}


def test_utf_16_is_known_without_its_mark() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        assert read("名,a\n北京,3\n上海,4\n", encoding)["名"].tolist() == ["北京", "上海"]


# --- wrappings ------------------------------------------------------------------------------------------------
def test_the_same_table_comes_out_of_every_wrapping() -> None:
    text = PEOPLE.to_csv(index=False).encode()
    parquet = io.BytesIO()
    PEOPLE.to_parquet(parquet)
    files = {"gzip": gzip.compress(text), "zip": packed(**{"p.csv": text}), "Parquet": parquet.getvalue(), "": text}
    for wrapping, content in files.items():
        frame, reading = read_table(content, "t")
        pd.testing.assert_frame_equal(frame, PEOPLE)
        assert reading.wrapping == wrapping


def test_a_workbook_gives_its_first_sheet_with_cells() -> None:
    out = io.BytesIO()
    with pd.ExcelWriter(out, engine="openpyxl") as book:
        pd.DataFrame().to_excel(book, sheet_name="cover", index=False)
        PEOPLE.to_excel(book, sheet_name="people", index=False, startrow=2)
    frame, reading = read_table(out.getvalue(), "t.xlsx")
    pd.testing.assert_frame_equal(frame, PEOPLE)
    assert any("'people'" in note and "'cover'" in note for note in reading.notes)


def test_parquet_columns_of_any_type_can_be_shown() -> None:
    out = io.BytesIO()
    odd = pd.DataFrame(
        {"day": pd.Series([pd.Timestamp("2024-01-01"), pd.NaT]), "list": [[1], [2]], "n": [1, None], "b": [True, False]}
    )
    odd.to_parquet(out)
    frame, _ = read_table(out.getvalue(), "t.parquet")
    assert frame["day"].tolist()[0].startswith("2024-01-01")
    assert frame.isna().sum().tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"a,b\n1,2\n")[:-9], "damaged"),
        (gzip.compress(b"\0" * 10**6)[:100], "damaged"),
        (gzip.compress(b""), "is empty"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n")), "NUL|no rows|encoding|cells"),
        (packed(**{"a.csv": b"a,b\n1,2\n", "b.csv": b"a\n1\n"}), "archive of 2 files"),
        (packed(), "damaged|archive|not"),
        (packed(**{"a.csv": b"a,b\n1,2\n" * 1000})[:80], "damaged"),
        (packed(**{"xl/workbook.xml": b"<a>"}), "cannot be opened"),
        (b"PAR1 and nothing", "Parquet file that cannot be read"),
        (b"\xd0\xcf\x11\xe0 old", "old Excel workbook"),
        (b"SQLite format 3\0", "a database"),
    ],
    ids=range(11),
)
def test_what_cannot_be_unpacked_is_refused_in_one_sentence(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refusal:
        read_table(content, "mine.gz")
    assert len(str(refusal.value).splitlines()) == 1


def test_a_compressed_bomb_is_stopped_before_it_unpacks() -> None:
    zeros = gzip.compress(bytes(10**6))
    with pytest.raises(InvalidInput, match="unpacks to more than"):
        read_table(zeros * (UPLOAD_LIMIT_MB + 1), "bomb.gz")


# --- names in several rows, remarks in the table ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "names", "note"),
    [
        (",2019,,2020,\nname,a,b,a,b\n", ["name", "2019 a", "2019 b", "2020 a", "2020 b"], "as in '2019 a'"),
        ("id,t,t,p,p\n,min,max,min,max\n", ["id", "t min", "t max", "p min", "p max"], "as in 't min'"),
        ("k;Sales;;Costs;\n;2019;2020;2019;2020\n",
         ["k", "Sales 2019", "Sales 2020", "Costs 2019", "Costs 2020"], "'Sales 2019'"),
        (",2019,,2020,\nname,a,b,a,b\n,kg,kg,cm,cm\n", ["name", "2019 a", "2019 b", "2020 a", "2020 b"], "units"),
        ("Price,C,H,L,V\nTicker,X,X,X,X\nDate,,,,\n", ["Date", "C", "H", "L", "V"], "is called 'Date'"),
        ("Price,C,C,L,L\nTicker,X,Y,X,Y\nDate,,,,\n", ["Date", "C X", "C Y", "L X", "L Y"], "'Date'"),
        ("t,p,q,r,s\ns,bar,m,m,m\n", ["t", "p", "q", "r", "s"], "units"),
        ("t,p,q,r,s\n", ["t", "p", "q", "r", "s"], ""),
    ],
)  # fmt: skip
def test_names_may_stand_in_several_rows(text: str, names: list[str], note: str) -> None:
    mark = ";" if ";" in text else ","
    data = [[f"2024-01-{i:02}", f"{i}.5", "2.5", f"{i * i}", "7.25"] for i in range(1, 13)]
    frame, reading = read_table((text + "\n".join(mark.join(row) for row in data)).encode(), "t.csv")
    assert list(frame.columns) == names
    assert len(frame) == len(data)
    assert all(pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes.iloc[1:])
    assert note in " ".join(reading.notes)
    assert bool(reading.notes) == bool(note)


def test_a_line_is_named_as_it_is_counted_in_the_file() -> None:
    content = b"# made by hand\na,b\nkg,cm\n" + b"1,2\n" * 9 + b"1,2,3\n"
    with pytest.raises(InvalidInput, match="line 13 has 3 cells"):
        read_table(content, "t.csv")


def test_comments_between_the_rows_and_lines_below_them_are_left_out_and_told() -> None:
    rows = [f"{i};{i},5;x" for i in range(1, 20)]
    text = "\n".join(["a;b;c", *rows[:9], "# a new sensor", *rows[9:], "Source: me", "made in May", "# end"])
    frame, reading = read_table(text.encode(), "t.csv")
    assert frame["a"].tolist() == list(range(1, 20))
    assert frame["b"].tolist() == [i + 0.5 for i in range(1, 20)]
    assert "left out (4 lines, such as '# a new sensor')" in " ".join(reading.notes)


def test_a_text_that_only_looks_like_a_comment_stays() -> None:
    text = 'song,year,note\n"#1 hit",1990,x\n"two\n# lines",1991,\nlast one,,y\nalone,,\n'
    frame, reading = read_table(text.encode(), "t.csv")
    assert frame["song"].tolist() == ["#1 hit", "two\n# lines", "last one", "alone"]
    assert not [note for note in reading.notes if "left out" in note]


def test_a_first_row_that_is_like_those_below_it_is_data() -> None:
    rows = [
        f"'{['yes', 'no'][i % 2]}','{i % 3} to {i % 3 + 1}','left{i % 4}',{'nan' if i == 5 else 'x'}" for i in range(60)
    ]
    frame, reading = read_table("\n".join(rows).encode(), "t.csv")
    assert frame.shape == (60, 4)
    assert frame.iloc[0, :3].tolist() == ["yes", "0 to 1", "left0"]
    assert not reading.header
    named, _ = read_table("\n".join(["'a','b','c','d'", *rows]).encode(), "t.csv")
    assert (list(named.columns), len(named)) == (["a", "b", "c", "d"], 60)
    story = read_table(b"who,what\nit's Ann's,a\nBob,'b\n", "t.csv")[0]
    assert story.to_numpy().tolist() == [["it's Ann's", "a"], ["Bob", "'b"]]


def test_a_short_first_row_with_numbers_is_no_row_of_names() -> None:
    rows = [f"{i}.5,{i % 3},{i * i},{i % 7}.25,1.5,{i % 2}" for i in range(30)]
    frame, reading = read_table("\n".join(["30,2,yes", *rows]).encode(), "t.csv")
    assert frame.shape == (30, 6)
    assert next(iter(frame.columns)) == "column 1"
    assert "'30 2 yes'" in " ".join(reading.notes)
