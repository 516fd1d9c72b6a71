"""What a finding about a table is, and the changed recipes that mend one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from mtl_core.data.columns import short
from mtl_core.data.recipe import Recipe

MISSING_CODES = ("sentinel", "text-in-numbers", "missing-word")
"""Findings about cells that may be empty: their fixes only take these as missing."""


@dataclass(frozen=True)
class Finding:
    """code: a word that does not change. columns: where. what, why: a sentence each. fix: what `recipe` would do,
    in a few words; "" and None where only a person can mend it. brief: which cells, where it is about cells."""

    code: str
    columns: tuple[str, ...]
    what: str
    why: str
    fix: str = ""
    recipe: Recipe | None = None
    brief: str = ""


def without(recipe: Recipe, *names: str) -> Recipe:
    fields = ("features", "categories", "texts")
    kept: dict[str, Any] = {
        field: tuple(each for each in getattr(recipe, field) if each not in names) for field in fields
    }
    tasks = tuple(task for task in recipe.tasks if task[0] not in names)
    return replace(recipe, tasks=tasks, **kept)


def emptied(recipe: Recipe, column: str, texts: list[str]) -> Recipe:
    return replace(recipe, missing=(*recipe.missing, *((column, text) for text in texts)))


def merged(recipe: Recipe, findings: Iterable[Finding]) -> Recipe:
    """A recipe with what several fixes add to it: cells that count as missing, features, kinds of tasks."""
    fixed = [each.recipe for each in findings if each.recipe is not None]
    missing = dict.fromkeys([*recipe.missing, *(pair for each in fixed for pair in each.missing)])
    features = dict.fromkeys([*recipe.features, *(name for each in fixed for name in each.features)])
    kinds = dict(recipe.tasks) | {
        name: kind for each in fixed for name, kind in each.tasks if (name, kind) not in recipe.tasks
    }
    tasks = tuple((name, kinds[name]) for name, _ in recipe.tasks)
    return replace(recipe, missing=tuple(missing), features=tuple(features), tasks=tasks)


def out(names: list[str]) -> str:
    return f"Leave {' and '.join(repr(short(name)) for name in names)} out"


def listed(texts: list[str]) -> str:
    return ", ".join(repr(short(text)) for text in texts[:5]) + (" ..." if len(texts) > 5 else "")
