"""A person's own table, as the two sources that name one: an upload (`uploads.py`), or a file of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from mtl_core.data.base import Dataset, Source, sources
from mtl_core.data.building import build_dataset
from mtl_core.data.columns import Column, guess
from mtl_core.data.parsing import Kept
from mtl_core.data.reading import Reading, check_size, read_table
from mtl_core.data.recipe import Recipe, guess_recipe
from mtl_core.data.uploads import load_original, load_upload, store_upload
from mtl_core.registry import InvalidInput, knob


@sources.register("upload", title="Your table")
@dataclass(frozen=True)
class Upload(Source):
    """A table that was uploaded to this installation, with the roles that were chosen for its columns."""

    shelf: ClassVar[str] = "table"

    fingerprint: str = knob("", "Which upload: the name of its folder")
    recipe: str = knob("", "Roles of the columns, as JSON; empty = as proposed", advanced=True)

    def load(self) -> Dataset:
        recipe = Recipe.from_text(self.recipe) if self.recipe else None
        frame, reading = load_upload(self.fingerprint, () if recipe is None else recipe.kept)
        return _built(frame, reading, recipe)


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
        recipe = Recipe.from_text(self.recipe) if self.recipe else None
        kept = () if recipe is None else recipe.kept
        return _built(*read_table(self._bytes(), Path(self.path).name, kept=kept), recipe)

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


def read_file(path: str, kept: Kept = ()) -> tuple[pd.DataFrame, Reading]:
    """The table at a path, and how it was read. Raises `InvalidInput` with one sentence when there is none."""
    return read_table(CsvFile(path)._bytes(), Path(path).name, kept=kept)


def csv_source(path: str, tasks: Sequence[str] = ()) -> CsvFile:
    """A file with these columns as tasks; all else as proposed. Raises `InvalidInput` when a column is not there."""
    plain = CsvFile(path)
    if not tasks:
        return plain
    frame, _ = read_file(path)
    return CsvFile(path, guess_recipe(frame, tasks).to_text())


def _built(frame: pd.DataFrame, reading: Reading, recipe: Recipe | None) -> Dataset:
    chosen = guess_recipe(frame) if recipe is None else recipe
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
