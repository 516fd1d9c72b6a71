"""What a person decided about a table: what each column is for, which cells count, how rows are split."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mtl_core.data.boxes import BoxColumns
from mtl_core.data.columns import Column, guess
from mtl_core.data.inputs import Inputs
from mtl_core.data.read_as import AS_FOUND, ReadAs
from mtl_core.registry import InvalidInput, hint

Pairs = tuple[tuple[str, str], ...]
PLAIN = Inputs()
SINGLES = ("group", "each", "query", "weight", "split", "by")
_JSON: dict[str, Callable[[Any], Any]] = {
    "inputs": lambda inputs: inputs.settings(),
    "reading": lambda reading: reading.changed(),
    "boxes": lambda boxes: [[box.name, box.columns, box.form] for box in boxes],
}


@dataclass(frozen=True)
class Recipe:
    """Roles of a table's columns; the others are ignored.

    tasks: (column, kind of task) pairs. categories: features that hold numbers but stand for categories.
    group: column that names the subject of each row (rows of one subject stay together), or "".
    missing: (column, text of a cell) pairs that count as empty. once: rows that repeat an earlier one are left out.
    each: column of whose values each becomes a task of its own (schools, shops); then there is one target. Or "".
    dates: (column, order of its dates) pairs, see `dates.py`. texts: features that are free text.
    query: column that names the list in which a row is ranked, or "".
    weight: column that says how much each row counts, or "".
    kept: (column, word) pairs: words such as NA that are values here and not missing cells.
    split, by: how rows are dealt to training and test (`cuts.py`), and the column that says so, or "".
    inputs: how columns become the inputs of a network.
    boxes: four columns each that are learned as one task.
    rows: so many rows are drawn of a table that has more; 0 = all, or as many as are proposed where it is too large.
    reading: how the file is read, as far as a person said so.
    """

    features: tuple[str, ...]
    tasks: Pairs
    categories: tuple[str, ...] = ()
    group: str = ""
    missing: Pairs = ()
    once: bool = False
    each: str = ""
    dates: Pairs = ()
    texts: tuple[str, ...] = ()
    query: str = ""
    weight: str = ""
    kept: Pairs = ()
    split: str = ""
    by: str = ""
    inputs: Inputs = PLAIN
    boxes: tuple[BoxColumns, ...] = ()
    rows: int = 0
    reading: ReadAs = AS_FOUND

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is used, features first, each once."""
        singles = [name for name in (self.group, self.each, self.query, self.weight, self.by) if name]
        return tuple(dict.fromkeys([*self.features, *dict(self.tasks), *self.edges, *singles]))

    @property
    def edges(self) -> tuple[str, ...]:
        """Columns that are part of a box."""
        return tuple(name for box in self.boxes for name in box.columns)

    def role_of(self, name: str) -> str:
        """What a column is for: "feature", "task", "box", "group", "query", "each", "weight" or "ignore"."""
        singles = {name: getattr(self, name) for name in ("group", "each", "query", "weight")}
        several = {"task": dict(self.tasks), "box": self.edges, "feature": self.features}
        found = [role for role, names in several.items() if name in names]
        return next(iter([*found, *(role for role, column in singles.items() if column == name)]), "ignore")

    @property
    def learns(self) -> bool:
        """There is something to predict."""
        return bool(self.tasks or self.boxes)

    def to_text(self) -> str:
        """JSON in one line: the form in which a source keeps it. What stands at its default is left out."""
        return json.dumps(self.to_json(), ensure_ascii=False)

    def to_json(self) -> dict[str, Any]:
        facts: dict[str, Any] = {name: getattr(self, name) for name in ("features", "tasks", "categories", "group")}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if item.name not in facts and value != item.default:
                facts[item.name] = _JSON.get(item.name, lambda each: each)(value)
        return facts

    @classmethod
    def from_text(cls, text: str) -> Recipe:
        try:
            return cls.from_json(json.loads(text))
        except json.JSONDecodeError as error:
            raise _no_recipe() from error

    @classmethod
    def from_json(cls, facts: Any) -> Recipe:
        """Raises `InvalidInput` with one sentence when the JSON is no recipe."""
        try:
            words: dict[str, Any] = {name: str(facts.get(name, "")) for name in SINGLES}
            names: dict[str, Any] = {name: tuple(map(str, facts.get(name, ()))) for name in ("categories", "texts")}
            pairs: dict[str, Any] = {name: _pairs(facts.get(name, ())) for name in ("missing", "dates", "kept")}
            features, tasks, once = tuple(map(str, facts["features"])), _pairs(facts["tasks"]), facts.get("once")
            inputs = Inputs.from_settings(dict(facts.get("inputs", {})))
            reading = ReadAs.from_settings(dict(facts.get("reading", {})))
            boxes = tuple(map(BoxColumns.from_json, facts.get("boxes", ())))
            rows = max(int(facts.get("rows", 0)), 0)
        except InvalidInput:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise _no_recipe() from error
        more: dict[str, Any] = {
            "once": once is True,
            "inputs": inputs,
            "boxes": boxes,
            "rows": rows,
            "reading": reading,
        }
        return cls(features, tasks, **words, **names, **pairs, **more)

    def without(self, names: Iterable[str]) -> Recipe:
        """The same for a table that lacks these columns."""
        gone = set(names)
        kept: dict[str, Any] = {
            item: tuple(name for name in getattr(self, item) if name not in gone)
            for item in ("features", "categories", "texts")
        }
        for item in ("tasks", "missing", "dates", "kept"):
            kept[item] = tuple(pair for pair in getattr(self, item) if pair[0] not in gone)
        for item in ("group", "each", "query", "weight"):
            kept[item] = "" if getattr(self, item) in gone else getattr(self, item)
        kept["boxes"] = tuple(box for box in self.boxes if not gone & set(box.columns))
        if self.by in gone:
            kept |= {"split": "", "by": ""}
        return dataclasses.replace(self, **kept)


def guess_recipe(frame: pd.DataFrame, tasks: Sequence[str] = ()) -> Recipe:
    """The proposal as it stands; `tasks` names the columns to predict where that is already known."""
    return proposed(guess(frame), tasks)


def proposed(columns: Iterable[Column], tasks: Sequence[str] = ()) -> Recipe:
    """The same from what the columns seem to be."""
    known = {column.name: column for column in columns}
    for name in tasks:
        check_known(name, known)
    chosen = list(tasks) or [name for name, column in known.items() if column.role == "task"]
    weight = next((name for name, column in known.items() if column.role == "weight" and name not in chosen), "")
    unused = {*chosen, weight, *(name for name, column in known.items() if column.role == "ignore")}
    features = tuple(name for name in known if name not in unused)
    return Recipe(
        features,
        tuple((name, known[name].kind or "regression") for name in chosen),
        dates=tuple((name, known[name].order) for name in features if known[name].order),
        texts=tuple(name for name in features if known[name].type == "text"),
        weight=weight,
    )


def check_known(name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise InvalidInput(f"the table has no column {name!r}{hint(name, list(known))}")


def _pairs(value: Any) -> Pairs:
    return tuple((str(column), str(text)) for column, text in value)


def _no_recipe() -> InvalidInput:
    return InvalidInput('a recipe is JSON: {"features": [...], "tasks": [[column, kind], ...]}')
