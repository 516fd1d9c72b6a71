"""How a text table is laid out: where it begins, what separates its cells, whether it has names, how it writes numbers.

Decided on the first rows; `numbers.py` checks what a decimal or thousands mark does to a whole column.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from mtl_core.data.headers import Rows, find_head, is_number, joined, remarks_before
from mtl_core.data.read_as import AS_FOUND, AUTOMATIC, DECIMALS, SEPARATORS, ReadAs
from mtl_core.registry import InvalidInput

DELIMITERS = ("\t", ";", "|", ",")
"""Where two fit equally well, the first is taken: commas may also be decimal marks."""
WORDS = {sign: word for word, sign in SEPARATORS.items()}
ROWS = 1000
TOP, TOP_CELLS, TOP_SIGNS = 10, 20, 40
"""Of the first rows so many are kept to be looked at, so many cells of each, so many signs of each cell."""

Top = tuple[tuple[int, tuple[str, ...]], ...]
"""The number of a row in the file, and its cells; row for row."""

_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.I)
_SINGLE = re.compile(r"(?:^|[,;\t|])\s*'[^']*'\s*(?:$|[,;\t|])")
_COMMA, _POINT = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+"), re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)\.\d+")
_THREE = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(mark)}\d{{3}})+") for mark in ",."}
_SURE = {mark: re.compile(rf"[+-]?\d{{1,3}}({re.escape(mark)}\d{{3}}){{2,}}") for mark in ",."}


@dataclass(frozen=True)
class Dialect:
    """The layout of one file.

    before: all text before the first row of data, names included, in `lines` lines; rows: cells of the first rows of
    the table, names first where `header` is true; notes: what a person should check. head, first: the rows of the file
    with the names and with the first data, counted from 1; top: first rows as they stand there.
    """

    delimiter: str
    quote: str
    decimal: str
    header: bool
    before: str
    lines: int
    rows: Rows
    notes: tuple[str, ...]
    head: tuple[int, ...] = ()
    first: int = 1
    top: Top = ()


class _Place(NamedTuple):
    """Where a row stands. row: its number in the file, from 1. begin, end: its lines, the last not included."""

    row: int
    begin: int
    end: int


@dataclass(frozen=True)
class _Start:
    """names: of the columns, [] = none. head: places of their rows. begin: place of the first row of data."""

    names: list[str]
    head: tuple[int, ...]
    begin: int
    notes: tuple[str, ...] = ()


def find_dialect(sample: str, asked: ReadAs = AS_FOUND) -> Dialect | None:
    """The layout of a sample of whole lines; None when it holds no row of cells.

    asked: what a person says of it. Raises `InvalidInput` when that cannot be.
    """
    told, delimiter, quote = _separated(sample, asked)
    places, rows = _numbered(sample, delimiter, quote)
    start = _start(places, rows, told, asked)
    if start is None:
        return None
    begin = start.begin
    place = places[begin] if begin < len(rows) else _Place(places[-1].row + 1, places[-1].end, places[-1].end)
    before = "".join(list(io.StringIO(sample, newline=""))[: place.begin])
    table = [start.names, *rows[begin:]] if start.head else rows[begin:]
    decimal, doubt = (DECIMALS[asked.decimal], []) if asked.decimal != AUTOMATIC else _decimal(table, delimiter)
    head = tuple(places[i].row for i in start.head)
    facts = (delimiter, quote, decimal, bool(head), before, place.begin, table, (*start.notes, *doubt))
    return Dialect(*facts, head, place.row, _top(places, rows))


def top_rows(sample: str, asked: ReadAs = AS_FOUND) -> Top:
    """The first rows of a sample as they stand there, whatever they hold."""
    _, delimiter, quote = _separated(sample, asked)
    return _top(*_numbered(sample, delimiter, quote))


def _separated(sample: str, asked: ReadAs) -> tuple[bool, str, str]:
    """Whether the first row names the separator; the separator, and what stands around cells."""
    told = _SEPARATOR.fullmatch(sample.split("\n", 1)[0].rstrip("\r"))
    quote = _quote(sample)
    if asked.delimiter != AUTOMATIC:
        return told is not None, SEPARATORS[asked.delimiter], quote
    return told is not None, told[1] if told and told[1] in WORDS else _delimiter(sample, quote), quote


def _start(places: list[_Place], rows: Rows, told: bool, asked: ReadAs) -> _Start | None:
    """Where names and data begin; None where there is no row of cells."""
    if asked.names != AUTOMATIC:
        return _start_as_said(places, rows, told, asked) if rows else None
    skipped, notes = remarks_before(rows, told)
    if not rows[skipped:]:
        return None
    head = find_head(rows[skipped:])
    named = tuple(skipped + i for i in head.rows)
    return _Start(head.names, named, skipped + head.count, (*notes, *head.notes))


def _start_as_said(places: list[_Place], rows: Rows, told: bool, asked: ReadAs) -> _Start:
    known = {place.row: i for i, place in enumerate(places)}
    for row in filter(None, (*asked.name_rows, asked.data)):
        if row not in known:
            last = places[-1].row
            raise InvalidInput(f"row {row} is blank or none of the first {last:,} rows; say another row of the table")
    head = tuple(known[row] for row in asked.name_rows)
    names = joined(rows[head[0]], rows[head[1]])[0] if len(head) == 2 else rows[head[0]] if head else []
    begin = known[asked.data] if asked.data else head[-1] + 1 if head else int(told)
    return _Start(names, head, begin)


def _top(places: list[_Place], rows: Rows) -> Top:
    shown = zip(places[:TOP], rows, strict=False)
    return tuple(
        (place.row, tuple(" ".join(cell.split())[:TOP_SIGNS] for cell in row[:TOP_CELLS])) for place, row in shown
    )


def cells(sample: str, delimiter: str, quote: str = '"') -> Rows:
    """Rows of cells; rows without any text are left out."""
    return _numbered(sample, delimiter, quote)[1]


def _quote(sample: str) -> str:
    """What stands around cells: an apostrophe where it does so in most lines and no quotation mark is there."""
    lines = sample.splitlines()[:ROWS]
    single = sum(_SINGLE.search(line) is not None for line in lines)
    return "'" if '"' not in sample and 2 * single > len(lines) else '"'


def _numbered(sample: str, delimiter: str, quote: str) -> tuple[list[_Place], Rows]:
    """Rows with text, and where each stands."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, quotechar=quote, skipinitialspace=True)
    places: list[_Place] = []
    rows, begin = [], 0
    try:
        for number, row in enumerate(reader, 1):
            if any(cell.strip() for cell in row):
                places.append(_Place(number, begin, reader.line_num))
                rows.append(row)
            begin = reader.line_num
            if len(rows) == ROWS:
                break
    except csv.Error:
        return [], []
    return places, rows


