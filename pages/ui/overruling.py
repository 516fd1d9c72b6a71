"""How a table was read, and a person's word against it: where the names are, what stands between cells, and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pandas as pd
import streamlit as st

from mtl_core.data.dialect import WORDS, Top
from mtl_core.data.encodings import CHOICES
from mtl_core.data.read_as import AS_FOUND, AUTOMATIC, DECIMALS, NONE, SEPARATORS, ReadAs
from mtl_core.data.reading import Reading
from mtl_core.registry import Knob
from pages.ui.text import cut, listing

KNOBS = {item.name: item for item in ReadAs.knobs()}
TEXT = ("names", "data", "delimiter", "decimal", "encoding", "every_row")
WORKBOOK = ("sheet", "names", "data", "decimal", "every_row")
HELD, OUT, DATA = "names", "left out", "data"


@dataclass(frozen=True)
class Seen:
    """What a person looks at while choosing: the first rows of a file, and what else there is to choose from."""

    top: Top
    sheets: Sequence[str] = ()
    encodings: Sequence[str] = CHOICES
    found: Mapping[str, str] = field(default_factory=dict)
    """What was found out, in words, where it was: knob -> words."""

    @property
    def shown(self) -> tuple[str, ...]:
        """The knobs that mean something for this file."""
        return WORKBOOK if self.sheets else TEXT


def seen(reading: Reading) -> Seen:
    encodings = tuple(dict.fromkeys((reading.encoding.removesuffix("-sig"), *reading.others, *CHOICES)))
    marks = {sign: word for word, sign in DECIMALS.items()}
    found = {
        "names": f"row {listing(list(map(str, reading.head)))}" if reading.head else "no row",
        "delimiter": f"a {WORDS.get(reading.delimiter, '')}",
        "decimal": marks[reading.decimal],
        "encoding": reading.encoding,
        "sheet": cut(next(iter(reading.sheets), ""), 24),
    }
    return Seen(reading.top, reading.sheets, encodings, found)


def first_rows(top: Top, reading: Reading | None = None) -> None:
    """The first rows as they stand in the file; where it was read, what each was read as."""
    width = max(len(cells) for _, cells in top)
    rows = [[row, _role(row, reading), *cells, *[""] * (width - len(cells))] for row, cells in top]
    columns = ["Row", "Read as", *map(str, range(1, width + 1))]
    table = pd.DataFrame(rows, columns=columns)
    table = table if reading is not None else table.drop(columns="Read as")
    config = {"Row": st.column_config.NumberColumn(width=45), "Read as": st.column_config.TextColumn(width=70)}
    alt = "The first rows of the file as they stand there"
    st.dataframe(table, hide_index=True, height="content", column_config=config, alt=alt)


def choices(key: str, asked: ReadAs, facts: Seen, then: Callable[..., None] | None = None, args: Any = ()) -> None:
    """A widget for each knob that means something here; `then` is called when one was turned."""
    with st.grid(2, min_column_width=150):
        for name in facts.shown:
            if name != "data" or chosen(key, asked).names != AUTOMATIC:
                _widget(KNOBS[name], key, asked, facts, {"on_change": then, "args": args})


def chosen(key: str, asked: ReadAs) -> ReadAs:
    """What the widgets say; `asked` where there are none. Raises `InvalidInput` when that does not go together."""
    said = {name: st.session_state.get(f"{key}.{name}", getattr(asked, name)) for name in KNOBS}
    if said["names"] == AUTOMATIC or said["names"] != asked.names:
        said["data"] = AS_FOUND.data  # it was said of other names
    return ReadAs.from_settings(said)


def _widget(item: Knob, key: str, asked: ReadAs, facts: Seen, change: Mapping[str, Any]) -> None:
    value, here = getattr(asked, item.name), f"{key}.{item.name}"
    if item.type is bool:
        st.toggle(item.label, value, key=here, help=item.help, **change)
        return
    options = _options(item.name, value, facts)
    st.selectbox(
        item.label,
        list(options),
        list(options).index(value),
        format_func=options.__getitem__,
        key=here,
        help=item.help if item.name != "names" else None,
        **change,
    )


def _options(name: str, value: Any, facts: Seen) -> dict[Any, str]:
    """What can be chosen, in words; what is in force is among it."""
    rows = [row for row, _ in facts.top]
    found: dict[str, dict[Any, str]] = {
        "names": {AUTOMATIC: "As found", NONE: "No row has names"}
        | {str(row): f"In row {row}" for row in rows}
        | {f"{a}-{b}": f"In rows {a} and {b}, put together" for a, b in pairwise(rows)},
        "data": {0: "The row below the names"} | {row: f"Row {row}" for row in rows[1:]},
        "delimiter": {AUTOMATIC: "As found"} | {word: f"A {word}" for word in SEPARATORS},
        "decimal": {AUTOMATIC: "As found"} | {word: f"{word.capitalize()} ({sign})" for word, sign in DECIMALS.items()},
        "encoding": {AUTOMATIC: "As found"} | {each: each for each in facts.encodings},
        "sheet": {"": "As found"} | {each: cut(each, 30) for each in facts.sheets},
    }
    options = found[name]
    default = KNOBS[name].default
    if value == default and name in facts.found:
        options[default] = f"As found: {facts.found[name]}"
    return options if value in options else options | {value: str(value)}


def _role(row: int, reading: Reading | None) -> str:
    if reading is None:
        return ""
    return HELD if row in reading.head else DATA if row >= reading.first else OUT
