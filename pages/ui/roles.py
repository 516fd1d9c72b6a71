"""The roles of a table's columns as an editable table, and back again. Pure: columns in, a recipe out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from mtl_core.data.boxes import boxes_of
from mtl_core.data.columns import Column
from mtl_core.data.recipe import Recipe
from mtl_core.registry import InvalidInput
from mtl_core.tasks import kinds

FEATURE, CATEGORIES, TASK, GROUP, IGNORE = "feature", "feature, as categories", "task", "group", "ignore"
EACH, QUERY, EDGE, WEIGHT = "each value a task", "query of a ranking", "edge of a box", "row weight"
ROLES = (FEATURE, CATEGORIES, TASK, EDGE, GROUP, QUERY, EACH, WEIGHT, IGNORE)
_WORDS = {
    "feature": FEATURE,
    "task": TASK,
    "box": EDGE,
    "group": GROUP,
    "each": EACH,
    "query": QUERY,
    "weight": WEIGHT,
    "ignore": IGNORE,
}
KINDS = {kinds[name].title: name for name in kinds if not kinds[name].in_boxes}
"""What a task can be learned as: the words on the page -> the kind of task."""
UNLEARNABLE = {
    "constant": "is the same in every row, so there is nothing to learn; choose another column",
    "empty": "has no value in any row, so there is nothing to learn; choose another column",
    "text": 'holds free texts, which can only be features; choose another column, or under "Learn as" say what it is',
}
"""Types of columns for which no kind of task is guessed -> why not."""
COLUMNS = ("column", "role", "kind", "shape", "examples", "missing", "found", "reason")


def role_table(columns: Sequence[Column], recipe: Recipe | None = None) -> pd.DataFrame:
    """A row a column of the uploaded table, tasks first, with the proposed roles, or with those of a recipe."""
    rows = [
        {
            "column": column.name,
            "role": _WORDS[column.role] if recipe is None else _role(column.name, recipe),
            "kind": _kind(column, recipe),
            "found": column.type,
            "missing": column.missing,
            "shape": list(column.shape),
            "examples": " | ".join(column.examples),
            "reason": column.reason,
        }
        for column in columns
    ]
    rows.sort(key=lambda row: row["role"] not in (TASK, EDGE))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def to_recipe(table: pd.DataFrame, columns: Sequence[Column] = (), known: Recipe | None = None) -> Recipe:
    """The recipe that an edited table of roles says. Raises `InvalidInput` when it says none.

    columns: what they seem to be: a feature of dates is used as dates, free text as text. known: a recipe that knows
    better, and that says everything which is no role.
    """
    groups, each, queries, weights = (_named(table, role) for role in (GROUP, EACH, QUERY, WEIGHT))
    singles = {
        "are both groups": groups,
        "both make a task of each value": each,
        "are both queries": queries,
        "are both weights": weights,
    }
    for what, names in singles.items():
        if len(names) > 1:
            raise InvalidInput(f"columns {names[0]!r} and {names[1]!r} {what}; keep one")
    tasks = [(row["column"], _kind_name(row)) for _, row in table.iterrows() if row["role"] == TASK]
    features = tuple(table["column"][table["role"].isin([FEATURE, CATEGORIES])])
    categories = tuple(_named(table, CATEGORIES))
    plain = [name for name in features if name not in categories]
    known = known or Recipe((), ())
    names = [column.name for column in columns]
    edges = sorted(_named(table, EDGE), key=lambda name: names.index(name) if name in names else 0)
    orders = {column.name: column.order for column in columns if column.order} | dict(known.dates)
    texts = {column.name for column in columns if column.type == "text"} | set(known.texts)
    return replace(
        known,
        features=features,
        tasks=tuple(tasks),
        categories=categories,
        dates=tuple((name, orders[name]) for name in dict.fromkeys([*plain, known.by]) if name in orders),
        texts=tuple(name for name in plain if name in texts),
        group="".join(groups),
        each="".join(each),
        query="".join(queries),
        weight="".join(weights),
        boxes=boxes_of(edges, known.boxes, [*names, *(name for name, _ in tasks)]),
    )


def _named(table: pd.DataFrame, role: str) -> list[str]:
    return list(table["column"][table["role"] == role])


def _kind_name(row: pd.Series) -> str:
    if row["kind"] not in KINDS:
        why = UNLEARNABLE.get(row["found"], 'has no kind yet; choose one under "Learn as"')
        raise InvalidInput(f"task {row['column']!r} {why}")
    return KINDS[row["kind"]]


def _role(name: str, recipe: Recipe) -> str:
    word = _WORDS[recipe.role_of(name)]
    return CATEGORIES if word == FEATURE and name in recipe.categories else word


def _kind(column: Column, recipe: Recipe | None) -> str | None:
    name = dict(recipe.tasks).get(column.name, column.kind) if recipe else column.kind
    return kinds[name].title if name else None
