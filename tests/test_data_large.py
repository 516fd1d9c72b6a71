"""Large tables are read in pieces and come out as a whole file would; what is too large is refused in a sentence."""

from __future__ import annotations

import io
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mtl_core.cli.inspect import told
from mtl_core.data import pieces
from mtl_core.data.pieces import CELL_LIMIT, listening, read_in_pieces
from mtl_core.data.reading import read_table
from mtl_core.registry import InvalidInput

CELLS = {
    "whole": ["1", "2"],
    "negative": ["-1", "3"],
    "zeros": ["007", "08"],
    "broken": ["1.5", "2"],
    "empty": ["", ""],
    "gap": ["4", ""],
    "text": ["x", "1"],
    "truth": ["True", "FALSE"],
    "truth with a gap": ["TRUE", ""],
    "long": ["12345678901234567", "9007199254740993"],
    "infinite": ["inf", "1e400"],
}


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl_core.data.parsing.PIECES_FROM", 0)
    monkeypatch.setattr(pieces, "PIECE_CELLS", 12)


def how(names: list[str]) -> dict[str, Any]:
    plain = {"header": 0, "names": names, "index_col": False, "keep_default_na": False, "low_memory": False}
    return {**plain, "na_values": {name: [""] for name in names}, "skipinitialspace": True}


def column_file(cells: list[str]) -> bytes:
    return ("a,b\n" + "".join(f"{cell},1\n" for cell in cells)).encode()


def in_pieces(cells: list[str], monkeypatch: pytest.MonkeyPatch, rows: int = 2) -> pd.Series:
    monkeypatch.setattr(pieces, "PIECE_CELLS", 2 * rows)
    return read_in_pieces(column_file(cells), "t.csv", **how(["a", "b"]))["a"]


