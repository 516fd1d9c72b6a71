"""How a text table is laid out: where it begins, what separates its cells, whether it has names, how it writes numbers.

Decided on the first rows; `numbers.py` checks what a decimal or thousands mark does to a whole column.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

DELIMITERS = ("\t", ";", "|", ",")
"""Where two fit equally well, the first is taken: commas may also be decimal marks."""
WORDS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma", " ": "space"}
MISSING = ["", "NA", "N/A", "n/a", "na", "#N/A", "NaN", "nan", "NULL", "null", "?", "无"]
ROWS = 1000

_COMMENT = re.compile(r"\s*(#|%|//)")
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.I)
_YEAR = re.compile(r"(19|20)\d\d")
_COMMA, _POINT = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+"), re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)\.\d+")
_THREE = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(mark)}\d{{3}})+") for mark in ",."}
_SURE = {mark: re.compile(rf"[+-]?\d{{1,3}}({re.escape(mark)}\d{{3}}){{2,}}") for mark in ",."}

Rows = list[list[str]]


@dataclass(frozen=True)
class Dialect:
    """The layout of one file.

    before: text that stands before the table; units: the row below the names is no data; rows: cells of the first
    rows of the table, names first where `header` is true; notes: what a person should check.
    """

    delimiter: str
    decimal: str
    header: bool
    before: str
    units: bool
    rows: Rows
    notes: tuple[str, ...]


def find_dialect(sample: str) -> Dialect | None:
    """The layout of a sample of whole lines; None when it holds no row of cells."""
    told = _SEPARATOR.fullmatch(sample.split("\n", 1)[0].rstrip("\r"))
    delimiter = told[1] if told and told[1] in WORDS else _delimiter(sample)
    lines, rows = _numbered(sample, delimiter)
    skipped, notes = _before(rows, lines, told is not None)
    lines, rows = lines[skipped:], rows[skipped:]
    if not rows:
        return None
    before = "".join(list(io.StringIO(sample, newline=""))[: lines[0][0]])
    header = _has_names(rows)
    units = header and _is_units(rows) and lines[1] == (lines[0][0] + 1, lines[0][0] + 2)
    if units:
        notes = [*notes, f"The second row ({_shown(rows[1])}) holds no data (units, it seems); it was left out."]
        rows = [rows[0], *rows[2:]]
    decimal, doubt = _decimal(rows, delimiter)
    return Dialect(delimiter, decimal, header, before, units, rows, (*notes, *doubt))


def cells(sample: str, delimiter: str) -> Rows:
    """Rows of cells; rows without any text are left out."""
    return _numbered(sample, delimiter)[1]


def is_number(cell: str) -> bool:
    """A number with either decimal mark, or a word for a missing one."""
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return cell.strip() in MISSING
    return True


def _numbered(sample: str, delimiter: str) -> tuple[list[tuple[int, int]], Rows]:
    """Rows with text, and the lines of the file that each stands on (first, one past the last)."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=True)
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
def _delimiter(sample: str) -> str:
    best = max(DELIMITERS, key=lambda each: _fit(sample, each))
    return " " if _fit(sample, best) <= 0 and _spaced(sample) else best


def _fit(sample: str, delimiter: str) -> float:
    """Share of the rows that have the most common number of cells; 0 or less when that is one cell."""
    rows = cells(sample, delimiter)
    width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    return count / len(rows) if width > 1 else -1.0 + (delimiter == ",") / 2


def _spaced(sample: str) -> bool:
    """Columns of numbers lined up with spaces: three or more in every row, at least half of the cells numbers."""
    rows = cells(sample, " ")
    regular = len({len([cell for cell in row if cell]) for row in rows}) == 1
    every = [cell for row in rows[1:] for cell in row if cell]
    return regular and len(rows) > 2 and len(rows[0]) > 2 and sum(map(is_number, every)) > len(every) / 2


# --- where the table begins -----------------------------------------------------------------------------------
def _before(rows: Rows, lines: list[tuple[int, int]], told: bool) -> tuple[int, list[str]]:
    """How many rows stand before the table (comments, a title), and a note that says so."""
    if not rows:
        return 0, []
    width = Counter(map(len, rows)).most_common(1)[0][0]
    count = next((i for i, row in enumerate(rows) if not _is_remark(row, width)), 0)
    count = max(count, int(told))
    if count == told:
        return count, []
    return count, [f"What stands before the table was left out as a title or comments ({_shown(rows[told])})."]


def _is_remark(row: list[str], width: int) -> bool:
    full = sum(bool(cell.strip()) for cell in row)
    if _COMMENT.match(row[0]):
        return len(row) != width
    return width > 2 and full == 1 and len(row) != width


def _has_names(rows: Rows) -> bool:
    """Names are what differs from the cells below: no numbers over columns of numbers."""
    first = rows[0]
    if all(is_number(cell) for cell in first if cell.strip()):
        return _are_years(rows)
    below = [column for column in range(len(first)) if _is_numeric(rows, column)]
    numbers = [column for column in below if first[column].strip() and is_number(first[column])]
    return not below or len(numbers) < len(below) or _are_years(rows)


def _is_numeric(rows: Rows, column: int) -> bool:
    """Every known cell below the first row is a number, and there is one."""
    known = [row[column] for row in rows[1:] if column < len(row) and row[column].strip() not in MISSING]
    return bool(known) and all(map(is_number, known))


def _are_years(rows: Rows) -> bool:
    """The numbers among the names are different years in order, and the cells below them are not."""
    years = [(i, cell.strip()) for i, cell in enumerate(rows[0]) if cell.strip() and is_number(cell)]
    texts = [text for _, text in years]
    if len(years) < 2 or not all(map(_YEAR.fullmatch, texts)) or texts != sorted(set(texts)):
        return False
    return not any(_YEAR.fullmatch(row[i].strip()) for row in rows[1:] for i, _ in years if i < len(row))


def _is_units(rows: Rows) -> bool:
    """A second row of words over columns that are otherwise all numbers."""
    if len(rows) < 5:
        return False
    below = [column for column in range(len(rows[0])) if _is_numeric(rows[1:], column)]
    words = [column for column in below if column < len(rows[1]) and not is_number(rows[1][column])]
    return len(words) > 1 and 2 * len(words) >= len(below)


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


def _shown(row: list[str]) -> str:
    text = " ".join(" ".join(cell.split()) for cell in row if cell.strip())
    return repr(text if len(text) <= 40 else f"{text[:39]}…")
