"""Tables too large to be held: rows are drawn evenly, in bounded memory, told in a sentence and recorded."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mtl_core.cli.commands import app
from mtl_core.data import containers, sampling
from mtl_core.data.reading import read_table
from mtl_core.data.recipe import Recipe
from mtl_core.data.sampling import Large, chosen, draw
from mtl_core.data.table import CsvFile, Upload, csv_source, load_upload, store_upload
from mtl_core.data.treatment import thinned
from mtl_core.data.upload_folders import uploads_of
from mtl_core.registry import InvalidInput

ROWS, LEFT = 60_000, 500
NAMES = "number,城市,text,y\n"


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Half a megabyte is too much to be held, and 500 rows are drawn."""
    monkeypatch.setattr(sampling, "DRAWN_ROWS", LEFT)
    monkeypatch.setattr(sampling, "_BLOCK", 4096)
    monkeypatch.setattr(containers, "UPLOAD_LIMIT_MB", 0.5)
    monkeypatch.setattr(containers, "UNPACKED_LIMIT_MB", 1)
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path / "home"))


def rows_of(first: int, last: int) -> list[str]:
    return [f'{i},{"北京上海"[i % 4]},"a, {i}\nb ""{i % 3}""",{i * 7 % 101 / 4}' for i in range(first, last)]


def table(rows: int = ROWS) -> str:
    return NAMES + "\n".join(rows_of(0, rows)) + "\n"


