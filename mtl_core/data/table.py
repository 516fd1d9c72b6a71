"""A person's own table: kept once uploaded, and loaded by the two sources that name it.

An upload lies in a folder of its own, named by its content: the bytes as they came, the table as it was read, and how.
The same file uploaded twice is kept once. Roles of the columns are no part of it; they are a `Recipe`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from mtl_core import settings
from mtl_core.data.base import Dataset, Source, sources
from mtl_core.data.building import build_dataset
from mtl_core.data.columns import Column, guess
from mtl_core.data.containers import unpack
from mtl_core.data.encodings import detect
from mtl_core.data.reading import Reading, check_size, read_table
from mtl_core.data.recipe import Recipe, guess_recipe
from mtl_core.registry import InvalidInput, knob


@sources.register("upload", title="Your table")
@dataclass(frozen=True)
class Upload(Source):
    """A table that was uploaded to this installation, with the roles that were chosen for its columns."""

    shelf: ClassVar[str] = "table"

    fingerprint: str = knob("", "Which upload: the name of its folder")
    recipe: str = knob("", "Roles of the columns, as JSON; empty = as proposed", advanced=True)

    def load(self) -> Dataset:
        frame, reading = load_upload(self.fingerprint)
        return _built(frame, reading, self.recipe)


@sources.register("csv", title="A table on disk", term="CSV file")
@dataclass(frozen=True)
class CsvFile(Source):
    """A text table at a path of this machine, with the roles that were chosen for its columns.

    For the command line. A page that takes an experiment from elsewhere must not read paths for others: it takes
    `stored()`, or refuses.
    """

    shelf: ClassVar[str] = "table"

    path: str = knob("", "Where the file is")
    recipe: str = knob("", "Roles of the columns, as JSON; empty = as proposed", advanced=True)

    def load(self) -> Dataset:
        return _built(*read_table(self._bytes(), Path(self.path).name), self.recipe)

    def stored(self) -> Upload:
        """The same table kept as an upload, so that it outlives the file and its changes."""
        return Upload(store_upload(self._bytes(), Path(self.path).name), self.recipe)

    def _bytes(self) -> bytes:
        path = Path(self.path)
        if not path.is_file():
            raise InvalidInput(f"there is no file {self.path!r}; check the path")
        check_size(path.stat().st_size, path.name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise InvalidInput(f"the file {self.path!r} cannot be read ({error.strerror}); check its rights") from error


def read_file(path: str) -> tuple[pd.DataFrame, Reading]:
    """The table at a path, and how it was read. Raises `InvalidInput` with one sentence when there is none."""
    return read_table(CsvFile(path)._bytes(), Path(path).name)


def csv_source(path: str, tasks: Sequence[str] = ()) -> CsvFile:
    """A file with these columns as tasks; all else as proposed. Raises `InvalidInput` when a column is not there."""
    plain = CsvFile(path)
    if not tasks:
        return plain
    frame, _ = read_file(path)
    return CsvFile(path, guess_recipe(frame, tasks).to_text())


def store_upload(content: bytes, filename: str, encoding: str = "") -> str:
    """Read and keep a file; its fingerprint. Raises `InvalidInput` with one sentence when it is no table.

    encoding: as a person says; "" = as detected. Another encoding is another upload.
    """
    fingerprint = hashlib.sha256(content + encoding.encode()).hexdigest()[:16]
    folder = _folder(fingerprint)
    if folder.is_dir():
        return fingerprint
    frame, reading = read_table(content, Path(filename).name, encoding)
    reading = dataclasses.replace(reading, others=reading.others or _others(content, encoding))
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix="draft-"))
    try:
        (draft / "original").write_bytes(content)
        frame.to_parquet(draft / "table.parquet", index=False)
        (draft / "reading.json").write_text(json.dumps(dataclasses.asdict(reading)), encoding="utf-8")
        draft.rename(folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if not folder.is_dir():
            raise InvalidInput(f"{filename} could not be kept ({error.strerror}); make room on the disk") from error
    return fingerprint


def load_upload(fingerprint: str) -> tuple[pd.DataFrame, Reading]:
    """The table of an upload and how it was read."""
    if not re.fullmatch(r"[0-9a-f]{16}", fingerprint) or not _folder(fingerprint).is_dir():
        raise InvalidInput(f"there is no upload {fingerprint!r} on this machine; upload the file again")
    facts = json.loads((_folder(fingerprint) / "reading.json").read_text(encoding="utf-8"))
    lists = {name: tuple(facts[name]) for name in ("notes", "others") if name in facts}
    reading = Reading(**{**facts, **lists})
    return pd.read_parquet(_folder(fingerprint) / "table.parquet"), reading


def load_original(fingerprint: str) -> tuple[bytes, Reading]:
    """The file of an upload as it came, and how it was read."""
    _, reading = load_upload(fingerprint)
    return (_folder(fingerprint) / "original").read_bytes(), reading


def _others(content: bytes, encoding: str) -> tuple[str, ...]:
    """Where a person chose the encoding, the ones that may still be chosen instead."""
    found, others = detect(unpack(content, "").content) if encoding else ("", ())
    return tuple(name for name in (found, *others) if name and name != encoding)


def _folder(fingerprint: str) -> Path:
    return settings.home() / "uploads" / fingerprint


def _built(frame: pd.DataFrame, reading: Reading, recipe: str) -> Dataset:
    chosen = Recipe.from_text(recipe) if recipe else guess_recipe(frame)
    return build_dataset(frame, chosen, Path(reading.filename).stem, reading.notes)


__all__ = [
    "Column",
    "CsvFile",
    "Reading",
    "Recipe",
    "Upload",
    "build_dataset",
    "csv_source",
    "guess",
    "guess_recipe",
    "load_original",
    "load_upload",
    "read_file",
    "read_table",
    "store_upload",
]
