"""Rows of a text table that is too large to be held: drawn at random and evenly over the whole, in bounded memory.

The text is gone through twice, once to count its rows and once to take the chosen ones as they stand there, so that
whatever is decided later (encoding, marks, types) is decided on the file's own text. The draw depends on the numbers
of rows alone: the same file gives the same rows.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mtl_core.data.dialect import find_dialect
from mtl_core.data.encodings import detect
from mtl_core.data.pieces import CELL_LIMIT, tell
from mtl_core.data.read_as import AS_FOUND, AUTOMATIC, ReadAs
from mtl_core.registry import InvalidInput
from mtl_core.settings import UPLOAD_LIMIT_MB

DRAWN_ROWS = 100_000
"""So many rows are drawn where nobody asks for another number."""
DRAWN_CELLS, DRAWN_BYTES = 20_000_000, 100 * 10**6
"""But no more than these."""
HEAD_BYTES = 1 << 18
_BLOCK, _ROW_LIMIT = 1 << 22, 1 << 26
_QUOTE, _FEED, _RETURN = b'"\n\r'

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Large:
    """A text that is not held in memory. opened: opens it anew. share: how far an opened one has been read, 0 to 1.

    limit_mb: beyond so many megabytes it is not gone through.
    """

    opened: Callable[[], Any]
    share: Callable[[Any], float]
    limit_mb: int

    @classmethod
    def of(cls, opened: Callable[[], BinaryIO], size: int, limit_mb: int) -> Large:
        return cls(opened, lambda file: file.tell() / max(size, 1), limit_mb)


@dataclass(frozen=True)
class Drawn:
    """content: what stands above the data, and the drawn rows, as in the file. rows: of the whole table."""

    content: bytes
    rows: int


class _EndlessError(Exception):
    """A row that does not end: a quotation mark that is never closed, or no line ends at all."""


def draw(large: Large, filename: str, asked: ReadAs = AS_FOUND, rows: int = 0) -> Drawn:
    """At most `rows` rows of a table (0 = as many as are proposed). Raises `InvalidInput` when it holds no rows.

    The first row is among them where no names stand above it, so that a person can still say that it holds them.
    """
    with large.opened() as file:
        first = file.read(HEAD_BYTES)
    wide = _wide(first, asked)
    if not wide and b"\0" in first:
        raise InvalidInput(f"{filename} has a NUL byte, so it is no text table or it is damaged; save it as CSV again")
    head, width = _head(first, wide, asked, filename)
    source = _Source(large, filename, wide, len(head))
    try:
        found = source.drawn(width, rows, quotes=True)
    except _EndlessError:
        try:
            found = source.drawn(width, rows, quotes=False)
        except _EndlessError as error:
            raise InvalidInput(f"{filename} has a row of more than {_ROW_LIMIT >> 20} MB; put rows on lines") from error
    content = head + b"".join(found[0])
    return Drawn(content.decode("utf-8", "replace").encode(wide) if wide else content, found[1])


def is_text(content: bytes) -> bool:
    """It begins like a text: zero bytes are there only where the encoding has them."""
    first = content[:HEAD_BYTES]
    return b"\0" not in first or bool(_wide(first, AS_FOUND))


def too_many_cells(content: bytes, filename: str, asked: ReadAs = AS_FOUND) -> Large | None:
    """The text itself as one to draw rows of, where it has more cells than can be held; else None."""
    if len(content) <= 2 * CELL_LIMIT:
        return None
    width = _head(content[:HEAD_BYTES], _wide(content[:HEAD_BYTES], asked), asked, filename)[1]
    if content.count(b"\n") * width <= CELL_LIMIT:
        return None
    return Large.of(lambda: io.BytesIO(content), len(content), UPLOAD_LIMIT_MB)


def chosen(total: int, wanted: int) -> Places:
    """Which of `total` rows are drawn: one at random from each of `wanted` equal parts, in order."""
    edges = np.arange(wanted + 1, dtype=np.int64) * total // wanted
    within = np.random.default_rng([total, wanted]).random(wanted) * np.diff(edges)
    places: Places = edges[:-1] + within.astype(np.int64)
    return places


def wanted_rows(total: int, width: int, size: int, rows: int) -> int:
    """How many rows are drawn of a table of so many rows, columns and bytes, where `rows` are asked for (0 = any)."""
    if rows:
        return min(rows, total, CELL_LIMIT // width, max(UPLOAD_LIMIT_MB * 10**6 * total // max(size, 1), 1))
    return max(min(DRAWN_ROWS, total, DRAWN_CELLS // width, DRAWN_BYTES * total // max(size, 1)), 1)


def _written(first: bytes, asked: ReadAs) -> str:
    """The encoding, as said or as found."""
    return detect(first)[0] if asked.encoding == AUTOMATIC else asked.encoding


def _wide(first: bytes, asked: ReadAs) -> str:
    """The encoding where its signs have zero bytes, which hide line ends; "" where it is any other."""
    found = _written(first, asked)
    return found if found.startswith("utf-16") else ""


def _head(first: bytes, wide: str, asked: ReadAs, filename: str) -> tuple[bytes, int]:
    """What stands above the data, as UTF-8 where the text is UTF-16, and the number of columns."""
    if wide:
        text, written = codecs.getincrementaldecoder(wide)(errors="replace").decode(first), "utf-8"
    else:
        first = first[: max(first.rfind(b"\n"), first.rfind(b"\r")) + 1] or first
        written = _written(first, asked)
        text = first.decode(written, "replace")
    found = find_dialect(text[: max(text.rfind("\n"), text.rfind("\r")) + 1], asked)
    if found is None:
        raise InvalidInput(f"{filename} has no rows of cells at its beginning; save it as CSV again")
    return found.before.encode(written, "replace"), max(map(len, found.rows))


@dataclass(frozen=True)
class _Source:
    """The rows of a text. wide: its encoding where that has to become UTF-8 first. begin: where the data begin."""

    large: Large
    filename: str
    wide: str
    begin: int

    def drawn(self, width: int, rows: int, quotes: bool) -> tuple[list[bytes], int]:
        """The drawn rows in order, and the number of all rows."""
        total = size = 0
        for _, starts, ends in self.rows(quotes, "Counting the rows of"):
            total += len(starts)
            size += int((ends - starts).sum())
        if not total:
            raise InvalidInput(f"{self.filename} has a header but no rows; add one row for each example")
        wanted = chosen(total, wanted_rows(total, width, size, rows))
        if not self.begin:
            wanted[0] = 0
        found: list[bytes] = []
        seen = 0
        for block, starts, ends in self.rows(quotes, "Drawing rows of"):
            here = wanted[slice(*np.searchsorted(wanted, [seen, seen + len(starts)]))] - seen
            found += [block[starts[i] : ends[i]] + b"\n" for i in here]
            seen += len(starts)
        return found, total

    def rows(self, quotes: bool, doing: str) -> Iterator[tuple[bytes, Places, Places]]:
        """Blocks of text, and where in each the rows that are not blank start and end.

        quotes: a line end between quotation marks is none. Raises `_EndlessError`.
        """
        rest, inside, skip, mark = b"", False, self.begin, 0
        for block in self.blocks(doing):
            here, skip = block[skip:], max(skip - len(block), 0)
            mark = mark or (_FEED if b"\n" in here or b"\r" not in here else _RETURN)
            ends, odd = _ends(here, mark, inside, quotes)
            inside ^= odd
            rest, begin = rest + here, len(rest)
            if len(ends):
                yield rest, *_full(rest, ends + begin)
                rest = rest[begin + int(ends[-1]) + 1 :]
            elif len(rest) > _ROW_LIMIT:
                raise _EndlessError
        if inside and quotes:
            raise _EndlessError
        if rest.strip():
            yield rest, np.array([0]), np.array([len(rest)])

    def blocks(self, doing: str) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.wide)(errors="replace") if self.wide else None
        size = 0
        with self.large.opened() as file:
            while block := file.read(_BLOCK):
                size += len(block)
                if size > self.large.limit_mb * 10**6:
                    limit = f"{self.large.limit_mb:,} MB"
                    raise InvalidInput(f"{self.filename} holds more than {limit}, which is too much; take fewer rows")
                tell(f"{doing} {self.filename}", self.large.share(file))
                yield decoder.decode(block).encode() if decoder else block


def _ends(block: bytes, mark: int, inside: bool, quotes: bool) -> tuple[Places, bool]:
    """Where rows end in a block, and whether it has an odd number of quotation marks."""
    signs = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(signs == mark)
    if not quotes:
        return ends, False
    marks = np.flatnonzero(signs == _QUOTE)
    return ends[(np.searchsorted(marks, ends) + inside) % 2 == 0], len(marks) % 2 == 1


def _full(text: bytes, ends: Places) -> tuple[Places, Places]:
    """Starts and ends of the rows that are not blank."""
    starts = np.concatenate([[0], ends[:-1] + 1])
    signs = np.frombuffer(text, np.uint8)
    full = (ends - starts > 1) | ((ends - starts == 1) & (signs[starts] != _RETURN))
    return starts[full], ends[full]
