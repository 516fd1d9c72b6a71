"""What is no data within a table: nameless empty columns, rows without a value, comments and lines below the table."""

from __future__ import annotations

import re

import pandas as pd

from mtl_core.data.columns import plural
from mtl_core.data.headers import COMMENT, shown
from mtl_core.data.numbers import as_numbers

_SENTENCE = re.compile(r"[\s:：]")
BELOW = 20
"""So many lines at the end may say where the table comes from."""


def cleaned(
    frame: pd.DataFrame, header: list[str], decimal: str = ".", every_row: bool = False
) -> tuple[pd.DataFrame, list[str]]:
    """Without nameless empty columns (a separator at the end of each line), rows without any value and remarks.

    every_row: what reads like a remark is a row.
    """
    notes = []
    nameless = [i for i in range(frame.shape[1]) if i >= len(header) or not header[i].strip()]
    unused = {frame.columns[i] for i in nameless if frame.iloc[:, i].isna().all()}
    notes += [f"Column {i + 1} has no name; it is called {frame.columns[i]!r}." for i in nameless]
    notes = [note for i, note in zip(nameless, notes, strict=True) if frame.columns[i] not in unused]
    frame = frame.drop(columns=list(unused))
    blank = frame.isna().all(axis=1)
    if blank.any():
        notes.append(f"Rows without any value were left out ({blank.sum():,}).")
        frame = frame[~blank].reset_index(drop=True)
    frame, said = (frame, []) if every_row else _without_remarks(frame, decimal)
    for name in [each for each in frame.columns if pd.api.types.is_object_dtype(frame[each])]:
        frame[name] = frame[name].where(frame[name].isna(), frame[name].astype(str)).astype("str")
    return frame, [*notes, *said]


def _without_remarks(frame: pd.DataFrame, decimal: str) -> tuple[pd.DataFrame, list[str]]:
    """Without comments between the rows and lines below them: texts that stand alone in the first column."""
    if frame.shape[1] < 2 or not pd.api.types.is_string_dtype(frame.dtypes.iloc[0]):
        return frame, []
    alone = _alone(frame)
    comments = alone[alone.str.match(COMMENT)]
    below = (
        _below(alone.drop(comments.index), len(frame) - 1 - _tail(comments, len(frame))) if frame.shape[1] > 2 else []
    )
    gone = [*comments.index, *below]
    if not gone or len(gone) == len(frame):
        return frame, []
    example = shown([str(frame.iloc[gone[0], 0])])
    kept = frame.drop(index=gone).reset_index(drop=True)
    first = kept.columns[0]
    kept[first] = as_numbers(kept[first], decimal)
    lines = plural(len(gone), "line")
    return kept, [f"Comments between the rows or below them were left out ({lines}, such as {example})."]


def _alone(frame: pd.DataFrame) -> pd.Series:
    """The texts of the first column in rows that hold nothing else; columns rule out most rows one by one."""
    rows = frame.index[frame.iloc[:, 0].notna() & frame.iloc[:, 1].isna()]
    for i in range(2, frame.shape[1]):
        if not len(rows):
            break
        rows = rows[frame.iloc[rows, i].isna()]
    return frame.iloc[rows, 0]


def _tail(comments: pd.Series, rows: int) -> int:
    """How many rows at the very end are comments."""
    count = 0
    while rows - 1 - count in comments.index:
        count += 1
    return count


def _below(alone: pd.Series, last: int) -> list[int]:
    """Rows at the end, up to the one before `last`, that are sentences: several words, or a word with a colon."""
    found: list[int] = []
    while (
        last in alone.index
        and len(found) < BELOW
        and any(sign in str(alone[last]).strip() for sign in (" ", ":", "："))
    ):
        found.insert(0, last)
        last -= 1
    return found
