"""The folders of uploads: whose they are, when they were read last, how long they stay.

Each is named by its content and holds the bytes as they came, the table as it was read, how, and whose it is.
"""

from __future__ import annotations

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

from mtl_core import settings
from mtl_core.data.read_as import ReadAs
from mtl_core.data.reading import Reading
from mtl_core.registry import InvalidInput

DAY = 86_400.0
TOUCH_SECONDS = 3600.0
"""That an upload was read is written down so often at most."""
_OWNING, _EXPIRING = threading.Lock(), threading.Lock()
_expired = 0.0


@dataclass(frozen=True)
class StoredTable:
    """A table that belongs to somebody. size: bytes on the disk. expires: seconds since 1970."""

    fingerprint: str
    reading: Reading
    size: int
    expires: float


def uploads_of(owner: str) -> list[StoredTable]:
    """The tables that belong to somebody, the one that was read last first."""
    found = [folder for folder in _folders() if owner in _owners(folder)]
    found.sort(key=_read_last, reverse=True)
    return [
        StoredTable(folder.name, reading_in(folder / "reading.json"), _size(folder), _read_last(folder) + _life())
        for folder in found
    ]


def delete_upload(fingerprint: str, owner: str) -> None:
    """Forget somebody's table; the file goes when it is nobody else's. Raises `InvalidInput` when it is not theirs."""
    folder = existing(fingerprint)
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
    for draft in home().glob("draft-*"):
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


def add_owner(folder: Path, owner: str) -> None:
    """The table belongs to somebody more."""
    with _OWNING:
        _own(folder, [*_owners(folder), owner])


# --- one folder -------------------------------------------------------------------------------------------------
def home() -> Path:
    """Where all uploads lie."""
    return settings.home() / "uploads"


def folder_of(fingerprint: str) -> Path:
    """Where an upload lies, if there is one."""
    return home() / fingerprint


def existing(fingerprint: str) -> Path:
    """Where an upload lies. Raises `InvalidInput` where there is none."""
    folder = folder_of(fingerprint)
    if not re.fullmatch(r"[0-9a-f]{16}", fingerprint) or not folder.is_dir():
        raise InvalidInput(f"there is no upload {fingerprint!r} on this machine; upload the file again")
    return folder


def _folders() -> Iterator[Path]:
    return (folder for folder in home().glob("*") if re.fullmatch(r"[0-9a-f]{16}", folder.name))


def reading_in(path: Path) -> Reading:
    """How a table was read, as it was written down."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    lists: dict[str, Any] = {
        name: tuple(facts[name]) for name in ("notes", "others", "head", "sheets") if name in facts
    }
    lists["asked"] = ReadAs.from_settings(facts.get("asked", {}))
    lists["top"] = tuple((int(row), tuple(cells)) for row, cells in facts.get("top", ()))
    for field in ("words", "doubts"):
        lists[field] = tuple((str(name), str(word), int(count)) for name, word, count in facts.get(field, ()))
    return Reading(**{**facts, **lists})


def put_text(path: Path, text: str) -> None:
    """Written whole or not at all, whoever else writes."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(draft).replace(path)


def touch(folder: Path) -> None:
    """Write down that the table was read just now."""
    with suppress(OSError):
        if time.time() - _read_last(folder) > TOUCH_SECONDS:
            os.utime(folder / "reading.json")


def _read_last(folder: Path) -> float:
    with suppress(OSError):
        return (folder / "reading.json").stat().st_mtime
    return time.time()


def _owners(folder: Path) -> list[str]:
    """Whose the table is; this machine's where nobody is named."""
    try:
        return [str(each) for each in json.loads((folder / "owners.json").read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return [""] if (folder / "reading.json").is_file() and not (folder / "owners.json").exists() else []


def _own(folder: Path, owners: list[str]) -> None:
    if not (folder / "owners.json").exists():  # it has just been made: whoever keeps it first is its only owner
        owners = owners[-1:]
    put_text(folder / "owners.json", json.dumps(list(dict.fromkeys(owners))))


def _remove(folder: Path) -> None:
    """First out of sight, then piece by piece."""
    away = folder.with_name(f"draft-{folder.name}-{time.time_ns()}")
    with suppress(OSError):
        folder.rename(away)
        shutil.rmtree(away, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _life() -> float:
    return settings.upload_days() * DAY