# --- separators -----------------------------------------------------------------------------------------------
def _delimiter(sample: str, quote: str) -> str:
    best = max(DELIMITERS, key=lambda each: _fit(sample, each, quote))
    return " " if _fit(sample, best, quote) <= 0 and _spaced(sample) else best


def _fit(sample: str, delimiter: str, quote: str) -> float:
    """Share of the rows that have the most common number of cells; 0 or less when that is one cell."""
    rows = cells(sample, delimiter, quote)
    width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    return count / len(rows) if width > 1 else -1.0 + (delimiter == ",") / 2


def _spaced(sample: str) -> bool:
    """Columns of numbers lined up with spaces: three or more in every row, at least half of the cells numbers."""
    rows = cells(sample, " ")
    regular = len({len([cell for cell in row if cell]) for row in rows}) == 1
    every = [cell for row in rows[1:] for cell in row if cell]
    return regular and len(rows) > 2 and len(rows[0]) > 2 and sum(map(is_number, every)) > len(every) / 2


# --- numbers --------------------------------------------------------------------------------------------------
def _decimal(rows: Rows, delimiter: str) -> tuple[str, list[str]]:
    """The decimal mark of the file, and a note where it cannot be told from a thousands mark."""
    every = {cell.strip() for row in rows for cell in row}
    commas, points = ({c for c in every if mark.fullmatch(c)} for mark in (_COMMA, _POINT))
    groups = {mark: {c for c in every if pattern.fullmatch(c)} for mark, pattern in _THREE.items()}
    sure_commas, sure_points = commas - groups[","], points - groups["."]
    if not commas or sure_points or any(map(_SURE[","].fullmatch, every)):
        return ".", []
    if sure_commas:
        return ",", []
    if points or delimiter == ",":
        return ".", []
    example = min(commas)
    return ",", [f"Numbers such as {example} were read with a decimal comma; if it marks thousands, remove it."]
