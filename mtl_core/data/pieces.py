"""A large text table, parsed in pieces: memory holds the file, the table and one piece of it.

Parsed at once, a file needs several times its size for the cells that are not numbers yet. What a column is can only
be said when every piece is known: a text in the last row makes texts of all its cells, as pandas does it for a whole
file. Such columns are parsed once more, so that their texts are those of the file (`007`, not 7).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from mtl_core.registry import InvalidInput

PIECES_FROM = 50 * 10**6
"""Files of more bytes are parsed in pieces."""
PIECE_CELLS = 2_000_000
CELL_LIMIT = 100_000_000
"""Rows times columns, as in 1,000,000 rows of 100 columns."""
TOLD_CELLS = 5_000_000
"""Tables with more take seconds to look through."""
EXACT = 2**53
"""Up to here, whole numbers are what they were as float64 too."""

T = TypeVar("T")
Listener = Callable[[str, float], None]
"""Hears what is being done, and which share of it is behind us (0 to 1)."""
_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Whoever reads a large table meanwhile tells how far it is; small ones are read at once and tell nothing."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def tell(doing: str, share: float) -> None:
    """Tell whoever listens."""
    if (listener := _LISTENER.get()) is not None:
        listener(doing, min(share, 1.0))


def each_told(doing: str, items: Sequence[T], cells: int) -> Iterator[T]:
    """The items one by one; whoever listens hears how many are done, where there are many cells to go through."""
    for i, item in enumerate(items):
        if cells > TOLD_CELLS:
            tell(doing, i / len(items))
        yield item


def read_in_pieces(table: bytes, filename: str, begin: int = 0, **how: Any) -> pd.DataFrame:
    """What `pandas.read_csv` gives of the bytes from `begin` on.

    Raises `InvalidInput` when there are more cells than can be held.
    """
    pieces: dict[str, list[pd.Series]] = {}
    rows = 0
    for piece in _pieces(table, begin, f"Reading {filename}", how):
        rows += len(piece)
        if rows * len(how["names"]) > CELL_LIMIT:
            raise _too_many(filename, len(how["names"]))
        for name in piece.columns:
            pieces.setdefault(name, []).append(piece[name])
    kinds = {name: kind for name, parts in pieces.items() if (kind := _again(parts))}
    if kinds:
        pieces.update({name: [] for name in kinds})
        wanted = [how["names"].index(name) for name in kinds]
        doing = f"Reading {len(kinds):,} columns of {filename} as a whole"
        for piece in _pieces(table, begin, doing, {**how, "usecols": wanted, "dtype": kinds}):
            for name in kinds:
                pieces[name].append(piece[name])
    whole = {name: _joined(pieces.pop(name)) for name in list(pieces)}
    return pd.DataFrame(whole, copy=False)


def _pieces(table: bytes, begin: int, doing: str, how: dict[str, Any]) -> Iterator[pd.DataFrame]:
    file = io.BytesIO(table)
    file.seek(begin)
    size = max(PIECE_CELLS // len(how["names"]), 1)
    with pd.read_csv(file, chunksize=size, **how) as reader:
        for piece in reader:
            tell(doing, file.tell() / len(table))
            yield piece


def _again(parts: list[pd.Series]) -> str:
    """As what a column has to be parsed once more because its pieces differ; "" where they go together."""
    known = [part for part in parts if part.notna().any()]
    kinds = {_kind(part) for part in known}
    if not kinds <= {"int", "uint", "long", "float"}:
        return "str" if len(kinds) > 1 else ""
    if kinds & {"uint", "long"}:
        return _beyond(known, kinds, gaps=len(known) < len(parts))
    whole = [part for part in known if _kind(part) == "int"]
    large = any(max(-int(part.min()), int(part.max())) > EXACT for part in whole)
    return "float64" if large and (kinds != {"int"} or len(known) < len(parts)) else ""


def _beyond(known: list[pd.Series], kinds: set[str], gaps: bool) -> str:
    """The same where some numbers are beyond int64: long ids stay texts, but measurements are numbers."""
    if "float" in kinds:
        measured = any((part.dropna() % 1 != 0).any() for part in known if _kind(part) == "float")
        return "float64" if measured else "str"
    if "long" in kinds or gaps or any(part.min() < 0 for part in known):
        return "str"
    return "uint64" if len(kinds) > 1 else ""


def _kind(part: pd.Series) -> str:
    if pd.api.types.is_object_dtype(part.dtype):  # truth values with gaps, or numbers beyond 64 bits
        return "bool" if all(isinstance(each, bool | np.bool_) for each in part.dropna()) else "long"
    kinds = {"i": "int", "u": "uint", "f": "float", "b": "bool"}
    return "str" if pd.api.types.is_string_dtype(part.dtype) else kinds[part.dtype.kind]


def _joined(parts: list[pd.Series]) -> pd.Series:
    """One column; pieces without any value take the others' type."""
    known = [part for part in parts if part.notna().any()]
    if any(_kind(part) == "bool" for part in known) and len({part.dtype for part in parts}) > 1:
        return pd.Series(np.concatenate([part.to_numpy(object) for part in parts]), dtype=object)
    if any(_kind(part) == "str" for part in known):
        parts = [part.astype("str") for part in parts]
    return pd.concat(parts, ignore_index=True)


def _too_many(filename: str, width: int) -> InvalidInput:
    most = CELL_LIMIT // width
    return InvalidInput(f"{filename} has {width:,} columns and more than {most:,} rows; take fewer rows or columns")
