"""Numbers that people write with a thousands mark: a whole column of them becomes numbers, or none of it."""

from __future__ import annotations

import re

import pandas as pd

MARKS = {",": (",", " ", "'", "\u00a0", "\u202f"), ".": (".", " ", "'", "\u00a0", "\u202f")}
"""Thousands marks to look for, by the mark that cannot be the decimal one."""


def with_thousands(cells: pd.Series, decimal: str) -> tuple[pd.Series, str]:
    """A column of texts as numbers where every known cell is one and some have a thousands mark; and that mark.

    The column comes back as it was, with "", when a single cell is anything else: `1,2` is no thousand.
    """
    known = cells.dropna()
    for mark in MARKS["," if decimal == "." else "."]:
        pattern = rf"[+-]?(?:[0-9]+|[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+)(?:{re.escape(decimal)}[0-9]+)?"
        if all(re.fullmatch(pattern, text) for text in known.head(100)) and known.str.fullmatch(pattern).all():
            if not known.str.contains(mark, regex=False).any():
                return cells, ""
            plain = known.str.replace(mark, "", regex=False).str.replace(decimal, ".", regex=False)
            return pd.to_numeric(plain).reindex(cells.index), mark
    return cells, ""
