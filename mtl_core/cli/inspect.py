"""What the Data page would say of a table: how it was read, what its columns seem to be, and what to look at."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mtl_core.cli.overruling import Said, with_reading
from mtl_core.data.building import build_dataset
from mtl_core.data.columns import Column, guess
from mtl_core.data.doctor import diagnose
from mtl_core.data.findings import MISSING_CODES, Finding, merged
from mtl_core.data.parsing import in_doubt
from mtl_core.data.read_as import ReadAs
from mtl_core.data.recipe import Recipe
from mtl_core.data.saved import SavedRecipe, differences, fitted, saved
from mtl_core.data.table import first_recipe, read_file
from mtl_core.data.treatment import treated
from mtl_core.registry import InvalidInput

TRIED_CELLS = 10_000_000
"""Roles of a larger table are tried when it is used: trying takes longer than reading it."""
COLUMN_FACTS = ("name", "type", "role", "kind", "reason", "missing", "distinct", "examples")


def told(
    path: Path,
    recipe_file: Path | None = None,
    save: Path | None = None,
    fixes: Sequence[str] = (),
    said: Said | None = None,
) -> dict[str, Any]:
    """Everything that is proposed, ready for JSON. Raises `InvalidInput` when the file is no table.

    recipe_file: a saved recipe to use instead of the proposal; what differs is told. save: where to save the recipe.
    fixes: codes of findings whose fixes are taken. said: how the table is read, as far as a person said so.
    """
    past = None if recipe_file is None else read_recipe(recipe_file, said)
    asked = ReadAs.from_settings(said or {}) if past is None else past.recipe.reading
    frame, reading = read_file(str(path), None if past is None else past.recipe, asked)
    recipe = first_recipe(frame, reading) if past is None else fitted(past.recipe, frame)
    for code in fixes:
        recipe = fixed(frame, recipe, code)
    if save is not None:
        write(save, saved(frame, recipe, reading.filename).to_text())
    differing = {} if past is None else {"differences": [dataclasses.asdict(each) for each in differences(past, frame)]}
    facts = dataclasses.asdict(reading) | {"notes": [*reading.notes, *in_doubt(reading.doubts, recipe.missing)]}
    facts["layout"] = reading.in_words()
    return {
        **facts,
        "columns": [_column(column, recipe) for column in guess(treated(frame, recipe.missing))],
        "findings": [_finding(finding) for finding in diagnose(frame, recipe)],
        "recipe": recipe.to_json(),
        "refused": _refused(frame, recipe, reading.filename),
        **differing,
    }


def fixed(frame: pd.DataFrame, recipe: Recipe, code: str) -> Recipe:
    """The recipe with every fix of one code taken. Raises `InvalidInput` where there is none."""
    found = [each for each in diagnose(frame, recipe) if each.code == code and each.recipe is not None]
    if not found:
        raise InvalidInput(f"there is nothing to fix by {code!r} in this table; see what mtl-lab inspect finds")
    if code in MISSING_CODES:
        return merged(recipe, found)
    for _ in range(len(found)):  # a fix may make others needless
        more = [each.recipe for each in diagnose(frame, recipe) if each.code == code and each.recipe is not None]
        recipe = more[0] if more else recipe
    return recipe


def _refused(frame: pd.DataFrame, recipe: Recipe, title: str) -> str:
    """Why these roles cannot be trained with, in one sentence; "" where they can."""
    if frame.size > TRIED_CELLS:
        return ""
    try:
        build_dataset(frame, recipe, title)
    except InvalidInput as problem:
        return str(problem)
    return ""


def read_recipe(path: Path, said: Said | None = None) -> SavedRecipe:
    """A saved recipe; `said` of how the table is read stands above what it says of that.

    Raises `InvalidInput` with one sentence when the file holds no recipe.
    """
    try:
        past = SavedRecipe.from_text(path.read_text("utf-8"))
        return dataclasses.replace(past, recipe=with_reading(past.recipe, said or {}))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidInput(f"the recipe {str(path)!r} cannot be read ({reason}); check the path") from error


def recipe_for(saved_recipe: Path | None, data: str | None, console: Console, said: Said | None = None) -> str:
    """A saved recipe that fits the table, with its differences on the console; "" where none is given."""
    if saved_recipe is None:
        return ""
    if data is None or not Path(data).is_file():
        raise InvalidInput("a recipe needs its table: name the file with --data")
    return checked(saved_recipe, Path(data), lambda what: console.print(what, markup=False, soft_wrap=True), said)


def checked(saved_recipe: Path, data: Path, warn: Callable[[str], None], said: Said | None = None) -> str:
    """The recipe as a source keeps it, once it is known to fit; milder differences go to `warn`, one sentence each.

    Raises `InvalidInput` when a column that it uses is missing or of another type.
    """
    past = read_recipe(saved_recipe, said)
    found = differences(past, read_file(str(data), past.recipe)[0])
    stops = [each.what for each in found if each.stops]
    if stops:
        raise InvalidInput(f"the recipe does not fit this table: {' '.join(stops)} Change the table or the recipe")
    for each in found:
        warn(each.what)
    return past.recipe.to_text()


def write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written ({error.strerror}); choose another file") from error


def show(out: Console, facts: dict[str, Any]) -> None:
    """The same for people; what stands in the file is shown letter for letter."""
    rows = "1 row" if facts["rows"] == 1 else f"{facts['rows']:,} rows"
    columns = "1 column" if len(facts["columns"]) == 1 else f"{len(facts['columns']):,} columns"
    layout = f"; {facts['layout']}" if facts["layout"] else ""
    out.print(Text(f"{facts['filename']}: {rows}, {columns}{layout}"))
    for note in facts["notes"]:
        out.print(Text(f"- {note}"))
    table = Table("Column", "Found", "Use as", "Learn as", "Missing", "Why")
    for column in facts["columns"]:
        cells = (column["name"], column["type"], column["role"], column["kind"], f"{column['missing']:.0%}")
        table.add_row(*(Text(cell) for cell in (*cells, column["reason"])))
    out.print(table)
    if "differences" in facts:
        out.print(Text("Against the table that the recipe was made for:"))
        for each in [each["what"] for each in facts["differences"]] or ["no difference"]:
            out.print(Text(f"- {each}"))
    for finding in facts["findings"]:
        fix = f" Fix: {finding['fix']}." if finding["fix"] else ""
        out.print(Text(f"[{finding['code']}] {finding['what']} {finding['why']}{fix}"))
    if facts["refused"]:
        out.print(Text(f"Not yet to be trained with: {facts['refused']}."))


def _column(column: Column, recipe: Recipe) -> dict[str, Any]:
    kind = dict(recipe.tasks).get(column.name, column.kind)
    facts = {name: getattr(column, name) for name in COLUMN_FACTS}
    return facts | {"role": recipe.role_of(column.name), "kind": kind}


def _finding(finding: Finding) -> dict[str, Any]:
    recipe = None if finding.recipe is None else json.loads(finding.recipe.to_text())
    return {**dataclasses.asdict(dataclasses.replace(finding, recipe=None)), "recipe": recipe}
