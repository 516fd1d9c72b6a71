"""What a file is wrapped in: compressed text, a workbook, a Parquet table. Unpacked within stated bounds.

A small file may claim to unpack to terabytes (a zip bomb), so sizes are checked before or while unpacking. What is too
large to be held is not unpacked: text is handed on as a way to open it (`sampling.py`), of Parquet rows are drawn here.
"""

from __future__ import annotations

import gzip
import io
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from mtl_core.data.pieces import CELL_LIMIT, tell
from mtl_core.data.sampling import Large, chosen, is_text, wanted_rows
from mtl_core.registry import InvalidInput, hint
from mtl_core.settings import DISK_LIMIT_MB, UPLOAD_LIMIT_MB

UNPACKED_LIMIT_MB = UPLOAD_LIMIT_MB
"""Compressed text is read whole up to this size."""
DRAWN_LIMIT_MB = 5_000
"""Compressed text is gone through up to this size; a bomb is left before it takes minutes."""
WORKBOOK_LIMIT_MB = 200
"""So is a workbook: its reader needs many times its size."""
COLUMNS_LIMIT_MB = 8 * CELL_LIMIT // 10**6
"""And so is a Parquet table: 8 bytes for each cell."""
_BATCH_CELLS = 1 << 20
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
    large: the text instead of its bytes, where it is too large to be held. drawn_from: rows of the file, where the
    frame holds some of them. sheets: of a workbook, the one that was read first.
    """

    content: bytes
    wrapping: str = ""
    frame: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    large: Large | None = None
    drawn_from: int = 0
    sheets: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    """A file in memory or on the disk, and its name for sentences. rows: how many are asked for of a large table.

    sheet: which one is asked for of a workbook, "" = the first with cells.
    """

    opened: Callable[[], BinaryIO]
    size: int
    name: str
    rows: int
    sheet: str


def unpack(content: bytes | Path, filename: str, rows: int = 0, sheet: str = "") -> Unpacked:
    """The table inside a file. Raises `InvalidInput` with one sentence when there is none that can be read."""
    if isinstance(content, Path):
        file = _File(partial(_on_disk, content), content.stat().st_size, filename, rows, sheet)
    else:
        file = _File(partial(io.BytesIO, content), len(content), filename, rows, sheet)
    with file.opened() as opened:
        first = opened.read(16)
    for magic, what in _REFUSED.items():
        if first.startswith(magic):
            raise InvalidInput(f"{filename} is {what}, not a text table; save it as CSV and choose that file")
    for magic, unwrapped in _OPENERS.items():
        if first.startswith(magic):
            return unwrapped(file)
    if file.size > UPLOAD_LIMIT_MB * 10**6:
        return Unpacked(b"", large=Large.of(file.opened, file.size, DISK_LIMIT_MB))
    return Unpacked(content.read_bytes() if isinstance(content, Path) else content)


def _on_disk(path: Path) -> BinaryIO:
    return path.open("rb")


def _gzip(file: _File) -> Unpacked:
    try:
        with file.opened() as packed, gzip.GzipFile(fileobj=packed) as unpacked:
            text = unpacked.read(UNPACKED_LIMIT_MB * 10**6 + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(f"{file.name} is a compressed file that is damaged; compress it again") from error
    if len(text) <= UNPACKED_LIMIT_MB * 10**6:
        return Unpacked(text, "gzip")
    if not is_text(text):
        raise _too_large(file.name, UNPACKED_LIMIT_MB)
    return Unpacked(
        b"", "gzip", large=Large(lambda: gzip.GzipFile(fileobj=file.opened()), _unzipped(file.size), DRAWN_LIMIT_MB)
    )


def _unzipped(size: int) -> Callable[[Any], float]:
    """How far a compressed file has been read, by its compressed bytes."""
    return lambda opened: float(opened.fileobj.tell()) / max(size, 1)


def _zip(file: _File) -> Unpacked:
    """A workbook, or an archive with one text table in it."""
    try:
        with file.opened() as packed, zipfile.ZipFile(packed) as archive:
            entries = [each for each in archive.infolist() if not each.is_dir()]
            if any(each.filename == "xl/workbook.xml" for each in entries):
                if sum(each.file_size for each in entries) > WORKBOOK_LIMIT_MB * 10**6:
                    raise _too_large(file.name, WORKBOOK_LIMIT_MB)
                return _excel(packed, file.name, file.sheet)
            return _only_member(archive, [each for each in entries if "__MACOSX" not in each.filename], file)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidInput(
            f"{file.name} is an Excel workbook or zip archive that is damaged or locked; save it as CSV"
        ) from error


def _only_member(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], file: _File) -> Unpacked:
    if len(entries) != 1:
        raise InvalidInput(f"{file.name} is an archive of {len(entries)} files; choose the one table that is meant")
    entry = entries[0]
    notes = (f"The archive holds one file, {entry.filename!r}; it was read.",)
    with archive.open(entry) as member:
        text = member.read(UNPACKED_LIMIT_MB * 10**6 + 1)
    if len(text) <= UNPACKED_LIMIT_MB * 10**6:
        return Unpacked(text, "zip", notes=notes)
    if not is_text(text):
        raise _too_large(file.name, UNPACKED_LIMIT_MB)

    def opened() -> BinaryIO:
        return zipfile.ZipFile(file.opened()).open(entry.filename)  # type: ignore[return-value]

    return Unpacked(b"", "zip", notes=notes, large=Large.of(opened, entry.file_size, DRAWN_LIMIT_MB))


def _excel(content: BinaryIO, filename: str, sheet: str) -> Unpacked:
    """The sheet that is asked for, or the first with cells, as the text that a spreadsheet program would save."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks about styles that a table has no use for
            with pd.ExcelFile(content, engine="openpyxl") as book:
                names = [str(name) for name in book.sheet_names]
                wanted = [_named_sheet(sheet, names, filename)] if sheet else names
                sheets = ((name, book.parse(name, header=None, dtype=object, na_filter=False)) for name in wanted)
                name, cells = next(((name, cells) for name, cells in sheets if cells.size), ("", pd.DataFrame()))
    except ImportError as error:
        raise InvalidInput(
            f"{filename} is an Excel workbook and this lab has no reader for it; save it as CSV"
        ) from error
    except InvalidInput:
        raise
    except Exception as error:  # whatever a damaged workbook makes its reader raise
        raise InvalidInput(f"{filename} is an Excel workbook that cannot be opened; save it as CSV") from error
    if not cells.size:
        what = (
            f"the sheet {sheet!r} of {filename} is empty; choose another" if sheet else f"{filename} is empty; choose a"
        )
        raise InvalidInput(f"{what} {'sheet' if sheet else 'workbook'} with a header and one row for each example")
    others = [each for each in names if each != name]
    notes = [f"The sheet {name!r} was read; the workbook also has {', '.join(map(repr, others))}."] if others else []
    text = cells.to_csv(index=False, header=False).encode()
    return Unpacked(text, "Excel", notes=tuple(notes), sheets=(name, *others))