@pytest.mark.parametrize("first", CELLS)
def test_pieces_that_differ_become_what_pandas_makes_of_the_whole(first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for second, third in itertools.product(CELLS, CELLS):
        cells = [*CELLS[first], *CELLS[second], *CELLS[third]]
        whole = pd.read_csv(io.BytesIO(column_file(cells)), **how(["a", "b"]))["a"]
        found = in_pieces(cells, monkeypatch)
        pd.testing.assert_series_equal(found, whole, check_exact=True, obj=f"{first}, {second}, {third}")


def test_numbers_beyond_64_bits_keep_their_digits_unless_they_are_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    beyond, id_19, plain = "118446744073709551615", "18446744073709551615", ["1", "2"]
    assert in_pieces(["007", "2", beyond, "1"], monkeypatch).tolist() == ["007", "2", beyond, "1"]
    assert in_pieces(["4", "", id_19, "1"], monkeypatch).tolist()[::2] == ["4", id_19]
    assert in_pieces([*plain, id_19, "1"], monkeypatch).tolist() == [1, 2, int(id_19), 1]
    assert in_pieces(["-1", "2", id_19, "1"], monkeypatch).tolist() == ["-1", "2", id_19, "1"]
    assert in_pieces(["1.5", "2", id_19, "1"], monkeypatch).tolist() == [1.5, 2.0, float(id_19), 1.0]


def test_a_file_of_60_mb_equals_pandas_own_read() -> None:
    rows, random = 110_000, np.random.default_rng(0)
    texts = np.char.mod("%.17g", random.normal(size=1000))
    table = np.char.add(np.char.add(texts, ","), np.char.mod("%d", np.arange(1000)))
    lines = [",".join([*table[np.arange(i, i + 23) % 1000], "red" if i % 3 else ""]) for i in range(1000)]
    names = [f"c{i}" for i in range(47)]
    content = (",".join(names) + "\n" + "\n".join(lines[i % 1000] for i in range(rows)) + "\n").encode()
    assert len(content) > max(60 * 10**6, pieces.PIECES_FROM)
    heard: list[float] = []
    with listening(lambda _, share: heard.append(share)):
        frame, reading = read_table(content, "t.csv")
    pd.testing.assert_frame_equal(frame, pd.read_csv(io.BytesIO(content), **how(names)), check_exact=True)
    assert (reading.rows, reading.columns) == (rows, 47)
    assert heard == sorted(heard)
    assert heard[-1] == 1
    assert len(heard) > 2


@pytest.mark.usefixtures("small_pieces")
def test_a_text_in_the_last_rows_is_found_and_named(tmp_path: Any) -> None:
    cells = [f"{i / 7:.3f},{i % 5},0{i:03}" for i in range(400)]
    cells[390] = "broken,1,0390"
    path = tmp_path / "late.csv"
    path.write_text("x,y,code\n" + "\n".join(cells) + "\n")
    frame, _ = read_table(path.read_bytes(), "late.csv")
    assert frame["x"].tolist()[388:391] == [f"{388 / 7:.3f}", f"{389 / 7:.3f}", "broken"]
    (finding,) = [each for each in told(path)["findings"] if each["code"] == "text-in-numbers"]
    assert "'broken'" in str(finding)
    assert "'x'" in str(finding)


@pytest.mark.usefixtures("small_pieces")
def test_words_for_missing_are_counted_over_all_pieces() -> None:
    content = ("a,b\n" + "\n".join(f"{'NA' if i % 40 == 39 else i},{i}" for i in range(400)) + "\n").encode()
    frame, reading = read_table(content, "t.csv")
    assert reading.words == (("a", "NA", 10),)
    assert frame["a"].isna().sum() == 10
    assert frame["a"].sum() == sum(i for i in range(400) if i % 40 != 39)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_quoted_lines_and_wide_signs_cross_every_border(encoding: str) -> None:
    texts = [f"{'北京' * (i % 4)}\n上海, {i}" for i in range(300)]
    frame = pd.DataFrame({"城市": texts, "n": range(300), "说明": ["天气很好。"] * 300})
    content = frame.to_csv(index=False).encode(encoding)
    found, reading = read_table(content, "t.csv")
    assert reading.encoding == encoding
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    "content",
    [
        b"# made in May\n# by hand\na;b;c\n" + b"1,5;2;x\n" * 50 + b"2,25;;y\n",
        b"a,b,c\nkg,cm,s\n" + b"1,2,3\n" * 40 + b"4,5.5,\n",
        b"1,2,3\n" * 40,
        b'a,b\n"1,234",x\n' + b'"12,345",y\n' * 30,
        b"a,b,\n" + b"1,2,\n" * 30 + b",,\n" + b"3,4,\n",
    ],
)
def test_layouts_are_decided_as_for_small_files(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    found, reading = read_table(content, "t.csv")
    monkeypatch.setattr("mtl_core.data.parsing.PIECES_FROM", 10**6)
    whole, how_whole = read_table(content, "t.csv")
    pd.testing.assert_frame_equal(found, whole)
    assert reading == how_whole


@pytest.mark.usefixtures("small_pieces")
def test_a_row_with_too_many_cells_is_named_by_its_line() -> None:
    content = b"a,b\n" + b"1,2\n" * 5000 + b"1,2,3,4\n"
    with pytest.raises(InvalidInput, match=r"^t\.csv cannot be read: line 5002 has 4 cells but the header has 2"):
        read_table(content, "t.csv")


@pytest.mark.usefixtures("small_pieces")
def test_more_cells_than_can_be_held_are_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CELL_LIMIT == 10**6 * 100
    monkeypatch.setattr(pieces, "CELL_LIMIT", 600)
    assert len(read_table(b"a,b\n" + b"1,2\n" * 300, "t.csv")[0]) == 300
    with pytest.raises(InvalidInput, match=r"^t\.csv has 2 columns and more than 300 rows; take fewer"):
        read_table(b"a,b\n" + b"1,2\n" * 301, "t.csv")
