"""The roles of a table's columns as an editable table, and back again. Pure: columns in, a recipe out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mtl_core.data.columns import Column
from mtl_core.data.recipe import Recipe
from mtl_core.registry import InvalidInput
from mtl_core.tasks import kinds

FEATURE, CATEGORIES, TASK, GROUP, IGNORE = "feature", "feature, as categories", "task", "group", "ignore"
EACH = "each value a task"
ROLES = (FEATURE, CATEGORIES, TASK, GROUP, EACH, IGNORE)
KINDS = {kinds[name].title: name for name in kinds}
"""What a task can be learned as: the words on the page -> the kind of task."""
COLUMNS = ("column", "role", "kind", "examples", "missing", "found", "reason")


def role_table(columns: Sequence[Column], recipe: Recipe | None = None) -> pd.DataFrame:
    """A row a column of the uploaded table, tasks first, with the proposed roles, or with those of a recipe."""
    rows = [
        {
            "column": column.name,
            "role": column.role if recipe is None else _role(column.name, recipe),
            "kind": _kind(column, recipe),
            "found": column.type,
            "missing": column.missing,
            "examples": " | ".join(column.examples),
            "reason": column.reason,
        }
        for column in columns
    ]
    rows.sort(key=lambda row: row["role"] != TASK)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def to_recipe(table: pd.DataFrame) -> Recipe:
    """The recipe that an edited table of roles says. Raises `InvalidInput` when it says none."""
    groups, each = _named(table, GROUP), _named(table, EACH)
    if len(groups) > 1:
        raise InvalidInput(f"columns {groups[0]!r} and {groups[1]!r} are both groups; keep one")
    if len(each) > 1:
        raise InvalidInput(f"columns {each[0]!r} and {each[1]!r} both make a task of each value; keep one")
    tasks = [(row["column"], _kind_name(row)) for _, row in table.iterrows() if row["role"] == TASK]
    features = tuple(table["column"][table["role"].isin([FEATURE, CATEGORIES])])
    categories = tuple(_named(table, CATEGORIES))
    return Recipe(features, tuple(tasks), categories, "".join(groups), each="".join(each))


def _named(table: pd.DataFrame, role: str) -> list[str]:
    return list(table["column"][table["role"] == role])


def _kind_name(row: pd.Series) -> str:
    if row["kind"] not in KINDS:
        raise InvalidInput(f'task {row["column"]!r} has no kind yet; choose one under "Learn as"')
    return KINDS[row["kind"]]


def _role(name: str, recipe: Recipe) -> str:
    if name in dict(recipe.tasks):
        return TASK
    if name in recipe.categories:
        return CATEGORIES
    if name == recipe.group:
        return GROUP
    if name == recipe.each:
        return EACH
    return FEATURE if name in recipe.features else IGNORE


def _kind(column: Column, recipe: Recipe | None) -> str | None:
    name = dict(recipe.tasks).get(column.name, column.kind) if recipe else column.kind
    return kinds[name].title if name else None
