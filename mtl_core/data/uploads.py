"""Uploaded tables on the machine that runs the lab: kept, found again by whom they belong to, deleted, expired.

An upload lies in a folder of its own, named by its content: the bytes as they came, the table as it was read, how, and
whose it is. The same file uploaded twice is kept once; it is gone when the last owner has deleted it. An upload that
nobody has read for `settings.upload_days()` goes, at the latest a day later. Roles of the columns are no part of it;
they are a `Recipe`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
import tempfile
from pathlib import Path

import pandas as pd

from mtl_core.data.containers import Unpacked
from mtl_core.data.encodings import detect
from mtl_core.data.join import as_parquet
from mtl_core.data.parsing import Kept
from mtl_core.data.pieces import PIECES_FROM, TOLD_CELLS, tell
from mtl_core.data.read_as import AS_FOUND, AUTOMATIC, ReadAs
from mtl_core.data.reading import Reading, check_size, opened, read_opened, read_table
from mtl_core.data.upload_folders import add_owner, existing, folder_of, put_text, reading_in, touch
from mtl_core.registry import InvalidInput


def store_upload(
    content: bytes | Path,
    filename: str,
    asked: ReadAs = AS_FOUND,
    owner: str = "",
    notes: tuple[str, ...] = (),
    rows: int = 0,
    drawn_from: int = 0,
) -> str:
    """Read and keep a file; its fingerprint. Raises `InvalidInput` with one sentence when it is no table.

    asked: as a person says that it is read, where it cannot be read otherwise; that is another upload. owner: whose it
    is, "" = this machine's. notes: sentences about where it came from. rows, drawn_from: as for `read_table`. Of a file
    that is too large to be held, the drawn rows are kept and not the file.
    """
    name = Path(filename).name
    check_size(content.stat().st_size if isinstance(content, Path) else len(content), name)
    fingerprint = _fingerprint(content, asked, rows)
    folder = folder_of(fingerprint)
    if not folder.is_dir():
        inside = opened(content, name, asked, rows)
        original = _original(content, inside)
        inside = dataclasses.replace(inside, drawn_from=drawn_from or inside.drawn_from)
        frame, reading = read_opened(inside, name, asked)
        if len(original) > PIECES_FROM:
            tell(f"Keeping {reading.filename}", 1.0)
        others = reading.others or _others(inside.content, asked)
        reading = dataclasses.replace(reading, others=others, notes=(*notes, *reading.notes))
        _keep(folder, original, frame, reading)
    add_owner(folder, owner)
    touch(folder)
    return fingerprint


def load_upload(fingerprint: str, kept: Kept = (), asked: ReadAs | None = None) -> tuple[pd.DataFrame, Reading]:
    """The table of an upload and how it was read; `kept` and `asked` as for `read_table`; None = as it was kept."""
    folder = existing(fingerprint)
    touch(folder)
    plain = reading_in(folder / "reading.json")
    wanted = plain.asked if asked is None else asked
    name = _variant(kept, {} if wanted == plain.asked else wanted.changed() or {"": AUTOMATIC})
    path, facts = folder / f"table{name}.parquet", folder / f"reading{name}.json"
    if not facts.is_file():
        frame, reading = _read_again(folder, plain, kept, wanted)
        _write(path, facts, frame, reading)
    reading = reading_in(facts)
    if reading.rows * reading.columns > TOLD_CELLS:
        tell(f"Opening {reading.filename}", 0.0)
    return _table(path), reading


def _variant(kept: Kept, asked: dict[str, object]) -> str:
    """What the files of another reading are called by; "" for the one that was kept first."""
    said = repr(sorted(kept)) + (repr(sorted(asked.items())) if asked else "")
    return f"-{hashlib.sha256(said.encode()).hexdigest()[:8]}" if kept or asked else ""


def _read_again(folder: Path, plain: Reading, kept: Kept, asked: ReadAs) -> tuple[pd.DataFrame, Reading]:
    """The same file in another way; its encoding stays unless another is asked for."""
    known = asked.encoding == plain.asked.encoding and plain.wrapping not in ("Excel", "Parquet")
    how = dataclasses.replace(asked, encoding=plain.encoding) if known else asked
    original = (folder / "original").read_bytes()
    frame, reading = read_table(original, plain.filename, how, kept, drawn_from=plain.drawn_from)
    others = tuple(name for name in (*plain.others, plain.encoding) if name != reading.encoding) if plain.others else ()
    return frame, dataclasses.replace(reading, others=others, asked=asked)


def beside(fingerprint: str, name: str) -> str:
    """A small text that is kept beside an upload, such as somebody's list of fixes; "" where there is none."""
    path = existing(fingerprint) / f"{name}.json"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def put_beside(fingerprint: str, name: str, text: str) -> None:
    """Keep a small text beside an upload; it goes with it."""
    put_text(existing(fingerprint) / f"{name}.json", text)


def use_upload(fingerprint: str) -> None:
    """Write down that somebody looks at the table, though it may be kept in memory."""
    touch(existing(fingerprint))


def load_original(fingerprint: str) -> tuple[bytes, Reading]:
    """The file of an upload as it came, and how it was read."""
    folder = existing(fingerprint)
    return (folder / "original").read_bytes(), reading_in(folder / "reading.json")


# --- on the disk ------------------------------------------------------------------------------------------------
def _keep(folder: Path, content: bytes, frame: pd.DataFrame, reading: Reading) -> None:
    """All files or none: the folder appears when it is whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix="draft-"))
    try:
        (draft / "original").write_bytes(content)
        _write(draft / "table.parquet", draft / "reading.json", frame, reading)
        draft.rename(folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if not folder.is_dir():
            what = f"{reading.filename} could not be kept ({error.strerror})"
            raise InvalidInput(f"{what}; make room on the disk") from error


def _table(path: Path) -> pd.DataFrame:
    """A table as it was written; every column is handed over and let go, so that memory holds it once."""
    from pyarrow import parquet  # type: ignore[import-untyped]

    frame: pd.DataFrame = parquet.read_table(path).to_pandas(split_blocks=True, self_destruct=True)
    return frame


def _fingerprint(content: bytes | Path, asked: ReadAs, rows: int) -> str:
    """A name that the same bytes, read in the same way, always have."""
    with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as file:
        signature = hashlib.file_digest(file, "sha256")
    said = json.dumps(asked.changed()) if asked != AS_FOUND else ""
    signature.update(f"{said}{rows or ''}".encode())
    return signature.hexdigest()[:16]


def _original(content: bytes | Path, inside: Unpacked) -> bytes:
    """What is kept of a file: its bytes, or the rows that were drawn of it."""
    if inside.drawn_from:
        return inside.content if inside.frame is None else as_parquet(inside.frame)
    return content.read_bytes() if isinstance(content, Path) else content


def _write(path: Path, facts: Path, frame: pd.DataFrame, reading: Reading) -> None:
    frame.to_parquet(path, index=False)
    put_text(facts, json.dumps(dataclasses.asdict(reading)))


def _others(content: bytes, asked: ReadAs) -> tuple[str, ...]:
    """Where a person chose the encoding, the ones that may still be chosen instead."""
    found, others = detect(content) if asked.encoding != AUTOMATIC else ("", ())
    return tuple(name for name in (found, *others) if name and name != asked.encoding)
