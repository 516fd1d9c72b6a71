"""From the bytes of a table to a frame: what wraps it, encoding, layout, missing cells.

Nothing is turned silently into something else: whatever was decided or changed stands in the `Reading`.
"""

from __future__ import annotations

import codecs
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from mtl_core.data.columns import short
from mtl_core.data.containers import Unpacked, unpack
from mtl_core.data.dialect import WORDS, Dialect, Top, find_dialect, top_rows
from mtl_core.data.encodings import decodes, detect
from mtl_core.data.headers import is_number
from mtl_core.data.leftovers import cleaned
from mtl_core.data.numbers import among_words, with_thousands
from mtl_core.data.parsing import Kept, Words, doubtful, in_words, parse
from mtl_core.data.read_as import AS_FOUND, AUTOMATIC, ReadAs
from mtl_core.data.sampling import draw, too_many_cells
from mtl_core.registry import InvalidInput
from mtl_core.settings import DISK_LIMIT_MB

SAMPLE_BYTES = 1 << 18
COLUMN_LIMIT = 2000


@dataclass(frozen=True)
class Reading:
    """How a file was read. notes: sentences about what was decided or changed, for the person to check.

    wrapping: "", "gzip", "zip", "Excel" or "Parquet". others: encodings that are plausible too (a person decides).
    words: (column, word, cells): words such as NA that were taken as missing. doubts: words such as ? that may say so
    too and are still values. drawn_from: rows of the file, where these are some of them; 0 where they are all.
    asked: what a person said of it. head, first: the rows of the file with the names and with the first data, counted
    from 1. top: its first rows as they stand there. sheets: of a workbook, the one that was read first.
    """

    filename: str
    encoding: str
    delimiter: str
    decimal: str
    header: bool
    rows: int
    columns: int
    notes: tuple[str, ...] = ()
    wrapping: str = ""
    others: tuple[str, ...] = ()
    words: Words = ()
    doubts: Words = ()
    drawn_from: int = 0
    asked: ReadAs = AS_FOUND
    head: tuple[int, ...] = ()
    first: int = 1
    top: Top = ()
    sheets: tuple[str, ...] = ()

    def in_words(self) -> str:
        """Where names and data are and what stands between cells, in a line; "" where the file says it itself."""
        if not self.top:
            return ""
        rows = " and ".join(map(str, self.head))
        names = f"names in row{'s' if len(self.head) > 1 else ''} {rows}" if self.head else "no row with names"
        last = [f"sheet {short(self.sheets[0])!r}"] if self.sheets else [f"a {WORDS[self.delimiter]} between cells"]
        written = [] if self.sheets else [self.encoding.removesuffix("-sig")]
        return ", ".join([names, f"data from row {self.first}", *last, *written])


def read_table(
    content: bytes | Path,
    filename: str,
    asked: ReadAs = AS_FOUND,
    kept: Kept = (),
    rows: int = 0,
    drawn_from: int = 0,
) -> tuple[pd.DataFrame, Reading]:
    """The table in a file, and how it was read; `asked` is a person's word against what would be detected.

    kept: (column, word) pairs: words that usually say "missing" and are values here. rows: how many are drawn of a
    table that is too large to be held; 0 = as many as are proposed. drawn_from: the content holds rows that were drawn
    before from so many.

    Raises `InvalidInput` with one sentence when there is no table.
    """
    inside = opened(content, filename, asked, rows)
    if drawn_from:
        inside = replace(inside, drawn_from=drawn_from)
    return read_opened(inside, filename, asked, kept)


def opened(content: bytes | Path, filename: str, asked: ReadAs = AS_FOUND, rows: int = 0) -> Unpacked:
    """What is inside a file, held in memory: all of it, or rows drawn of what is too large. Raises `InvalidInput`."""
    check_size(content.stat().st_size if isinstance(content, Path) else len(content), filename)
    if isinstance(content, bytes):
        _check_any(content, filename)
    inside = unpack(content, filename, rows, asked.sheet)
    _check_fits(asked, inside.wrapping, filename)
    if inside.frame is None and inside.large is None:
        _check_any(inside.content, filename)
        inside = replace(inside, large=too_many_cells(inside.content, filename, asked))
    if inside.large is None:
        return inside
    drawn = draw(inside.large, filename, asked, rows)
    return replace(inside, content=drawn.content, large=None, drawn_from=drawn.rows)


