"""A recipe as a file, and whether another table fits it: next month's file, with every difference in a sentence.

Beside the recipe the file keeps how each column looked, so that a column in another unit or with new values is seen.
Nothing of it is applied in silence: `differences` says what differs, `fitted` what would be left of the recipe.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.columns import CATEGORY_LIMIT, as_text, short
from mtl_core.data.dates import date_order, moments_of
from mtl_core.data.prepare import TARGET_LIMIT
from mtl_core.data.recipe import Recipe
from mtl_core.data.treatment import treated
from mtl_core.registry import InvalidInput
from mtl_core.tasks import kinds

NEW_SHARE = 0.05
"""So much more of a column may be empty before it is a difference."""
SHOWN = 3
WORDS = {"number": "numbers", "date": "dates", "text": "texts", "empty": "nothing"}


@dataclass(frozen=True)
class Seen:
    """How a column looked. form: a key of `WORDS`. missing: share of empty cells. values: its different texts, where
    they are few. low, middle, high: between which the middle nine tenths of its numbers lie, and their median."""

    name: str
    form: str
    missing: float
    values: tuple[str, ...] = ()
    low: float | None = None
    middle: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Difference:
    """what: one sentence. stops: the recipe cannot be applied to this table as it is."""

    column: str
    what: str
    stops: bool = False


@dataclass(frozen=True)
class SavedRecipe:
    """A recipe, and the table that it was made for: its file's name and its columns."""

    recipe: Recipe
    filename: str = ""
    columns: tuple[Seen, ...] = ()

    def to_text(self) -> str:
        """JSON for a file that people may read."""
        facts = {"recipe": self.recipe.to_json(), "filename": self.filename}
        columns = [
            {key: value for key, value in asdict(each).items() if value not in (None, ())} for each in self.columns
        ]
        return json.dumps({**facts, "columns": columns}, ensure_ascii=False, indent=1)

    @classmethod
    def from_text(cls, text: str) -> SavedRecipe:
        """Also of a bare recipe, and of what `mtl-lab inspect --json` prints. Raises `InvalidInput`."""
        try:
            facts = json.loads(text)
        except ValueError as error:
            raise InvalidInput("this is no recipe: it is not JSON; choose a file that was saved as a recipe") from error
        if not isinstance(facts, dict) or not isinstance(facts.get("recipe", facts), dict):
            raise InvalidInput("this is no recipe; choose a file that was saved as a recipe")
        recipe = Recipe.from_json(facts.get("recipe", facts))
        try:
            columns = tuple(_seen_from(each) for each in facts.get("columns", ()) if "form" in each)
            return cls(recipe, str(facts.get("filename", "")), columns)
        except (TypeError, ValueError, KeyError) as error:
            raise InvalidInput("this recipe's list of columns is damaged; save the recipe again") from error


def saved(frame: pd.DataFrame, recipe: Recipe, filename: str) -> SavedRecipe:
    """A recipe together with how the columns of its table look."""
    frame = treated(frame, recipe.missing)
    return SavedRecipe(recipe, filename, tuple(seen(frame[name]) for name in frame.columns))


def seen(column: pd.Series) -> Seen:
    """How a column looks."""
    facts: dict[str, Any] = {"name": str(column.name), "missing": round(float(column.isna().mean()), 4)}
    known = column.dropna()
    if not len(known):
        return Seen(form="empty", **facts)
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        facts |= _range(known.to_numpy(float))
        form = "number"
    else:
        form = "date" if date_order(as_text(known)) else "text"
    values = as_text(known.drop_duplicates().head(CATEGORY_LIMIT + 1)) if form != "date" else ()
    few = len(values) <= CATEGORY_LIMIT and known.nunique() <= CATEGORY_LIMIT
    return Seen(form=form, values=tuple(sorted(values)) if few else (), **facts)


def _range(numbers: NDArray[np.float64]) -> dict[str, float]:
    """Where the finite numbers lie; nothing where there are none."""
    finite = numbers[np.isfinite(numbers) & (np.abs(numbers) < TARGET_LIMIT)]
    if not len(finite):
        return {}
    places = np.quantile(finite, [0.05, 0.5, 0.95])
    return {name: float(f"{place:.6g}") for name, place in zip(("low", "middle", "high"), places, strict=True)}


def differences(past: SavedRecipe, frame: pd.DataFrame) -> tuple[Difference, ...]:
    """What differs between the table that a recipe was made for and another, what stops it first."""
    frame = treated(frame, [pair for pair in past.recipe.missing if pair[0] in frame])
    found = [*_columns(past, frame), *_looks(past, frame)]
    return tuple(sorted(found, key=lambda each: not each.stops))


