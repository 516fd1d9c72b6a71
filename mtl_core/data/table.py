"""A person's own table, as the two sources that name one: an upload (`uploads.py`), or a file of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd

from mtl_core.data.base import Dataset, Source, sources
from mtl_core.data.building import build_dataset
from mtl_core.data.columns import Column, guess
from mtl_core.data.parsing import in_doubt
from mtl_core.data.read_as import AS_FOUND, ReadAs
from mtl_core.data.reading import Reading, read_table
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
        found = load_upload(self.fingerprint) if recipe is None else load_for(self.fingerprint, recipe)
        return _built(*found, recipe)


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
        return _built(*read_file(self.path, recipe), recipe)

    def stored(self) -> Upload:
        """The same table kept as an upload, so that it outlives the file and its changes."""
        recipe = Recipe.from_text(self.recipe) if self.recipe else None
        with _readable(self.path) as path:
            asked, rows = (AS_FOUND, 0) if recipe is None else (recipe.reading, recipe.rows)
            return Upload(store_upload(path, path.name, asked, rows=rows), self.recipe)


def read_file(path: str, recipe: Recipe | None = None, asked: ReadAs | None = None) -> tuple[pd.DataFrame, Reading]:
    """The table at a path as a recipe reads it, and how; `asked` stands above what the recipe says.

    Raises `InvalidInput` with one sentence when there is none.
    """
    kept, rows = ((), 0) if recipe is None else (recipe.kept, recipe.rows)
    said = asked or (AS_FOUND if recipe is None else recipe.reading)
    with _readable(path) as file:
        return read_table(file, file.name, said, kept, rows)


def load_for(fingerprint: str, recipe: Recipe) -> tuple[pd.DataFrame, Reading]:
    """The table of an upload as a recipe reads it, and how. Raises `InvalidInput` when it cannot be read so."""
    return load_upload(fingerprint, recipe.kept, recipe.reading)


@contextmanager
def _readable(path: str) -> Iterator[Path]:
    """A file of this machine, as long as it is read."""
    file = Path(path)
    if not file.is_file():
        raise InvalidInput(f"there is no file {path!r}; check the path")
    try:
        yield file
    except OSError as error:
        raise InvalidInput(f"the file {path!r} cannot be read ({error.strerror}); check its rights") from error


def csv_source(path: str, tasks: Sequence[str] = (), asked: ReadAs | None = None) -> CsvFile:
    """A file with these columns as tasks, read as asked; all else as proposed.

    Raises `InvalidInput` when a column is not there.
    """
    if not tasks and asked is None:
        return CsvFile(path)
    frame, reading = read_file(path, asked=asked)
    return CsvFile(path, first_recipe(frame, reading, tasks).to_text())


def first_recipe(frame: pd.DataFrame, reading: Reading, tasks: Sequence[str] = ()) -> Recipe:
    """The proposal for a table, which says how it was read, and of how many rows it was made where they were drawn."""
    return replace(guess_recipe(frame, tasks), rows=reading.rows if reading.drawn_from else 0, reading=reading.asked)


def _built(frame: pd.DataFrame, reading: Reading, recipe: Recipe | None) -> Dataset:
    chosen = guess_recipe(frame) if recipe is None else recipe
    notes = (*reading.notes, *in_doubt(reading.doubts, chosen.missing))
    return build_dataset(frame, chosen, Path(reading.filename).stem, notes)


__all__ = [
    "Column",
    "CsvFile",
    "ReadAs",
    "Reading",
    "Recipe",
    "Upload",
    "build_dataset",
    "csv_source",
    "first_recipe",
    "guess",
    "guess_recipe",
    "load_for",
    "load_original",
    "load_upload",
    "read_file",
    "read_table",
    "store_upload",
]
