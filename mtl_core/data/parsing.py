"""Cells of a text table: parsed by pandas, and words that say "missing" found column by column.

Words are counted before they are taken as missing, so that a person can see them and keep one as a value. Which words
are taken and which are only proposed says `missing.py`.
"""

from __future__ import annotations

import codecs
import io
import re
import warnings
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd

from mtl_core.data.columns import short
from mtl_core.data.dialect import Dialect
from mtl_core.data.missing import STANDARD, unusual
from mtl_core.data.pieces import PIECES_FROM, read_in_pieces
from mtl_core.registry import InvalidInput

Kept = Collection[tuple[str, str]]
Words = tuple[tuple[str, str, int], ...]
LONG_ROW = 1 << 16
"""Bytes of a row from which its cells are counted before anything is made of them."""
SHOWN = 5
"""Columns whose words a note names."""


def parse(
    content: bytes, filename: str, encoding: str, found: Dialect, names: list[str], kept: Kept
) -> tuple[pd.DataFrame, Words]:
    """The table, and (column, word, cells) for the words that were taken as missing; those in `kept` are values.

    A column with such words is parsed once more without them, for only then its numbers are numbers.
    """
    begin, encoding = _begin(content, encoding, found.before)
    _check_first_row(content, begin, filename, found, len(names))
    read = partial(_read, content, filename, encoding, found, names, begin=begin)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = read({name: [""] for name in names})
            words = tuple(each for each in _words(frame) if each[:2] not in kept)
            if words:
                emptied: dict[str, list[str]] = {}
                for name, word, _ in words:
                    emptied.setdefault(name, [""]).append(word)
                again = read(emptied, [names.index(name) for name in emptied])
                frame = frame.assign(**{name: again[name] for name in emptied})
    except pd.errors.EmptyDataError as error:
        raise InvalidInput(f"{filename} has a header but no rows; add one row for each example") from error
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeError) as error:
        reason = _reason(str(error), len(names), found.lines)
        raise InvalidInput(f"{filename} cannot be read: {reason}") from error
    return frame, words


def in_words(words: Words) -> list[str]:
    """A sentence for each column in which words count as missing; beyond a few columns, how many more."""
    columns: dict[str, list[str]] = {}
    for name, word, count in words:
        columns.setdefault(name, []).append(f"{word!r} ({count:,})")
    notes = [
        f"In column {short(name)!r} these count as missing: {', '.join(found)}." for name, found in columns.items()
    ]
    more = [f"So do such words in {len(notes) - SHOWN:,} more columns."] if len(notes) > SHOWN else []
    return [*notes[:SHOWN], *more]


def doubtful(frame: pd.DataFrame) -> Words:
    """(column, word, cells) for words that may say "missing" in columns of texts: they are proposed, not taken."""
    texts = frame.columns[[pd.api.types.is_string_dtype(kind) for kind in frame.dtypes]]
    return tuple((name, word, count) for name in texts for word, count in unusual(frame[name]).items())


def in_doubt(words: Words, taken: Kept = ()) -> list[str]:
    """A sentence about words that may say "missing" and still count as values; those in `taken` count as missing."""
    left = [each for each in words if each[:2] not in taken]
    if not left:
        return []
    shown = ", ".join(f"{word!r} in column {short(name)!r} ({count:,})" for name, word, count in left[:SHOWN])
    more = f" and {len(left) - SHOWN:,} more" if len(left) > SHOWN else ""
    return [f"May say that a value is missing, but counts as a value until you say so: {shown}{more}."]


def _read(
    table: bytes,
    filename: str,
    encoding: str,
    found: Dialect,
    names: list[str],
    missing: dict[str, list[str]],
    columns: Sequence[int] | None = None,
    *,
    begin: int,
) -> pd.DataFrame:
    how: dict[str, Any] = {
        "header": None,
        "usecols": columns,
        "encoding": encoding,
        "sep": found.delimiter,
        "quotechar": found.quote,
        "decimal": found.decimal,
        "names": names,
        "index_col": False,
        "keep_default_na": False,
        "na_values": missing,
        "skipinitialspace": True,
        "low_memory": False,
    }
    if len(table) > PIECES_FROM:
        return read_in_pieces(table, filename, begin, **how)
    file = io.BytesIO(table)
    file.seek(begin)
    frame: Any = pd.read_csv(file, **how)
    return cast(pd.DataFrame, frame)


def _words(frame: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Words that programs write where there is no value, in columns of texts."""
    wanted = [word for word in STANDARD if word]
    found: list[tuple[str, str, int]] = []
    for name in frame.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]:
        cells = frame[name]
        counts = cells[cells.isin(wanted)].value_counts()
        found += [(name, str(word), int(count)) for word, count in counts.items()]
    return found


def _begin(content: bytes, encoding: str, before: str) -> tuple[int, str]:
    """Where the data begin in the bytes, and their encoding from there on: without its mark UTF-16 needs the order."""
    if not before:
        return 0, encoding
    if encoding != "utf-16":
        return len(before.encode(encoding, "replace")), encoding
    order = "utf-16-be" if content.startswith(codecs.BOM_UTF16_BE) else "utf-16-le"
    mark = len(codecs.BOM_UTF16_LE) * content.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE))
    return mark + len(before.encode(order)), order


def _check_first_row(content: bytes, begin: int, filename: str, found: Dialect, width: int) -> None:
    """pandas holds every later row against the names, and makes as many columns as the first row has cells."""
    end = content.find(b"\n", begin)
    if (end if end >= 0 else len(content)) - begin <= LONG_ROW:
        return
    row = np.frombuffer(content, np.uint8, (end if end >= 0 else len(content)) - begin, begin)
    quoted = np.bitwise_xor.accumulate(row == ord(found.quote))
    if np.count_nonzero((row == ord(found.delimiter)) & ~quoted) > 2 * width:
        raise InvalidInput(
            f"{filename} cannot be read: line {found.lines + 1} has more cells than the header ({width})"
        )


def _reason(message: str, width: int, lines: int) -> str:
    """lines: of the file that stand before the data."""
    if found := re.search(r"in line (\d+), saw (\d+)", message):
        line = int(found[1]) + lines
        return f"line {line} has {found[2]} cells but the header has {width}; put cells with separators in quotes"
    if found := re.search(r"EOF inside string starting at row (\d+)", message):
        row = int(found[1]) + lines
        return f"a quotation mark that opens near row {row} is never closed; close or remove it"
    return f"rows have more cells than the header ({width}); put cells with separators in quotes"
