"""What a recipe changes in the cells of a table before anything else is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from mtl_core.data.columns import as_text
from mtl_core.data.sampling import chosen


def treated(frame: pd.DataFrame, missing: Iterable[tuple[str, str]], once: Sequence[str] = ()) -> pd.DataFrame:
    """The table with these cells empty, (column, text of the cell), and each row once in the columns `once`.

    A column of texts becomes numbers where only emptied cells kept it from being one.
    """
    wanted: dict[str, set[str]] = {}
    for name, text in missing:
        wanted.setdefault(name, set()).add(text)
    found = {name: _emptied(frame[name], texts) for name, texts in wanted.items() if name in frame}
    frame = frame.assign(**found)
    known = [name for name in once if name in frame]
    return frame.drop_duplicates(known).reset_index(drop=True) if known else frame


def thinned(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    """At most so many rows, drawn as of a file that is too large to be held; 0 = all."""
    if not rows or len(frame) <= rows:
        return frame
    return frame.iloc[chosen(len(frame), rows)].reset_index(drop=True)


def _emptied(column: pd.Series, texts: set[str]) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.mask(column.isin(pd.to_numeric(pd.Series(list(texts)), errors="coerce").dropna()))
    kept = column.mask(as_text(column).isin(texts))
    numbers = pd.to_numeric(kept, errors="coerce")
    return numbers if (numbers.notna() == kept.notna()).all() else kept