def _named_sheet(sheet: str, names: list[str], filename: str) -> str:
    if sheet not in names:
        raise InvalidInput(f"{filename} has no sheet {sheet!r}{hint(sheet, names)}")
    return sheet


def _parquet(file: _File) -> Unpacked:
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    try:
        with file.opened() as opened:
            facts = parquet.read_metadata(opened)
            leaves = [facts.schema.column(i) for i in range(facts.num_columns)]
            texts = [each.path for each in leaves if each.physical_type == "BYTE_ARRAY"]
            table = parquet.ParquetFile(opened, read_dictionary=texts)
            size = sum(facts.row_group(i).total_byte_size for i in range(facts.num_row_groups))
            if size > DISK_LIMIT_MB * 10**6:
                raise _too_large(file.name, DISK_LIMIT_MB)
            held = max(size, 8 * facts.num_rows * facts.num_columns) <= COLUMNS_LIMIT_MB * 10**6
            rows = table.read() if held else _drawn_rows(table, size, file)
        if _spelled_out(rows) > COLUMNS_LIMIT_MB * 10**6:
            raise _too_large(file.name, COLUMNS_LIMIT_MB)
        frame = rows.to_pandas(date_as_object=False, ignore_metadata=True)
    except InvalidInput:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"{file.name} is a Parquet file that cannot be read; save it as CSV") from error
    frame = frame.apply(_plain_cells) if frame.size else frame
    return Unpacked(b"", "Parquet", frame, drawn_from=0 if held else facts.num_rows)


def _spelled_out(table: Any) -> int:
    """Bytes of all texts once each cell has its own: a dictionary may say one long text a million times over."""
    import pyarrow
    from pyarrow import compute

    total = 0
    for column in table.columns:
        for part in column.chunks:
            if pyarrow.types.is_dictionary(part.type):
                counts = np.bincount(part.indices.drop_null().to_numpy(), minlength=len(part.dictionary))
                lengths = compute.binary_length(part.dictionary).fill_null(0).to_numpy(zero_copy_only=False)
                total += int(counts @ lengths)
    return total


def _drawn_rows(table: Any, size: int, file: _File) -> Any:
    """Some rows of a Parquet table that is too large to be held: drawn from one batch after the other."""
    import pyarrow

    total, width = table.metadata.num_rows, table.metadata.num_columns
    wanted = chosen(total, wanted_rows(total, width, size, file.rows))
    found, seen = [], 0
    for batch in table.iter_batches(max(_BATCH_CELLS // width, 1)):
        here = wanted[slice(*np.searchsorted(wanted, [seen, seen + batch.num_rows]))] - seen
        found.append(pyarrow.Table.from_batches([batch.take(pyarrow.array(here))]))
        seen += batch.num_rows
        tell(f"Drawing rows of {file.name}", seen / total)
    return pyarrow.concat_tables(found).unify_dictionaries()


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
