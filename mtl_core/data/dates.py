"""Dates as people write them: which part is the day, and the moments they name.

A column has one order of day, month and year. It is found once, on the whole column, and kept in the recipe: next
month's file may hold no day beyond the 12th.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

ORDERS = ("year first", "day first", "month first")
ENOUGH = 0.9
"""Share of the texts of a column that must be dates."""
PIVOT = 70
"""Two digits of a year from here on are 19.., below 20.."""
_SOME = 1000
_DATE = re.compile(
    r"\s*([0-9]{1,4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,4})日?"
    r"(?:[ T]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?\s*"
    r"([AaPp][Mm])?(?:\s*(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2}))?)?\s*"
)


def date_order(texts: pd.Series) -> str:
    """Which of `ORDERS` the dates in a column of texts have; "" where it holds no dates.

    Where neither day nor month ever exceeds 12, the part with more different values is the day.
    """
    known = texts.dropna()
    if not len(known) or not known.head(_SOME).str.fullmatch(_DATE.pattern).mean() > ENOUGH:
        return ""
    parts = known.drop_duplicates().str.extract(_DATE.pattern)[[0, 1, 2]].dropna().astype(int)
    first, second, last = (parts[i] for i in range(3))
    if (first > 31).mean() > ENOUGH:
        return "year first" if (second <= 12).mean() > ENOUGH and (last <= 31).mean() > ENOUGH else ""
    if first.max() > 12:
        return "day first" if second.max() <= 12 and first.max() <= 31 else ""
    if second.max() > 12:
        return "month first" if second.max() <= 31 else ""
    return "month first" if second.nunique() > first.nunique() else "day first"


def moments_of(column: pd.Series, order: str) -> pd.Series:
    """The moments that a column of texts names, in seconds (NaT where a cell is empty or no date of this order)."""
    values = column.drop_duplicates().dropna()
    if not len(values):
        return pd.Series(pd.NaT, column.index, "datetime64[s]", name=column.name)
    found = _parsed(values.astype("str"), order)
    cells = column.map(dict(zip(values, found, strict=True))).to_numpy("datetime64[s]")
    return pd.Series(cells, column.index, name=column.name)


def _parsed(texts: pd.Series, order: str) -> pd.Series:
    parts = texts.str.fullmatch(_DATE.pattern)
    cells = texts.where(parts).str.extract(_DATE.pattern)
    numbers = cells[[0, 1, 2, 3, 4, 5]].apply(pd.to_numeric)
    places = {"year first": (0, 1, 2), "day first": (2, 1, 0), "month first": (2, 0, 1)}[order]
    year, month, day = (numbers[i] for i in places)
    year = year.where(year >= 100, year + np.where(year >= PIVOT, 1900, 2000))
    hour = numbers[3].fillna(0) % 24
    late = cells[6].str.lower()
    hour = hour.mask(late == "pm", hour % 12 + 12).mask(late == "am", hour % 12)
    dated = pd.to_datetime(pd.DataFrame({"year": year, "month": month, "day": day}), errors="coerce")
    seconds = hour * 3600 + numbers[4].fillna(0) * 60 + numbers[5].fillna(0)
    moments: pd.Series = (dated + pd.to_timedelta(seconds.fillna(0), unit="s")).astype("datetime64[s]")
    return moments


__all__ = ["ORDERS", "date_order", "moments_of"]
