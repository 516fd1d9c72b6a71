"""What the Data page would say of a table: how it was read, what its columns seem to be, and what to look at."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mtl_core.data.columns import Column, guess
from mtl_core.data.doctor import Finding, diagnose
from mtl_core.data.recipe import guess_recipe
from mtl_core.data.table import read_file

COLUMN_FACTS = ("name", "type", "role", "kind", "reason", "missing", "distinct", "examples")


def told(path: Path) -> dict[str, Any]:
    """Everything that is proposed, ready for JSON. Raises `InvalidInput` when the file is no table."""
    frame, reading = read_file(str(path))
    recipe = guess_recipe(frame)
    return {
        **dataclasses.asdict(reading),
        "columns": [_column(column) for column in guess(frame)],
        "findings": [_finding(finding) for finding in diagnose(frame, recipe)],
        "recipe": json.loads(recipe.to_text()),
    }


def show(out: Console, facts: dict[str, Any]) -> None:
    """The same for people; what stands in the file is shown letter for letter."""
    out.print(Text(f"{facts['filename']}: {facts['rows']:,} rows, {len(facts['columns']):,} columns"))
    for note in facts["notes"]:
        out.print(Text(f"- {note}"))
    table = Table("Column", "Found", "Use as", "Learn as", "Missing", "Why")
    for column in facts["columns"]:
        cells = (column["name"], column["type"], column["role"], column["kind"], f"{column['missing']:.0%}")
        table.add_row(*(Text(cell) for cell in (*cells, column["reason"])))
    out.print(table)
    for finding in facts["findings"]:
        fix = f" Fix: {finding['fix']}." if finding["fix"] else ""
        out.print(Text(f"[{finding['code']}] {finding['what']} {finding['why']}{fix}"))


def _column(column: Column) -> dict[str, Any]:
    return {name: getattr(column, name) for name in COLUMN_FACTS}


def _finding(finding: Finding) -> dict[str, Any]:
    recipe = None if finding.recipe is None else json.loads(finding.recipe.to_text())
    return {**dataclasses.asdict(dataclasses.replace(finding, recipe=None)), "recipe": recipe}
