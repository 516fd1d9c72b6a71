"""From the bytes of a text table to a frame: encoding, delimiter, header, decimal mark, missing cells.

Nothing is turned silently into something else: whatever was decided or changed stands in the `Reading`.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from collections import Counter
from dataclasses import dataclass

import pandas as pd

from mtl_core.registry import InvalidInput
from mtl_core.settings import UPLOAD_LIMIT_MB

SAMPLE_BYTES = 1 << 18
COLUMN_LIMIT = 2000
DELIMITERS = ("\t", ";", "|", ",")
"""Where two fit equally well, the first is taken: commas may also be decimal marks."""
PAIRED, SINGLE = ["gb18030", "cp1252"], ["cp1252", "cp1251"]
"""Encodings that are weighed against each other: Chinese text has its high bytes in pairs, Western text seldom."""
MISSING = ["", "NA", "N/A", "n/a", "na", "#N/A", "NaN", "nan", "NULL", "null", "?", "无"]
WORDS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}

_MAGIC = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a compressed file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
}
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_COMMA_NUMBER, _POINT_NUMBER = re.compile(r"[+-]?\d+,\d+"), re.compile(r"[+-]?\d+\.\d+")


@dataclass(frozen=True)
class Reading:
    """How a file was read. notes: sentences about what was decided or changed, for the person to check."""

    filename: str
    encoding: str
    delimiter: str
    decimal: str
    header: bool
    rows: int
    columns: int
    notes: tuple[str, ...] = ()


def read_table(content: bytes, filename: str) -> tuple[pd.DataFrame, Reading]:
    """The table in a text file, and how it was read. Raises `InvalidInput` with one sentence when there is none."""
    _refuse(content, filename)
    encoding = _encoding(content)
    if b"\0" in content and encoding != "utf-16":
        raise InvalidInput(f"{filename} has a NUL byte, so it is no text table or it is damaged; save it as CSV again")
    sample = _sample(content, encoding, filename)
    delimiter = max(DELIMITERS, key=lambda each: _fit(sample, each))
    rows = _cells(sample, delimiter)
    if not rows:
        raise InvalidInput(f"{filename} has no rows of cells at its beginning; save it as CSV again")
    header = not all(_is_number(cell) for cell in rows[0] if cell.strip())
    decimal = _decimal(rows, delimiter)
    width = max(len(rows[0]), Counter(map(len, rows)).most_common(1)[0][0])
    names, notes = _names(rows[0] if header else [], width, filename)
    frame = _parse(content, filename, encoding, delimiter, decimal, header, names)
    frame, cleaned = _cleaned(frame, names if not header else rows[0])
    if frame.empty:
        raise InvalidInput(f"{filename} has a header but no rows; add one row for each example")
    notes = [*_said(encoding, delimiter, decimal, header), *notes, *cleaned]
    return frame, Reading(filename, encoding, delimiter, decimal, header, *frame.shape, tuple(notes))


def check_size(size: int, filename: str) -> None:
    """Raise `InvalidInput` when a file of `size` bytes is too large to be read."""
    if size > UPLOAD_LIMIT_MB * 10**6:
        megabytes = -(-size // 10**6)
        raise InvalidInput(f"{filename} has {megabytes} MB; at most {UPLOAD_LIMIT_MB} can be read, so take fewer rows")


def _refuse(content: bytes, filename: str) -> None:
    """What no reader can help with."""
    check_size(len(content), filename)
    if not content.strip(b" \t\r\n\xef\xbb\xbf,;|"):
        raise InvalidInput(f"{filename} is empty; choose a file with a header and one row for each example")
    for magic, what in _MAGIC.items():
        if content.startswith(magic):
            raise InvalidInput(f"{filename} is {what}, not a text table; save it as CSV and choose that file")


# --- encoding -------------------------------------------------------------------------------------------------
def _encoding(content: bytes) -> str:
    """The byte-order mark's, else UTF-8 if that fits, else the first that charset-normalizer finds plausible."""
    for mark, name in _BOMS.items():
        if content.startswith(mark):
            return name
    if _decodes(content, "utf-8"):
        return "utf-8"
    from charset_normalizer import from_bytes

    text = b"\n".join([line for line in content.splitlines() if not line.isascii()][:500])
    paired = all(len(run) % 2 == 0 for run in re.findall(rb"[\x80-\xff]+", text))
    candidates = PAIRED if paired else SINGLE
    plausible = {name for match in from_bytes(text, cp_isolation=candidates) for name in match.could_be_from_charset}
    found = next((name for name in candidates if name in plausible), "latin_1")
    return found if _decodes(content, found) else "latin_1"


