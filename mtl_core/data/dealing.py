"""What a recipe says about rows: whose they are, in which list they are ranked, how much they count, and where they
stand in a split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.columns import CLASS_LIMIT, as_text
from mtl_core.data.cuts import SAME_TEST, cuts
from mtl_core.data.dates import date_order, moments_of
from mtl_core.data.parts import given_parts, parts_of_flag
from mtl_core.data.recipe import Recipe
from mtl_core.data.row_weights import weights_of
from mtl_core.data.steps import in_order
from mtl_core.registry import InvalidInput

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Dealing:
    """Fields of a `Dataset` of N rows, and what a person should know of them."""

    groups: Codes | None = None
    queries: Codes | None = None
    split: str = "spread"
    places: NDArray[np.float64] | None = None
    parts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    row_weights: NDArray[np.float64] | None = None

    def rows(self, chosen: Codes) -> Dealing:
        """The same for some of the rows."""
        arrays = {name: getattr(self, name) for name in ("groups", "queries", "places", "row_weights")}
        return replace(self, **{name: value[chosen] for name, value in arrays.items() if value is not None})

    def fields(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "notes"}


def dealt(frame: pd.DataFrame, recipe: Recipe) -> Dealing:
    """Raises `InvalidInput` with one sentence where a column cannot say what it should."""
    groups, notes = _codes(frame[recipe.group], "subjects") if recipe.group else (None, [])
    queries, more = _codes(frame[recipe.query], "queries") if recipe.query else (None, [])
    if groups is not None and queries is not None:
        _check_nested(queries, groups, recipe)
    found = _placed(frame, recipe) if recipe.split else Dealing()
    kept = queries if groups is None else groups
    weights, told = weights_of(frame, recipe) if recipe.weight else (None, [])
    return replace(found, groups=kept, queries=queries, row_weights=weights, notes=(*notes, *more, *told, *found.notes))


def _codes(column: pd.Series, what: str) -> tuple[Codes, list[str]]:
    """A number for each subject or query [N]; a row without one is one of its own."""
    codes = pd.factorize(column)[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max() + 1 + np.arange(alone.sum())
    if not alone.any():
        return codes, []
    return codes, [f"Rows without a value of {column.name!r} count as {what} of their own ({alone.sum():,})."]


def _check_nested(queries: Codes, groups: Codes, recipe: Recipe) -> None:
    pairs = pd.DataFrame({"query": queries, "group": groups}).drop_duplicates()
    if len(pairs) > len(np.unique(queries)):
        raise InvalidInput(
            f"some queries of {recipe.query!r} have rows of several groups of {recipe.group!r}, so neither can stay "
            "together; use one of the two columns"
        )


def _placed(frame: pd.DataFrame, recipe: Recipe) -> Dealing:
    """Where each row stands, for the ways to split that go by a column."""
    cut = cuts[recipe.split]
    if not cut.needs:
        return Dealing(split=recipe.split)
    if not recipe.by:
        raise InvalidInput(f'to split "{cut.title.lower()}" choose the column that says the {cut.needs} of each row')
    if recipe.by in dict(recipe.tasks):
        raise InvalidInput(f"column {recipe.by!r} is a task, so it cannot say how rows are split; choose another")
    column = frame[recipe.by]
    if n_empty := int(column.isna().sum()):
        raise InvalidInput(
            f"column {recipe.by!r} is empty in {n_empty:,} of {len(column):,} rows, so these have no place in the "
            "split; fill them in or split in another way"
        )
    return _timed(column, recipe) if cut.needs == "time" else _parted(column, recipe)


def _timed(column: pd.Series, recipe: Recipe) -> Dealing:
    note = (
        "Folds roll through time: each tests on rows that come after all that it learned from. The first folds learn "
        "from fewer rows, and the earliest rows are never tested."
    )
    if pd.api.types.is_numeric_dtype(column):
        return Dealing(split=recipe.split, places=column.to_numpy(float), notes=(note,))
    order = dict(recipe.dates).get(recipe.by) or date_order(column)
    moments = moments_of(column, order) if order else pd.Series(pd.NaT, column.index)
    if n_odd := int(moments.isna().sum()):
        odd = as_text(column)[moments.isna()].iloc[0]
        raise InvalidInput(
            f"column {recipe.by!r} has neither numbers nor dates in {n_odd:,} rows, for instance {odd[:40]!r}; "
            "choose the column that says when each row was made"
        )
    seconds = np.array(moments.astype("int64"), dtype=np.float64)
    return Dealing(split=recipe.split, places=seconds, notes=(note,))


def _parted(column: pd.Series, recipe: Recipe) -> Dealing:
    texts = as_text(column)
    texts = texts.replace(parts_of_flag(recipe.by, texts.unique()))
    names = tuple(texts.drop_duplicates())
    if not 2 <= len(names) <= CLASS_LIMIT:
        raise InvalidInput(
            f"column {recipe.by!r} has {len(names):,} different values; to say how rows are split it needs 2 to "
            f"{CLASS_LIMIT}, for instance train and test, or the numbers of folds"
        )
    names = in_order(names) or tuple(sorted(names))
    places = np.array(pd.Categorical(texts, categories=list(names)).codes, dtype=np.float64)
    return Dealing(None, None, recipe.split, places, names, (SAME_TEST,) if given_parts(names) else ())
