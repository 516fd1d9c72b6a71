"""What a file is wrapped in: compressed text, a workbook, a Parquet table. Unpacked within stated bounds.

A small file may claim to unpack to terabytes (a zip bomb), so sizes are checked before or while unpacking.
"""

from __future__ import annotations

import gzip
import io
import warnings
import zipfile
import zlib
from dataclasses import dataclass

import pandas as pd

from mtl_core.data.pieces import CELL_LIMIT
from mtl_core.registry import InvalidInput
from mtl_core.settings import UPLOAD_LIMIT_MB

UNPACKED_LIMIT_MB = UPLOAD_LIMIT_MB
"""Compressed text is read up to this size."""
WORKBOOK_LIMIT_MB = 200
"""So is a workbook: its reader needs many times its size."""
COLUMNS_LIMIT_MB = 8 * CELL_LIMIT // 10**6
"""And so is a Parquet table: 8 bytes for each cell."""
_CHUNK = 1 << 20
_REFUSED = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"SQLite format 3": "a database",
}


@dataclass(frozen=True)
class Unpacked:
    """What was inside: the bytes of a text table, or a frame where the file knows its own types.

    wrapping: "" (plain text), "gzip", "zip", "Excel" or "Parquet". notes: sentences about what was chosen inside.
    """

    content: bytes
    wrapping: str = ""
    frame: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()


def unpack(content: bytes, filename: str) -> Unpacked:
    """The table inside a file. Raises `InvalidInput` with one sentence when there is none that can be read."""
    for magic, what in _REFUSED.items():
        if content.startswith(magic):
            raise InvalidInput(f"{filename} is {what}, not a text table; save it as CSV and choose that file")
    for magic, opened in _OPENERS.items():
        if content.startswith(magic):
            return opened(content, filename)
    return Unpacked(content)


def _gzip(content: bytes, filename: str) -> Unpacked:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            text = file.read(UNPACKED_LIMIT_MB * 10**6 + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(f"{filename} is a compressed file that is damaged; compress it again") from error
    if len(text) > UNPACKED_LIMIT_MB * 10**6:
        raise _too_large(filename, UNPACKED_LIMIT_MB)
    return Unpacked(text, "gzip")


def _zip(content: bytes, filename: str) -> Unpacked:
    """A workbook, or an archive with one text table in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [each for each in archive.infolist() if not each.is_dir()]
            book = any(each.filename == "xl/workbook.xml" for each in entries)
            limit = WORKBOOK_LIMIT_MB if book else UNPACKED_LIMIT_MB
            if sum(each.file_size for each in entries) > limit * 10**6:
                raise _too_large(filename, limit)
            if book:
                return _excel(content, filename)
            return _only_member(archive, [each for each in entries if "__MACOSX" not in each.filename], filename)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidInput(
            f"{filename} is an Excel workbook or zip archive that is damaged or locked; save it as CSV"
        ) from error


def _only_member(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], filename: str) -> Unpacked:
    if len(entries) != 1:
        raise InvalidInput(f"{filename} is an archive of {len(entries)} files; choose the one table that is meant")
    with archive.open(entries[0]) as member:
        text = member.read(UNPACKED_LIMIT_MB * 10**6 + 1)
    if len(text) > UNPACKED_LIMIT_MB * 10**6:
        raise _too_large(filename, UNPACKED_LIMIT_MB)
    return Unpacked(text, "zip", notes=(f"The archive holds one file, {entries[0].filename!r}; it was read.",))


def _excel(content: bytes, filename: str) -> Unpacked:
    """The first sheet with cells, as the text that a spreadsheet program would save."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks about styles that a table has no use for
            with pd.ExcelFile(io.BytesIO(content), engine="openpyxl") as book:
                names = [str(name) for name in book.sheet_names]
                sheets = ((name, book.parse(name, header=None, dtype=object, na_filter=False)) for name in names)
                name, cells = next(((name, cells) for name, cells in sheets if cells.size), ("", pd.DataFrame()))
    except ImportError as error:
        raise InvalidInput(
            f"{filename} is an Excel workbook and this lab has no reader for it; save it as CSV"
        ) from error
    except Exception as error:  # whatever a damaged workbook makes its reader raise
        raise InvalidInput(f"{filename} is an Excel workbook that cannot be opened; save it as CSV") from error
    if not cells.size:
        raise InvalidInput(f"{filename} is empty; choose a workbook with a header and one row for each example")
    others = [each for each in names if each != name]
    notes = [f"The sheet {name!r} was read; the workbook also has {', '.join(map(repr, others))}."] if others else []
    return Unpacked(cells.to_csv(index=False, header=False).encode(), "Excel", notes=tuple(notes))


def _parquet(content: bytes, filename: str) -> Unpacked:
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        facts = file.metadata
        size = sum(facts.row_group(i).total_byte_size for i in range(facts.num_row_groups))
        # a dictionary may say one long text a million times over, so cells count too
        if max(size, 8 * facts.num_rows * facts.num_columns) > COLUMNS_LIMIT_MB * 10**6:
            raise _too_large(filename, COLUMNS_LIMIT_MB)
        frame = file.read().to_pandas(date_as_object=False, ignore_metadata=True)
    except InvalidInput:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"{filename} is a Parquet file that cannot be read; save it as CSV") from error
    return Unpacked(b"", "Parquet", frame.apply(_plain_cells) if frame.size else frame)


def _plain_cells(column: pd.Series) -> pd.Series:
    """Numbers and truth values as they are; everything else (dates, lists, decimals) as text."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_float_dtype(column):
        return column
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64") if column.hasnans else column
    return column.astype("str").where(column.notna())


def _too_large(filename: str, limit: int) -> InvalidInput:
    return InvalidInput(f"{filename} unpacks to more than {limit} MB, which is too large; take fewer rows")


_OPENERS = {b"PK\x03\x04": _zip, b"\x1f\x8b": _gzip, b"PAR1": _parquet}