def read_opened(
    inside: Unpacked, filename: str, asked: ReadAs = AS_FOUND, kept: Kept = ()
) -> tuple[pd.DataFrame, Reading]:
    """The table in what `opened` gave, and how it was read."""
    if inside.frame is not None:
        return _typed(inside.frame, inside, filename)
    return _text(inside, filename, asked, kept)


def first_rows(content: bytes, filename: str, asked: ReadAs = AS_FOUND) -> Top:
    """The first rows of a text table or workbook as they stand there. Raises `InvalidInput`."""
    inside = unpack(content, filename, sheet=asked.sheet)
    encoding = _checked(inside.content, asked, filename) or detect(inside.content)[0]
    return top_rows(_sample(inside.content, encoding, filename), asked)


def check_size(size: int, filename: str, limit_mb: int = DISK_LIMIT_MB) -> None:
    """Raise `InvalidInput` when a file of `size` bytes is too large to be gone through."""
    if size > limit_mb * 10**6:
        megabytes = -(-size // 10**6)
        raise InvalidInput(f"{filename} has {megabytes} MB; at most {limit_mb:,} can be read, so take fewer rows")


def _check_any(content: bytes, filename: str) -> None:
    signs = b" \t\r\n\xef\xbb\xbf,;|"
    if not content[:SAMPLE_BYTES].strip(signs) and not content.strip(signs):  # stripping copies a large file
        raise InvalidInput(f"{filename} is empty; choose a file with a header and one row for each example")


def _check_fits(asked: ReadAs, wrapping: str, filename: str) -> None:
    """A person's word is about something that the file has."""
    if wrapping == "Parquet" and asked != AS_FOUND:
        raise InvalidInput(f"{filename} is a Parquet file, which says itself how it is read; leave that as found")
    if wrapping == "Excel" and (asked.encoding, asked.delimiter) != (AUTOMATIC, AUTOMATIC):
        raise InvalidInput(f"{filename} is a workbook, whose encoding and separator are known; leave these automatic")
    if wrapping != "Excel" and asked.sheet:
        raise InvalidInput(f"{filename} is no workbook, so it has no sheet {asked.sheet!r}; leave the sheet out")


def _text(inside: Unpacked, filename: str, asked: ReadAs, kept: Kept) -> tuple[pd.DataFrame, Reading]:
    content = inside.content
    chosen = _checked(content, asked, filename)
    encoding, others = (chosen, ()) if chosen else detect(content)
    if b"\0" in content and not encoding.startswith("utf-16"):
        raise InvalidInput(f"{filename} has a NUL byte, so it is no text table or it is damaged; save it as CSV again")
    found = find_dialect(_sample(content, encoding, filename), asked)
    if found is None:
        raise InvalidInput(f"{filename} has no rows of cells at its beginning; save it as CSV again")
    width = max(len(found.rows[0]), Counter(map(len, found.rows)).most_common(1)[0][0])
    given = found.rows[0] if found.header else []
    names, renamed = _names(given, width, filename)
    parsed, words = parse(content, filename, encoding, found, names, kept)
    frame, left_out = cleaned(parsed, given if found.header else names, found.decimal, asked.every_row)
    frame, grouped = _numbers(frame, found.decimal)
    if frame.empty:
        raise InvalidInput(f"{filename} has a header but no rows; add one row for each example")
    said = [] if inside.wrapping == "Excel" else _said(encoding, others, found.delimiter, asked)
    said = [*([f"Read as you said: {asked.in_words()}."] if asked.in_words() else []), *said]
    words = tuple(each for each in words if each[0] in frame)
    notes = [
        *_drawn(inside, len(frame)),
        *inside.notes,
        *said,
        *_layout(found, asked),
        *found.notes,
        *renamed,
        *left_out,
    ]
    notes += [*_empty(frame, words), *grouped]
    facts = (filename, encoding, found.delimiter, found.decimal, found.header, *frame.shape)
    more = (inside.wrapping, others, words, doubtful(frame), inside.drawn_from)
    top = (asked, found.head, found.first, found.top, inside.sheets)
    return frame, Reading(*facts, tuple(notes), *more, *top)


def _drawn(inside: Unpacked, rows: int) -> list[str]:
    if not inside.drawn_from:
        return []
    held = "which is more than can be held at once"
    return [f"The file has {inside.drawn_from:,} rows, {held}; these are {rows:,} drawn at random and evenly over it."]


def _typed(frame: pd.DataFrame, inside: Unpacked, filename: str) -> tuple[pd.DataFrame, Reading]:
    """A table that came with its own names and types."""
    given = [str(name) for name in frame.columns]
    names, renamed = _names(given, len(given), filename)
    frame, left_out = cleaned(frame.set_axis(names, axis=1), given)
    if frame.empty:
        raise InvalidInput(f"{filename} has no rows; add one row for each example")
    notes = (*_drawn(inside, len(frame)), *inside.notes, *renamed, *left_out, *_empty(frame))
    more: dict[str, Any] = {"wrapping": inside.wrapping, "doubts": doubtful(frame), "drawn_from": inside.drawn_from}
    return frame, Reading(filename, "utf-8", "", ".", True, *frame.shape, notes, **more)


def _checked(content: bytes, asked: ReadAs, filename: str) -> str:
    """The encoding that a person says, "" where none is said."""
    if asked.encoding == AUTOMATIC:
        return ""
    if not decodes(content, asked.encoding):
        raise InvalidInput(f"{filename} is not written in {asked.encoding!r}; choose another encoding")
    return asked.encoding


def _sample(content: bytes, encoding: str, filename: str) -> str:
    """The first whole lines as text."""
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(content[:SAMPLE_BYTES])
    if len(content) <= SAMPLE_BYTES:
        return text
    whole = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    if not whole:
        raise InvalidInput(f"{filename} has a first line of more than 256 kB; put each row on a line of its own")
    return whole


def _names(header: list[str], width: int, filename: str) -> tuple[list[str], list[str]]:
    """Unique column names, and notes about those that had to be made up or changed."""
    if width > COLUMN_LIMIT:
        raise InvalidInput(f"{filename} has {width} columns; at most {COLUMN_LIMIT} can be read; leave some out")
    given = [" ".join(cell.split()) for cell in header] + [""] * (width - len(header))
    names: list[str] = []
    notes: list[str] = []
    for i, name in enumerate(given):
        unique, copy = name or f"column {i + 1}", 1
        while unique in names or (unique != name and unique in given):
            copy += 1
            unique = f"{name or f'column {i + 1}'} ({copy})"
        if name and unique != name:
            notes.append(f"The name {name!r} stands over several columns; column {i + 1} is now called {unique!r}.")
        names.append(unique)
    return names, notes


def _said(encoding: str, others: tuple[str, ...], delimiter: str, asked: ReadAs) -> list[str]:
    notes = []
    if not encoding.startswith("utf") and asked.encoding != AUTOMATIC:
        notes.append(f"Letters were read as {encoding}. Check that names and texts look right.")
    elif not encoding.startswith("utf"):
        doubt = f" It could also be {' or '.join(others)}." if others else ""
        notes.append(f"The file is not UTF-8; it was read as {encoding}.{doubt} Check that names and texts look right.")
    if delimiter != "," and asked.delimiter == AUTOMATIC:
        notes.append(f"Cells are separated by a {WORDS[delimiter]}.")
    return notes


def _layout(found: Dialect, asked: ReadAs) -> list[str]:
    notes = ["Numbers have a decimal comma."] if (found.decimal, asked.decimal) == (",", AUTOMATIC) else []
    if not found.header and asked.names == AUTOMATIC:
        why = "holds numbers" if any(map(is_number, filter(str.strip, found.rows[0]))) else "reads like those below it"
        notes.append(f"The first row {why}, so it was read as data; columns are called column 1, column 2, ...")
    return notes


# --- cells ----------------------------------------------------------------------------------------------------
def _empty(frame: pd.DataFrame, words: Words = ()) -> list[str]:
    """What counts as missing: empty cells, and words column by column."""
    empty = int(frame.isna().sum().sum()) - sum(count for *_, count in words)
    return [*([f"Empty cells count as missing ({empty:,})."] if empty > 0 else []), *in_words(words)]


def _numbers(frame: pd.DataFrame, decimal: str) -> tuple[pd.DataFrame, list[str]]:
    """Columns of numbers with thousands marks as numbers, each with a note."""
    notes, found = [], {}
    for name in frame.columns[[pd.api.types.is_string_dtype(kind) for kind in frame.dtypes]]:
        column, mark = with_thousands(frame[name], decimal)
        if mark:
            found[name] = column
            notes.append(f"Column {name!r} has numbers with {mark!r} between thousands; they were read as numbers.")
        elif (written := among_words(column, decimal)) is not column:
            found[name] = written
    return frame.assign(**found), notes
