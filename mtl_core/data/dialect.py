"""How a text table is laid out: where it begins, what separates its cells, whether it has names, how it writes numbers.

Decided on the first rows; `numbers.py` checks what a decimal or thousands mark does to a whole column.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

from mtl_core.data.headers import Rows, find_head, is_number, remarks_before

DELIMITERS = ("\t", ";", "|", ",")
"""Where two fit equally well, the first is taken: commas may also be decimal marks."""
WORDS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma", " ": "space"}
ROWS = 1000

_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.I)
_SINGLE = re.compile(r"(?:^|[,;\t|])\s*'[^']*'\s*(?:$|[,;\t|])")
_COMMA, _POINT = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+"), re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)\.\d+")
_THREE = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(mark)}\d{{3}})+") for mark in ",."}
_SURE = {mark: re.compile(rf"[+-]?\d{{1,3}}({re.escape(mark)}\d{{3}}){{2,}}") for mark in ",."}


@dataclass(frozen=True)
class Dialect:
    """The layout of one file.

    before: all text before the first row of data, names included, in `lines` lines; rows: cells of the first rows of
    the table, names first where `header` is true; notes: what a person should check.
    """

    delimiter: str
    quote: str
    decimal: str
    header: bool
    before: str
    lines: int
    rows: Rows
    notes: tuple[str, ...]


def find_dialect(sample: str) -> Dialect | None:
    """The layout of a sample of whole lines; None when it holds no row of cells."""
    told = _SEPARATOR.fullmatch(sample.split("\n", 1)[0].rstrip("\r"))
    quote = _quote(sample)
    delimiter = told[1] if told and told[1] in WORDS else _delimiter(sample, quote)
    lines, rows = _numbered(sample, delimiter, quote)
    skipped, notes = remarks_before(rows, told is not None)
    if not rows[skipped:]:
        return None
    head = find_head(rows[skipped:])
    begin = skipped + head.count
    first = lines[begin][0] if begin < len(lines) else lines[-1][1]
    before = "".join(list(io.StringIO(sample, newline=""))[:first])
    table = [head.names, *rows[begin:]] if head.count else rows[begin:]
    decimal, doubt = _decimal(table, delimiter)
    return Dialect(delimiter, quote, decimal, head.count > 0, before, first, table, (*notes, *head.notes, *doubt))


def cells(sample: str, delimiter: str, quote: str = '"') -> Rows:
    """Rows of cells; rows without any text are left out."""
    return _numbered(sample, delimiter, quote)[1]


def _quote(sample: str) -> str:
    """What stands around cells: an apostrophe where it does so in most lines and no quotation mark is there."""
    lines = sample.splitlines()[:ROWS]
    single = sum(_SINGLE.search(line) is not None for line in lines)
    return "'" if '"' not in sample and 2 * single > len(lines) else '"'


def _numbered(sample: str, delimiter: str, quote: str) -> tuple[list[tuple[int, int]], Rows]:
    """Rows with text, and the lines of the file that each stands on (first, one past the last)."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, quotechar=quote, skipinitialspace=True)
    lines, rows, begin = [], [], 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                lines.append((begin, reader.line_num))
                rows.append(row)
            begin = reader.line_num
            if len(rows) == ROWS:
                break
    except csv.Error:
        return [], []
    return lines, rows


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
