"""Boxes in a table: four columns of numbers that are one thing to learn, known by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.registry import InvalidInput

FORMS = {
    "corners": "left, top, right, bottom",
    "size": "left, top, width, height",
    "middle": "middle across, middle down, width, height",
}
"""What four columns may say, in this order."""
EDGES = 4
SURE = 0.99
"""Share of the rows in which the four numbers must make a box before one is proposed."""
_PARTS = {
    "corners": ("left top right bottom", "xmin ymin xmax ymax", "minx miny maxx maxy", "x1 y1 x2 y2", "x0 y0 x1 y1"),
    "size": ("left top width height", "x y width height", "x y w h", "xmin ymin width height", "left top w h"),
    "middle": ("cx cy w h", "xc yc w h", "cx cy width height", "xcenter ycenter width height", "centerx centery w h"),
}
_SETS = [(form, tuple(words.split())) for form, sets in _PARTS.items() for words in sets]
_UNIT = re.compile(r"\s*[\[(][^\])]*[\])]\s*$")
_BREAK = re.compile(r"[\s_.\-]+")


@dataclass(frozen=True)
class BoxColumns:
    """Four columns that are learned as one box. form: a key of `FORMS`, what they say in this order."""

    name: str
    columns: tuple[str, ...]
    form: str = "corners"

    @classmethod
    def from_json(cls, value: Any) -> BoxColumns:
        """Raises `ValueError` when the JSON is none."""
        name, columns, form = value
        if form not in FORMS or len(columns) != EDGES:
            raise ValueError(f"a box has a name, four columns and one of {', '.join(FORMS)}")
        return cls(str(name), tuple(map(str, columns)), str(form))


def find_boxes(frame: pd.DataFrame) -> tuple[BoxColumns, ...]:
    """Columns that by their names and their numbers are boxes; no column is in two."""
    able = [str(name) for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])]
    found: list[BoxColumns] = []
    for box in named_boxes(able, frame.columns):
        taken = {name for each in found for name in each.columns}
        if not taken & set(box.columns) and _is_box(corners(frame, box)):
            found.append(box)
    return tuple(found)


def named_boxes(names: Iterable[str], known: Iterable[str] = ()) -> list[BoxColumns]:
    """Every set of four names that says where a thing begins and ends. known: names that a box cannot have."""
    places: dict[tuple[str, str], str] = {}
    for name in names:
        words = _BREAK.split(_UNIT.sub("", name).strip().lower())
        for count in range(1, min(len(words), 2) + 1):
            places.setdefault((" ".join(words[:-count]), "".join(words[-count:])), name)
    prefixes = dict.fromkeys(prefix for prefix, _ in places)
    found = []
    for prefix in prefixes:
        for form, parts in _SETS:
            if all((prefix, part) in places for part in parts):
                columns = tuple(places[prefix, part] for part in parts)
                found.append(BoxColumns(box_name(prefix, known), columns, form))
    return found


def box_name(prefix: str, known: Iterable[str]) -> str:
    """What a box is called: no column has this name."""
    name, taken = prefix or "box", set(map(str, known))
    return (
        name
        if name not in taken
        else next(f"{name} {i}" for i in range(2, len(taken) + 3) if f"{name} {i}" not in taken)
    )


def boxes_of(edges: Sequence[str], known: Sequence[BoxColumns], taken: Iterable[str]) -> tuple[BoxColumns, ...]:
    """The boxes of columns that are marked as edges: those known already, those known by name, else four by four.

    Raises `InvalidInput` when columns are left over.
    """
    found = [box for box in known if set(box.columns) <= set(edges)]
    left = [name for name in edges if name not in {each for box in found for each in box.columns}]
    if len(left) % EDGES:
        raise InvalidInput(
            f"a box has four edges, and {len(left)} columns are marked as such ({', '.join(map(repr, left[:5]))}); "
            "mark four for each box"
        )
    names = {*taken, *(box.name for box in found)}
    for start in range(0, len(left), EDGES):
        four = left[start : start + EDGES]
        named = [box for box in named_boxes(four, names) if set(box.columns) == set(four)]
        found.append(named[0] if named else BoxColumns(box_name("", names), tuple(four)))
        names.add(found[-1].name)
    return tuple(found)


def corners(frame: pd.DataFrame, box: BoxColumns) -> NDArray[np.float64]:
    """Left, top, right and bottom of every row [N, 4]; NaN in a row that lacks one of them."""
    values = frame[list(box.columns)].to_numpy(float, na_value=np.nan, copy=True)
    values[np.isnan(values).any(1)] = np.nan
    first, second = values[:, :2], values[:, 2:]
    if box.form == "size":
        second = first + second
    elif box.form == "middle":
        first, second = first - second / 2, first + second / 2
    return np.concatenate([first, second], 1)


def area(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of boxes [N, 4]: [N], NaN without a box."""
    found: NDArray[np.float64] = (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1])
    return found


def inside_out(edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows whose box ends before it begins."""
    with np.errstate(invalid="ignore"):
        return np.flatnonzero((edges[:, 2] < edges[:, 0]) | (edges[:, 3] < edges[:, 1]))


def _is_box(edges: NDArray[np.float64]) -> bool:
    known = edges[~np.isnan(edges).any(1)]
    sound = len(known) - len(inside_out(known))
    return len(known) > 0 and sound >= SURE * len(known) and bool((np.ptp(known, axis=0) > 0).any())