def packed(text: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", text)
    return out.getvalue()


def is_part_of_it(frame: pd.DataFrame) -> None:
    """Rows as they stand in the file, in its order, one of each of equal parts."""
    numbers = frame["number"].to_numpy()
    assert frame["text"].tolist() == [f'a, {i}\nb "{i % 3}"' for i in numbers]
    assert frame["y"].tolist() == [i * 7 % 101 / 4 for i in numbers]
    assert np.array_equal(numbers // (ROWS // LEFT), np.arange(LEFT))


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("wrap", [bytes, gzip.compress, packed], ids=["plain", "gzip", "zip"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
def test_rows_are_drawn_as_they_stand_whatever_wraps_them(wrap: Callable[[bytes], bytes], encoding: str) -> None:
    frame, reading = read_table(wrap(table().encode(encoding)), "t.csv")
    is_part_of_it(frame)
    assert (reading.rows, reading.drawn_from, reading.encoding) == (LEFT, ROWS, encoding)
    assert reading.notes[0] == (
        "The file has 60,000 rows, which is more than can be held at once; "
        "these are 500 drawn at random and evenly over it."
    )
    again, _ = read_table(wrap(table().encode(encoding)), "t.csv")
    pd.testing.assert_frame_equal(frame, again)


@pytest.mark.usefixtures("small_limits")
def test_rows_of_parquet_are_drawn_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    whole = pd.read_csv(io.StringIO(table()))
    whole.to_parquet(out, row_group_size=7000)
    monkeypatch.setattr(containers, "COLUMNS_LIMIT_MB", 1)
    monkeypatch.setattr(containers, "_BATCH_CELLS", 4000)
    frame, reading = read_table(out.getvalue(), "t.parquet")
    is_part_of_it(frame)
    assert reading.drawn_from == ROWS


@pytest.mark.usefixtures("small_limits")
def test_what_stands_above_the_rows_is_never_drawn() -> None:
    text = "# by hand\n# in May\nx;z;y\nkg;cm;s\n" + "".join(f"{i},5;{i % 3};{i}\n\n" for i in range(ROWS))
    frame, reading = read_table(text.encode(), "t.csv")
    assert list(frame.columns) == ["x", "z", "y"]
    assert (reading.rows, reading.drawn_from, reading.delimiter, reading.decimal) == (LEFT, ROWS, ";", ",")
    assert (frame["x"] == frame["y"] + 0.5).all()
    without_names, reading = read_table("".join(f"{i},{i / 4}\n" for i in range(90_000)).encode(), "t.csv")
    assert (reading.header, reading.drawn_from) == (False, 90_000)
    assert (without_names["column 2"] == without_names["column 1"] / 4).all()


@pytest.mark.usefixtures("small_limits")
def test_a_lone_quotation_mark_and_old_line_ends_do_not_end_the_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_ROW_LIMIT", 1 << 15)
    inches = "name,x\n" + "".join(f"{'a 5' + chr(34) if i == 77 else 'tv'} {i},{i}\n" for i in range(ROWS))
    frame, reading = read_table(inches.encode(), "t.csv")
    assert (reading.drawn_from, len(frame)) == (ROWS, LEFT)
    frame, reading = read_table(inches.replace("\n", "\r").replace('"', "").encode(), "t.csv")
    assert (reading.drawn_from, len(frame)) == (ROWS, LEFT)
    with pytest.raises(InvalidInput, match=r"^t\.csv has a row of more than"):
        read_table(b"a,b\n1,2\n" + b"3" * 10**6, "t.csv")


@pytest.mark.usefixtures("small_limits")
def test_what_holds_no_text_or_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match=r"^t\.gz unpacks to more than 1 MB"):
        read_table(gzip.compress(bytes(3 * 10**6)), "t.gz")
    monkeypatch.setattr(containers, "DRAWN_LIMIT_MB", 2)
    with pytest.raises(InvalidInput, match=r"^t\.gz holds more than 2 MB"):
        read_table(gzip.compress(b"a,b\n" + b"1,2\n" * 10**6), "t.gz")
    with pytest.raises(InvalidInput, match="NUL byte"):
        read_table(b"a,b\n\0" + b"1,2\n" * 10**6, "t.csv")


@pytest.mark.usefixtures("small_limits")
def test_too_many_cells_in_a_file_that_could_be_held_are_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "UPLOAD_LIMIT_MB", 500)
    monkeypatch.setattr(sampling, "CELL_LIMIT", 4 * ROWS - 1)
    frame, reading = read_table(table().encode(), "t.csv")
    is_part_of_it(frame)
    assert reading.drawn_from == ROWS


def test_memory_is_that_of_the_rows_that_are_drawn() -> None:
    def endless() -> _Repeated:
        return _Repeated(b"1,2,3,4,5,6,7\n", 40 * 10**6)

    draw(Large(lambda: io.BytesIO(b"a,b,c\n1,2,3\n"), lambda _: 0.0, 500), "t.csv", rows=1)
    tracemalloc.start()
    drawn = draw(Large(endless, lambda _: 0.0, 500), "t.csv", rows=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert drawn.content.count(b"\n") == 1000
    assert peak < 40 * 10**6


class _Repeated:
    """A file of one line over and over, for so many bytes."""

    def __init__(self, line: bytes, size: int) -> None:
        self.text, self.left = line * 1000, size

    def __enter__(self) -> _Repeated:
        return self

    def __exit__(self, *_: object) -> None:
        self.left = 0

    def read(self, size: int) -> bytes:
        count = min(size // len(self.text), self.left // len(self.text))
        self.left -= count * len(self.text)
        return self.text * count


# --- go on with it as data ----------------------------------------------------------------------------------------
@pytest.mark.usefixtures("small_limits")
def test_a_draw_is_recorded_in_the_recipe_and_drawn_again(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_text(table(), encoding="utf-8")
    source = csv_source(str(path), ("y",))
    recipe = Recipe.from_text(source.recipe)
    assert recipe.rows == LEFT
    assert Recipe.from_text(recipe.to_text()) == recipe
    data = source.load()
    assert data.n_rows == LEFT
    assert data.fingerprint == source.stored().load().fingerprint
    fewer = CsvFile(str(path), json.dumps(recipe.to_json() | {"rows": 120}))
    assert fewer.load().n_rows == fewer.stored().load().n_rows == 120
    assert "60,000 rows" in fewer.load().notes[0]
    told = CliRunner().invoke(app, ["inspect", str(path), "--json"])
    facts = json.loads(told.stdout)
    assert (facts["rows"], facts["drawn_from"], facts["recipe"]["rows"]) == (LEFT, ROWS, LEFT)


@pytest.mark.usefixtures("small_limits")
def test_of_a_large_upload_the_drawn_rows_are_kept_and_not_the_file() -> None:
    fingerprint = store_upload(table().encode("gb18030"), "large.csv", owner="ann")
    frame, reading = load_upload(fingerprint)
    is_part_of_it(frame)
    again, kept = load_upload(fingerprint, [("城市", "NA")])
    pd.testing.assert_frame_equal(again, frame)
    assert kept.drawn_from == reading.drawn_from == ROWS
    assert Upload(fingerprint).load().n_rows == LEFT
    assert uploads_of("ann")[0].size < 200_000


def test_a_recipe_may_ask_for_fewer_rows_of_any_table() -> None:
    frame = pd.DataFrame({"x": range(1000)})
    assert thinned(frame, 0) is frame
    assert thinned(frame, 1000) is frame
    assert np.array_equal(thinned(frame, 10)["x"].to_numpy() // 100, np.arange(10))


def test_every_row_is_as_likely_as_any_other() -> None:
    assert np.array_equal(chosen(10, 10), np.arange(10))
    hits = np.bincount(np.concatenate([chosen(1000 + i, 97) for i in range(400)]), minlength=1400)[:900]
    assert abs(hits.mean() / 400 - 97 / 1200) < 0.005
    assert hits.max() < 4 * hits.mean()


signs = st.sampled_from([*'ab1,;\t\n\r"北é ', "\r\n", '""', "\n\n"])


@given(
    st.lists(signs, max_size=200).map("".join), st.sampled_from(["utf-8", "utf-16", "gb18030"]), st.binary(max_size=60)
)
@settings(max_examples=150, deadline=None)
def test_of_any_text_rows_are_drawn_or_it_is_refused_in_one_sentence(text: str, encoding: str, noise: bytes) -> None:
    for content in (f"a,b\n1,2\n{text}\n3,4\n".encode(encoding), noise):
        told = drawn_or_told(content)
        assert told.startswith(("t.csv", "drawn"))
        assert len(told.splitlines()) == 1


def drawn_or_told(content: bytes) -> str:
    try:
        drawn = draw(Large.of(lambda: io.BytesIO(content), len(content), 1), "t.csv", rows=3)
    except InvalidInput as problem:
        return str(problem)
    assert len(drawn.content) <= len(content) + 4
    return f"drawn of {drawn.rows}"
