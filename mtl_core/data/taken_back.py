"""Fixes that were taken, and how one is taken back: what it changed goes back, what was decided since stays."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mtl_core.data.recipe import Recipe
from mtl_core.registry import InvalidInput

MOST = 40
"""So many fixes are kept for one table, the last ones."""
_ROLES = ("features", "tasks", "boxes")


@dataclass(frozen=True)
class Fix:
    """One click that changed a recipe. what: the words on its button."""

    what: str
    before: Recipe
    after: Recipe


def taken_back(now: Recipe, fix: Fix) -> Recipe:
    """The recipe without a fix; the recipe itself where nothing of the fix is left in it.

    A column whose role was changed again since keeps it. Another way to read the file means other columns, so it is
    taken back with everything that was decided since.
    """
    before, after = fix.before, fix.after
    if now == after or before.reading != after.reading:
        return before if now.reading == after.reading else now
    changed: dict[str, Any] = {}
    pinned = _moved(now, after)
    for field in dataclasses.fields(Recipe):
        old, new, current = (getattr(recipe, field.name) for recipe in (before, after, now))
        if old == new:
            continue
        if isinstance(old, tuple):
            changed[field.name] = _elements_back(old, new, current, pinned if field.name in _ROLES else frozenset())
        elif current == new:
            changed[field.name] = old
    back = replace(now, **changed)
    moved, others = _moved(before, after), _roles(replace(back, features=()))
    free = [name for name in back.features if name not in moved or name not in others]
    return replace(back, features=tuple(free))


def in_force(fixes: Iterable[Fix], now: Recipe) -> tuple[Fix, ...]:
    """The fixes that can still be taken back, the last one first; what came with the recipe stands at the end."""
    found = [fix for fix in fixes if taken_back(now, fix) != now][::-1]
    return (*found, *_came_along(found, now))


def _came_along(fixes: Sequence[Fix], now: Recipe) -> list[Fix]:
    """Cells and rows that do not count and that no fix accounts for: of an address, a run, a saved recipe."""
    known = {pair for fix in fixes for pair in fix.after.missing if pair not in fix.before.missing}
    cells = tuple(pair for pair in now.missing if pair not in known)
    found = []
    if cells:
        shown = ", ".join(f"{text.removesuffix('.0')!r} in {name!r}" for name, text in cells[:3])
        more = f" and {len(cells) - 3:,} more" if len(cells) > 3 else ""
        left = tuple(pair for pair in now.missing if pair in known)
        found.append(Fix(f"Take as missing: {shown}{more}", replace(now, missing=left), now))
    if now.once and not any(fix.after.once and not fix.before.once for fix in fixes):
        found.append(Fix("Use repeated rows once", replace(now, once=False), now))
    return found


def to_text(fixes: Sequence[Fix]) -> str:
    """JSON of the last fixes."""
    return json.dumps([[fix.what, fix.before.to_json(), fix.after.to_json()] for fix in fixes[-MOST:]])


def from_text(text: str) -> tuple[Fix, ...]:
    """The fixes in a JSON text; none where it is damaged."""
    try:
        return tuple(Fix(str(what), *map(Recipe.from_json, recipes)) for what, *recipes in json.loads(text))
    except (ValueError, TypeError, InvalidInput):
        return ()


def _moved(one: Recipe, other: Recipe) -> frozenset[str]:
    """Columns that have another role in the other recipe."""
    first, second = _roles(one), _roles(other)
    return frozenset(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def _roles(recipe: Recipe) -> dict[str, str]:
    """The role of every column that has one; at once, since a wide table has thousands."""
    several = {"feature": recipe.features, "box": recipe.edges, "task": dict(recipe.tasks)}
    found = {name: role for role, names in several.items() for name in names}
    others = {name: recipe.role_of(name) for name in recipe.columns if name not in found}
    return {name: role for name, role in others.items() if role != "ignore"} | found


def _elements_back(old: Any, new: Any, current: Any, pinned: frozenset[str]) -> tuple[Any, ...]:
    """The elements without those that a fix added and with those that it took away, but for those of pinned columns."""
    if current == new and pinned.isdisjoint(name for each in (*old, *new) for name in _names(each)):
        return tuple(old)
    before, after = set(old), set(new)
    kept = [each for each in current if each in before or each not in after or not pinned.isdisjoint(_names(each))]
    known = after.union(kept)
    gone = [each for each in old if each not in known and pinned.isdisjoint(_names(each))]
    return (*kept, *gone)


def _names(element: Any) -> tuple[str, ...]:
    """Columns that an element of a recipe is about."""
    if isinstance(element, str):
        return (element,)
    return tuple(element.columns) if hasattr(element, "columns") else (element[0],)
