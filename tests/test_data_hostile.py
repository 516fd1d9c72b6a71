"""A corpus of hostile files: each is read or refused in one plain sentence, and nothing built on it stumbles."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import io
import json
import random
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_core.data.building import build_dataset
from mtl_core.data.columns import guess
from mtl_core.data.dates import ORDERS, moments_of
from mtl_core.data.doctor import diagnose
from mtl_core.data.join import joined
from mtl_core.data.prepare import prepare
from mtl_core.data.reading import read_table
from mtl_core.data.recipe import Recipe, guess_recipe
from mtl_core.data.saved import SavedRecipe, differences, fitted, saved
from mtl_core.evaluation.report import harmless
from mtl_core.registry import InvalidInput

ROWS = 20
PLAIN = "x,y,label\n" + "".join(f"{i * 7 % 11},{i / 3:.3f},{'ab'[i % 2]}\n" for i in range(ROWS))
CELLS = {
    "formula": "=cmd|' /C calc'!A0",
    "link": "=HYPERLINK(1)",
    "script": "<script>alert(1)</script>",
    "picture": "![x](https://example.org/x.png)",
    "quote at the end": '5"',
    "infinite": "inf",
    "minus infinite": "-Infinity",
    "not a number": "nan",
    "huge": "1e400",
    "tiny": "1e-400",
    "many digits": "9" * 400,
    "hexadecimal": "0x1F",
    "underscore": "1_000",
    "arabic digits": "٣٤",
    "full-width digits": "１２",
    "right to left": "\u202eevil",
    "zero width": "\u200b",
    "emoji": "👩‍👩‍👧",
    "combining": "e" + "\u0301" * 50,
    "line separator": "a\u2028b",
    "form feed": "a\x0cb",
    "escape": "\x1b[31m",
    "long": "n" * 200_000,
    "percent": "12%",
    "money": "$1.50",
    "date": "2024-02-30",
    "boolean": "TRUE",
    "spaces": "   ",
}


def in_the_middle(cell: str) -> bytes:
    """A plain table with one odd cell."""
    return PLAIN.replace("7,0.333", f"{cell},0.333", 1).encode()


def as_every_name(cell: str) -> bytes:
    return PLAIN.replace("x,y,label", f"{cell},y {cell},label {cell}", 1).encode()


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def zipped(names: list[str], content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return out.getvalue()


def corpus() -> dict[str, bytes]:
    """Name -> bytes of every hostile file."""
    plain = PLAIN.encode()
    files = {f"cell: {name}": in_the_middle(cell) for name, cell in CELLS.items()}
    files |= {f"name: {name}": as_every_name(cell) for name, cell in CELLS.items() if len(cell) < 1000}
    files |= {f"noise {seed}": noise(seed, 10 ** (seed % 5)) for seed in range(8)}
    files |= {f"cut after {size}": plain[:size] for size in (1, 9, 10, 11, 50, 200)}
    files |= {
        "NUL inside": plain.replace(b"a\n", b"\0\n", 1),
        "only NULs": bytes(1000),
        "lone quote": plain.replace(b"a\n", b'"a\n', 1),
        "quotes everywhere": b'"' * 1001,
        "only separators": b",;|\t" * 300,
        "only line ends": b"\r\n" * 500,
        "two encodings": plain + "é,1,ü\n".encode("cp1252") + "北,2,京\n".encode(),
        "marks twice": b"\xef\xbb\xbf\xef\xbb\xbf" + plain,
        "odd UTF-16": b"\xff\xfe" + plain,
        "half surrogate": b"\xff\xfe" + "a,b\n1,2\n".encode("utf-16-le") + b"\x00\xd8",
        "10,000 columns": b",".join([b"c"] * 10_000) + b"\n" + b",".join([b"1"] * 10_000) + b"\n",
        "one name 1,000 times": b",".join([b"c"] * 1000) + b"\n" + (b",".join([b"1"] * 1000) + b"\n") * 12,
        "rows of all lengths": b"".join(b",".join([b"1"] * (i % 9 + 1)) + b"\n" for i in range(50)),
        "line ends mixed": plain.replace(b"\n", b"\r", 5).replace(b"\n", b"\r\n", 5),
        "names in twenty rows": b"a,,b,\nc,d,e,f\n" * 20,
        "names over nothing": b",x,,y,\n,,,,\n" + b"1,2,3,4,5\n" * 20,
        "one name over all": b"a,a,a\na,a,a\n" + b"1,2,3\n" * 20,
        "comments between": plain.replace(b"a\n", b"a\n# x\n") + b"# y\nSource: z\n",
        "sentences alone": b"a,b,c\n" + b"one two:,,\n" * 30,
        "boxes of all kinds": b"x,y,w,h,left,top,right,bottom,cx,cy\n" + b"1,2,-3,nan,5,6,inf,8,?,-\n" * 30,
        "only marks": b"a,b\n" + "?,无\n-,none\n#DIV/0!,-999\n".encode() * 20,
        "apostrophes": b"'a','b'\n" + b"'1','it''s'\n" * 20 + b"'2,'\n",
        "months of no year": b"m,y\n" + b"2024-13,1\n" * 20 + b"0000-00,2\n",
        "comments only": b"# a\n# b\n" * 20,
        "titles only": b"a title\n" * 30,
        "damaged gzip": gzip.compress(plain)[:-5] + b"12345",
        "damaged zip": zipped(["a.csv"], plain)[:-30],
        "zip with a path": zipped(["../../evil.csv"], plain),
        "zip in zip": zipped(["a.zip"], zipped(["a.csv"], plain)),
        "damaged workbook": zipped(["xl/workbook.xml"], b"<workbook"),
        "damaged Parquet": b"PAR1" + noise(9, 500) + b"PAR1",
    }
    return files


def refusal(content: bytes) -> str:
    """The sentence with which a file is refused; "" when it is read."""
    try:
        read_table(content, "mine.csv")
    except InvalidInput as problem:
        return str(problem)
    return ""


def test_the_corpus_is_large() -> None:
    assert len(corpus()) >= 60


@pytest.mark.parametrize("name", corpus())
def test_a_hostile_file_is_read_or_refused_in_one_sentence(name: str) -> None:
    if told := refusal(corpus()[name]):
        assert told.startswith("mine.csv")
        assert told.isprintable()
        assert len(told) < 300
        return
    frame, reading = read_table(corpus()[name], "mine.csv")
    assert frame.shape == (reading.rows, reading.columns)
    assert frame.columns.is_unique
    assert [column.name for column in guess(frame)] == list(frame.columns)
    recipe = guess_recipe(frame)
    assert all(finding.what and finding.why for finding in diagnose(frame, recipe))
    with contextlib.suppress(InvalidInput):
        data = build_dataset(frame, recipe, "t")
        assert data.n_rows <= len(frame)
        assert np.isfinite(prepare(data, 2, 0).inputs).all()
    past = saved(frame, recipe, "mine.csv")
    assert SavedRecipe.from_text(past.to_text()) == past
    assert not [each for each in differences(past, frame) if each.stops]
    with contextlib.suppress(InvalidInput):
        assert joined(frame, frame, str(frame.columns[0]), ("a", "b")).notes


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["x", "day", "note", "time", "by"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from([item.name for item in dataclasses.fields(Recipe)])


@given(st.dictionaries(fields, values), st.dictionaries(st.sampled_from(["columns", "recipe", "filename"]), values))
@settings(max_examples=100, deadline=None)
def test_whatever_a_recipe_says_it_is_used_or_refused_in_a_sentence(
    facts: dict[str, object], more: dict[str, object]
) -> None:
    frame = pd.DataFrame({"x": range(30), "day": ["2024-01-01", "2024-02-03", "soon"] * 10, "note": ["a b c d"] * 30})
    plain = {"features": ["day"], "tasks": [["x", "regression"]]}
    with contextlib.suppress(InvalidInput):
        past = SavedRecipe.from_text(json.dumps({**more, "recipe": plain | facts}))
        differences(past, frame)
        prepare(build_dataset(frame, fitted(past.recipe, frame), "t"), 2, 0)


@given(st.lists(st.text(max_size=12) | st.from_regex(r"\A\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}( \d\d:\d\d)?\Z"), max_size=8))
@settings(max_examples=100, deadline=None)
def test_whatever_stands_in_a_column_of_dates_is_a_moment_or_missing(texts: list[str]) -> None:
    column = pd.Series(texts, dtype="str")
    for order in ORDERS:
        moments = moments_of(column, order)
        assert len(moments) == len(texts)
        assert moments.dtype == "datetime64[s]"


def test_what_a_spreadsheet_would_run_is_exported_as_text() -> None:
    cells = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "a=1", "", None]
    frame = pd.DataFrame({"text": cells, "number": [-1.0] * len(cells)})
    shown = harmless(frame)
    assert shown["text"].tolist()[:8] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "a=1", ""]
    assert shown["text"].isna().tolist() == [False] * 8 + [True]
    assert shown["number"].tolist() == [-1.0] * len(cells)
