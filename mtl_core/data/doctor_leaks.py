"""What the doctor finds in features that know too much: copies of a target, its parts, values that fix it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from mtl_core.data.columns import as_text, short
from mtl_core.data.findings import Finding, out, without
from mtl_core.data.leaks import copies, maps
from mtl_core.data.pins import Pin, Pins
from mtl_core.data.recipe import Recipe
from mtl_core.data.relations import ALMOST, SURE, Feats, parts_of, rank_correlations, some_rows
from mtl_core.tasks import kinds


def given_away(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    """Features that give a task away by themselves: in all rows, or wherever they have one value."""
    features = frame[[name for name in recipe.features if name not in dict(recipe.dates) and name not in recipe.texts]]
    some = some_rows(features)
    feats = Feats(some)
    suspected: set[tuple[str, str]] = set()
    for task, kind in [*recipe.tasks, *((name, "regression") for name in recipe.edges)]:
        suspects = _by_class(feats, frame[task]) if _has_classes(kind) else _by_number(feats, frame[task])
        for name, exact in suspects:
            code, how = ("leak-copy", "gives") if exact else ("leak-almost", "almost gives")
            what = f"Feature {name!r} {how} {'edge' if task in recipe.edges else 'task'} {task!r} away."
            why = "A network that can copy the answer learns nothing, alone or together."
            suspected.add((name, task))
            yield Finding(code, (name, task), what, why, f"Leave {short(name)!r} out", without(recipe, name))
    yield from _pinned(frame, recipe, suspected)


def _has_classes(kind: str) -> bool:
    return kind in kinds and kinds[kind].needs_classes


def _by_number(feats: Feats, target: pd.Series) -> Iterator[tuple[str, bool]]:
    """Feature, and whether it is a copy up to unit, or names one number with each of its values."""
    some = feats.features
    numbers = some.select_dtypes("number")
    labels = pd.to_numeric(target, errors="coerce").reindex(some.index)
    found = rank_correlations(numbers, labels)
    for name in found.index[found > ALMOST]:
        yield str(name), copies(numbers[name], labels)
    codes = pd.factorize(labels)[0]
    for name in some.columns.difference(numbers.columns, sort=False):
        if feats.named_right(name, codes) > SURE:
            yield str(name), maps(some[name], labels)


def _by_class(feats: Feats, target: pd.Series) -> Iterator[tuple[str, bool]]:
    some = feats.features
    codes = pd.factorize(as_text(target.reindex(some.index)))[0]
    for name in some.columns:
        if feats.named_right(name, codes) > SURE:
            labels = pd.Series(codes, some.index, dtype=float)
            yield str(name), maps(some[name], labels.mask(labels < 0))


def _pinned(frame: pd.DataFrame, recipe: Recipe, suspected: set[tuple[str, str]]) -> Iterator[Finding]:
    """Features of which one value fixes a task: tasks that it fixes alike are one finding."""
    tasks = dict(recipe.tasks)
    pins = Pins(frame, {*dict(recipe.dates), *recipe.texts})
    for name in recipe.features:
        found: dict[Pin, list[str]] = {}
        for task in tasks:
            pin = None if (name, task) in suspected else pins.find(name, task, _has_classes(tasks[task]))
            if pin is not None:
                found.setdefault(pin, []).append(task)
        for pin, fixed in found.items():
            what = _fixed_words(name, pin, fixed)
            why = "These answers are read off one cell, often filled in afterwards; they tell nothing of sharing."
            fix = f"Leave {short(name)!r} out"
            yield Finding("leak-value", (name, *fixed), what, why, fix, without(recipe, name))


def _fixed_words(feature: str, found: Pin, tasks: list[str]) -> str:
    named = f"task{'s' * (len(tasks) > 1)} {' and '.join(map(repr, tasks))} {'are' if len(tasks) > 1 else 'is'}"
    rows = f"{found.rows:,} rows, {found.share:.1%}"
    if found.exact:
        return f"Feature {feature!r} {found.where} exactly where {named} {found.answer} ({rows})."
    return f"{named[:1].upper()}{named[1:]} {found.answer} wherever feature {feature!r} {found.where} ({rows})."


def sums(frame: pd.DataFrame, recipe: Recipe) -> Iterator[Finding]:
    """Tasks that other columns add up to."""
    tasks = [name for name, kind in recipe.tasks if kind in kinds and not kinds[kind].needs_classes]
    some = some_rows(frame[[*recipe.features, *tasks]]).select_dtypes("number")
    seen: set[frozenset[str]] = set()
    for task in [name for name in tasks if name in some]:
        plain = [name for name in some if name != task and not copies(some[name], some[task])]
        parts = parts_of(some[plain], some[task])
        leaking = [name for name in parts if name in recipe.features]
        if not parts or frozenset((task, *parts)) in seen:
            continue
        seen.add(frozenset((task, *parts)))
        what = f"Task {task!r} is computed from {' and '.join(map(repr, parts))}."
        if leaking:
            why = "A network that is given the parts learns the sum, and nothing else."
            yield Finding("leak-sum", (task, *parts), what, why, out(leaking), without(recipe, *leaking))
        else:
            why = "It adds no knowledge of its own, and counts the other tasks twice."
            yield Finding("task-sum", (task, *parts), what, why, out([task]), without(recipe, task))


LEAK_CHECKS = (given_away, sums)
