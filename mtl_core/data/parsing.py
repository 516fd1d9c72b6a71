"""Cells of a text table: parsed by pandas, and words that say "missing" found column by column.

Words are counted before they are taken as missing, so that a person can see them and keep one as a value: 无 may say
that there are no allergies, and NA is Namibia's code.
"""

from __future__ import annotations

import codecs
import io
import re
import warnings
from collections.abc import Collection, Sequence
from typing import Any, cast

import pandas as pd

from mtl_core.data.columns import short
from mtl_core.data.dialect import MISSING, Dialect
from mtl_core.data.pieces import PIECES_FROM, read_in_pieces
from mtl_core.registry import InvalidInput

Kept = Collection[tuple[str, str]]
Words = tuple[tuple[str, str, int], ...]
SHOWN = 5
"""Columns whose words a note names."""


def parse(
    content: bytes, filename: str, encoding: str, found: Dialect, names: list[str], kept: Kept
) -> tuple[pd.DataFrame, Words]:
    """The table, and (column, word, cells) for the words that were taken as missing; those in `kept` are values.

    A column with such words is parsed once more without them, for only then its numbers are numbers.
    """
    table, encoding = _table(content, encoding, found.before)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _read(table, filename, encoding, found, names, {name: [""] for name in names})
            words = tuple(each for each in _words(frame) if each[:2] not in kept)
            if words:
                emptied: dict[str, list[str]] = {}
                for name, word, _ in words:
                    emptied.setdefault(name, [""]).append(word)
                again = _read(table, filename, encoding, found, names, emptied, [names.index(name) for name in emptied])
                frame = frame.assign(**{name: again[name] for name in emptied})
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, UnicodeError) as error:
        raise InvalidInput(f"{filename} cannot be read: {_reason(str(error), len(names))}") from error
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


def _read(
    table: bytes,
    filename: str,
    encoding: str,
    found: Dialect,
    names: list[str],
    missing: dict[str, list[str]],
    columns: Sequence[int] | None = None,
) -> pd.DataFrame:
    how: dict[str, Any] = {
        "header": 0 if found.header else None,
        "skiprows": [1] if found.units else None,
        "usecols": columns,
        "encoding": encoding,
        "sep": found.delimiter,
        "decimal": found.decimal,
        "names": names,
        "index_col": False,
        "keep_default_na": False,
        "na_values": missing,
        "skipinitialspace": True,
        "low_memory": False,
    }
    if len(table) > PIECES_FROM:
        return read_in_pieces(table, filename, **how)
    frame: Any = pd.read_csv(io.BytesIO(table), **how)
    return cast(pd.DataFrame, frame)


def _words(frame: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Words that may say "missing", in columns of texts."""
    wanted = [word for word in MISSING if word]
    found: list[tuple[str, str, int]] = []
    for name in frame.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]:
        cells = frame[name]
        counts = cells[cells.isin(wanted)].value_counts()
        found += [(name, str(word), int(count)) for word, count in counts.items()]
    return found


def _table(content: bytes, encoding: str, before: str) -> tuple[bytes, str]:
    """The bytes from the names on, and their encoding: without its mark UTF-16 needs the order of its bytes."""
    if not before:
        return content, encoding
    if encoding == "utf-16":
        encoding = "utf-16-be" if content.startswith(codecs.BOM_UTF16_BE) else "utf-16-le"
        content = content.removeprefix(codecs.BOM_UTF16_BE).removeprefix(codecs.BOM_UTF16_LE)
    return content[len(before.encode(encoding, "replace")) :], encoding


def _reason(message: str, width: int) -> str:
    if found := re.search(r"in line (\d+), saw (\d+)", message):
        return f"line {found[1]} has {found[2]} cells but the header has {width}; put cells with separators in quotes"
    if found := re.search(r"EOF inside string starting at row (\d+)", message):
        return f"a quotation mark that opens near row {found[1]} is never closed; close or remove it"
    return f"rows have more cells than the header ({width}); put cells with separators in quotes"
