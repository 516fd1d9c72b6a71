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
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mtl_core import settings
from mtl_core.data.containers import Unpacked
from mtl_core.data.encodings import detect
from mtl_core.data.join import as_parquet
from mtl_core.data.parsing import Kept
from mtl_core.data.pieces import PIECES_FROM, TOLD_CELLS, tell
from mtl_core.data.read_as import AS_FOUND, AUTOMATIC, ReadAs
from mtl_core.data.reading import Reading, check_size, opened, read_opened, read_table
from mtl_core.registry import InvalidInput

DAY = 86_400.0
_OWNING = threading.Lock()
_EXPIRING = threading.Lock()
_expired = 0.0
TOUCH_SECONDS = 3600.0
"""That an upload was read is written down so often at most."""


@dataclass(frozen=True)
class StoredTable:
    """A table that belongs to somebody. size: bytes on the disk. expires: seconds since 1970."""

    fingerprint: str
    reading: Reading
    size: int
    expires: float


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
    folder = _folder(fingerprint)
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
    with _OWNING:
        _own(folder, [*_owners(folder), owner])
    _touch(folder)
    return fingerprint


def load_upload(fingerprint: str, kept: Kept = (), asked: ReadAs | None = None) -> tuple[pd.DataFrame, Reading]:
    """The table of an upload and how it was read; `kept` and `asked` as for `read_table`; None = as it was kept."""
    folder = _found(fingerprint)
    _touch(folder)
    plain = _reading(folder / "reading.json")
    wanted = plain.asked if asked is None else asked
    name = _variant(kept, {} if wanted == plain.asked else wanted.changed() or {"": AUTOMATIC})
    path, facts = folder / f"table{name}.parquet", folder / f"reading{name}.json"
    if not facts.is_file():
        frame, reading = _read_again(folder, plain, kept, wanted)
        _write(path, facts, frame, reading)
    reading = _reading(facts)
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
    path = _found(fingerprint) / f"{name}.json"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def put_beside(fingerprint: str, name: str, text: str) -> None:
    """Keep a small text beside an upload; it goes with it."""
    _replace(_found(fingerprint) / f"{name}.json", text)


def use_upload(fingerprint: str) -> None:
    """Write down that somebody looks at the table, though it may be kept in memory."""
    _touch(_found(fingerprint))


def load_original(fingerprint: str) -> tuple[bytes, Reading]:
    """The file of an upload as it came, and how it was read."""
    folder = _found(fingerprint)
    return (folder / "original").read_bytes(), _reading(folder / "reading.json")


def uploads_of(owner: str) -> list[StoredTable]:
    """The tables that belong to somebody, the one that was read last first."""
    found = [folder for folder in _folders() if owner in _owners(folder)]
    found.sort(key=_read_last, reverse=True)
    return [
        StoredTable(folder.name, _reading(folder / "reading.json"), _size(folder), _read_last(folder) + _life())
        for folder in found
    ]


def delete_upload(fingerprint: str, owner: str) -> None:
    """Forget somebody's table; the file goes when it is nobody else's. Raises `InvalidInput` when it is not theirs."""
    folder = _found(fingerprint)
    with _OWNING:
        owners = _owners(folder)
        if owner not in owners:
            raise InvalidInput("this table belongs to somebody else; only who uploaded it can delete it")
        if left := [each for each in owners if each != owner]:
            _own(folder, left)
        else:
            _remove(folder)


def expire_uploads(now: float | None = None) -> int:
    """Delete what nobody has read for too long, and what an interrupted upload left; how many tables went."""
    now = time.time() if now is None else now
    gone = [folder for folder in _folders() if _read_last(folder) + _life() < now]
    for folder in gone:
        _remove(folder)
    for draft in _home().glob("draft-*"):
        if draft.stat().st_mtime + DAY < now:
            shutil.rmtree(draft, ignore_errors=True)
    return len(gone)


def expire_daily(now: float | None = None) -> bool:
    """The same once a day, however often it is asked for; whether it was done now. For pages, which run long."""
    global _expired
    now = time.time() if now is None else now
    with _EXPIRING:
        if 0 <= now - _expired < DAY:
            return False
        _expired = now
    expire_uploads(now)
    return True


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
    _replace(facts, json.dumps(dataclasses.asdict(reading)))


def _reading(path: Path) -> Reading:
    facts = json.loads(path.read_text(encoding="utf-8"))
    lists: dict[str, Any] = {
        name: tuple(facts[name]) for name in ("notes", "others", "head", "sheets") if name in facts
    }
    lists["asked"] = ReadAs.from_settings(facts.get("asked", {}))
    lists["top"] = tuple((int(row), tuple(cells)) for row, cells in facts.get("top", ()))
    for field in ("words", "doubts"):
        lists[field] = tuple((str(name), str(word), int(count)) for name, word, count in facts.get(field, ()))
    return Reading(**{**facts, **lists})


def _found(fingerprint: str) -> Path:
    folder = _folder(fingerprint)
    if not re.fullmatch(r"[0-9a-f]{16}", fingerprint) or not folder.is_dir():
        raise InvalidInput(f"there is no upload {fingerprint!r} on this machine; upload the file again")
    return folder


def _owners(folder: Path) -> list[str]:
    """Whose the table is; this machine's where nobody is named."""
    try:
        return [str(each) for each in json.loads((folder / "owners.json").read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return [""] if (folder / "reading.json").is_file() and not (folder / "owners.json").exists() else []


def _own(folder: Path, owners: list[str]) -> None:
    if not (folder / "owners.json").exists():  # it has just been made: whoever keeps it first is its only owner
        owners = owners[-1:]
    _replace(folder / "owners.json", json.dumps(list(dict.fromkeys(owners))))


def _replace(path: Path, text: str) -> None:
    """Written whole or not at all, whoever else writes."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(draft).replace(path)


def _remove(folder: Path) -> None:
    """First out of sight, then piece by piece."""
    away = folder.with_name(f"draft-{folder.name}-{time.time_ns()}")
    with suppress(OSError):
        folder.rename(away)
        shutil.rmtree(away, ignore_errors=True)


def _touch(folder: Path) -> None:
    """Write down that the table was read just now."""
    with suppress(OSError):
        if time.time() - _read_last(folder) > TOUCH_SECONDS:
            os.utime(folder / "reading.json")


def _read_last(folder: Path) -> float:
    with suppress(OSError):
        return (folder / "reading.json").stat().st_mtime
    return time.time()


def _folders() -> Iterator[Path]:
    return (folder for folder in _home().glob("*") if re.fullmatch(r"[0-9a-f]{16}", folder.name))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _life() -> float:
    return settings.upload_days() * DAY


def _home() -> Path:
    return settings.home() / "uploads"


def _folder(fingerprint: str) -> Path:
    return _home() / fingerprint


def _others(content: bytes, asked: ReadAs) -> tuple[str, ...]:
    """Where a person chose the encoding, the ones that may still be chosen instead."""
    found, others = detect(content) if asked.encoding != AUTOMATIC else ("", ())
    return tuple(name for name in (found, *others) if name and name != asked.encoding)