def _decodes(content: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(content), 1 << 20):
            decoder.decode(content[start : start + (1 << 20)])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _sample(content: bytes, encoding: str, filename: str) -> str:
    """The first whole lines as text."""
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(content[:SAMPLE_BYTES])
    if len(content) <= SAMPLE_BYTES:
        return text
    whole = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    if not whole:
        raise InvalidInput(f"{filename} has a first line of more than 256 kB; put each row on a line of its own")
    return whole


# --- dialect --------------------------------------------------------------------------------------------------
def _cells(sample: str, delimiter: str) -> list[list[str]]:
    """Rows of cells; rows without any text are left out."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        return [row for row, _ in zip(reader, range(1000), strict=False) if any(cell.strip() for cell in row)]
    except csv.Error:
        return []


def _fit(sample: str, delimiter: str) -> float:
    """Share of the rows that have the most common number of cells; 0 when that is one cell."""
    rows = _cells(sample, delimiter)
    width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    return count / len(rows) if width > 1 else -1.0 + (delimiter == ",") / 2


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return cell.strip() in MISSING
    return True


def _decimal(rows: list[list[str]], delimiter: str) -> str:
    """A comma where cells look like 1,5 and none like 1.5; never where commas separate cells."""
    cells = [cell.strip() for row in rows for cell in row] if delimiter != "," else []
    commas = any(_COMMA_NUMBER.fullmatch(cell) for cell in cells)
    return "," if commas and not any(_POINT_NUMBER.fullmatch(cell) for cell in cells) else "."


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


def _said(encoding: str, delimiter: str, decimal: str, header: bool) -> list[str]:
    notes = []
    if not encoding.startswith("utf"):
        notes.append(f"The file is not UTF-8; it was read as {encoding}. Check that names and texts look right.")
    if delimiter != ",":
        notes.append(f"Cells are separated by a {WORDS[delimiter]}.")
    if decimal == ",":
        notes.append("Numbers have a decimal comma.")
    if not header:
        notes.append("The first row holds numbers, so it was read as data; columns are called column 1, column 2, ...")
    return notes


# --- cells ----------------------------------------------------------------------------------------------------
def _parse(
    content: bytes, filename: str, encoding: str, delimiter: str, decimal: str, header: bool, names: list[str]
) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.BytesIO(content),
                encoding=encoding,
                sep=delimiter,
                decimal=decimal,
                header=0 if header else None,
                names=names,
                index_col=False,
                keep_default_na=False,
                na_values=MISSING,
                skipinitialspace=True,
                low_memory=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, UnicodeError) as error:
        raise InvalidInput(f"{filename} cannot be read: {_reason(str(error), len(names))}") from error


def _reason(message: str, width: int) -> str:
    if found := re.search(r"in line (\d+), saw (\d+)", message):
        return f"line {found[1]} has {found[2]} cells but the header has {width}; put cells with separators in quotes"
    if found := re.search(r"EOF inside string starting at row (\d+)", message):
        return f"a quotation mark that opens near row {found[1]} is never closed; close or remove it"
    return f"rows have more cells than the header ({width}); put cells with separators in quotes"


def _cleaned(frame: pd.DataFrame, header: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Without nameless empty columns (a separator at the end of each line) and rows without any value."""
    notes = []
    nameless = [i for i in range(frame.shape[1]) if i >= len(header) or not header[i].strip()]
    unused = {frame.columns[i] for i in nameless if frame.iloc[:, i].isna().all()}
    notes += [f"Column {i + 1} has no name; it is called {frame.columns[i]!r}." for i in nameless]
    notes = [note for i, note in zip(nameless, notes, strict=True) if frame.columns[i] not in unused]
    frame = frame.drop(columns=list(unused))
    blank = frame.isna().all(axis=1)
    if blank.any():
        notes.append(f"Rows without any value were left out ({blank.sum():,}).")
        frame = frame[~blank].reset_index(drop=True)
    for name in [each for each in frame.columns if pd.api.types.is_object_dtype(frame[each])]:
        frame[name] = frame[name].where(frame[name].isna(), frame[name].astype(str)).astype("str")
    n_missing = int(frame.isna().sum().sum())
    if n_missing:
        notes.append(f"Cells that are empty or say NA, n/a, NaN, null, ? or 无 count as missing ({n_missing:,}).")
    return frame, notes