def fitted(recipe: Recipe, frame: pd.DataFrame) -> Recipe:
    """The recipe without the columns that a table lacks. Raises `InvalidInput` when nothing is left to learn."""
    left = recipe.without([name for name in _mentioned(recipe) if name not in frame.columns])
    if not left.learns or not left.features:
        what = "no task" if not left.learns else "no feature"
        raise InvalidInput(f"the recipe is for another table: with the columns of this file it has {what}")
    return left


# --- what differs -----------------------------------------------------------------------------------------------
def _mentioned(recipe: Recipe) -> tuple[str, ...]:
    pairs = [name for kind in (recipe.missing, recipe.dates, recipe.kept) for name, _ in kind]
    return tuple(dict.fromkeys([*recipe.columns, *pairs]))


def _columns(past: SavedRecipe, frame: pd.DataFrame) -> Iterator[Difference]:
    tasks = dict(past.recipe.tasks)
    for name in past.recipe.columns:
        if name not in frame.columns:
            role = (
                "a task"
                if name in tasks or name in past.recipe.edges
                else "a feature"
                if name in past.recipe.features
                else "used by the recipe"
            )
            yield Difference(name, f"Column {short(name)!r} ({role}) is not in this file.", stops=True)
    known = {each.name for each in past.columns}
    for name in [str(column) for column in frame.columns]:
        if known and name not in known:
            yield Difference(name, f"Column {short(name)!r} is new; the recipe leaves it out.")


def _looks(past: SavedRecipe, frame: pd.DataFrame) -> Iterator[Difference]:
    """Columns that are there and look different."""
    dates = dict(past.recipe.dates)
    classes = {name for name, kind in past.recipe.tasks if kind in kinds and kinds[kind].needs_classes}
    for name in [name for name in past.recipe.columns if name in frame.columns and name in dates]:
        moments = moments_of(as_text(frame[name]), dates[name])
        if odd := int((moments.isna() & frame[name].notna()).sum()):
            what = f"Column {short(name)!r} has {odd:,} cells that are no dates that read {dates[name]}."
            yield Difference(name, what, stops=odd == frame[name].notna().sum())
    for old in past.columns:
        if old.name in past.recipe.columns and old.name in frame.columns:
            categories = old.name in past.recipe.categories or old.form == "text" or old.name in classes
            yield from _changes(old, seen(frame[old.name]), frame[old.name], categories)


def _changes(old: Seen, new: Seen, column: pd.Series, categories: bool) -> Iterator[Difference]:
    name = short(old.name)
    if new.form != old.form:
        odd = f", for instance {short(as_text(column.dropna().head(1)).iloc[0])!r}" if new.form != "empty" else ""
        what = f"Column {name!r} held {WORDS[old.form]} and holds {WORDS[new.form]} here{odd}."
        yield Difference(old.name, what, stops="empty" not in (old.form, new.form))
        return
    if new.missing > old.missing + NEW_SHARE:
        what = f"Column {name!r} is empty in {new.missing:.0%} of the rows; it was in {old.missing:.0%}."
        yield Difference(old.name, what)
    if categories and old.values and (unseen := _unseen(old.values, column)):
        yield Difference(old.name, f"Column {name!r} has values that the recipe's table had not: {unseen}.")
    elif _other_unit(old, new):
        here, before = (f"{each.low:,.6g} and {each.high:,.6g}" for each in (new, old))
        what = f"Column {name!r} lies mostly between {here} here and lay between {before}; perhaps it has another unit."
        yield Difference(old.name, what)


def _unseen(values: Sequence[str], column: pd.Series) -> str:
    texts = as_text(column.dropna())
    counts = texts[~texts.isin(values)].value_counts()
    shown = [f"{short(str(name))!r} ({count:,})" for name, count in counts.head(SHOWN).items()]
    more = [f"{len(counts) - SHOWN:,} more"] if len(counts) > SHOWN else []
    return ", ".join([*shown, *more])


def _other_unit(old: Seen, new: Seen) -> bool:
    """The middle lies outside of where nearly all numbers lay, or they spread over ten times as much or as little."""
    if old.low is None or old.high is None or new.low is None or new.high is None or new.middle is None:
        return False
    before, here = old.high - old.low, new.high - new.low
    moved = not old.low <= new.middle <= old.high
    return moved or (before > 0 and here > 0 and not 0.1 <= here / before <= 10)


def _seen_from(facts: dict[str, Any]) -> Seen:
    numbers = {name: float(facts[name]) for name in ("low", "middle", "high") if name in facts}
    if facts["form"] not in WORDS:
        raise ValueError(facts["form"])
    values = tuple(map(str, facts.get("values", ())))
    return Seen(str(facts["name"]), str(facts["form"]), float(facts["missing"]), values, **numbers)
