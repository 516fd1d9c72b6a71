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
SURE = 10
"""Days beyond the 12th are so many times as frequent as slips of the pen."""
PIVOT = 70
"""Two digits of a year from here on are 19.., below 20.."""
_SOME = 1000
_DATE = re.compile(
    r"\s*([0-9]{1,4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,4})日?"
    r"(?:[ T]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?\s*"
    r"([AaPp][Mm])?(?:\s*(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2}))?)?\s*"
)
_MONTH = re.compile(r"\s*([0-9]{4})[-/.年]([0-9]{1,2})月?\s*")
"""A month of a year counts as its first day."""


def date_order(texts: pd.Series) -> str:
    """Which of `ORDERS` the dates in a column of texts have; "" where it holds no dates.

    Where neither day nor month ever exceeds 12, the part with more different values is the day.
    """
    known = texts.dropna()
    if not len(known):
        return ""
    if known.head(_SOME).str.fullmatch(_MONTH.pattern).mean() > ENOUGH:
        found = known.drop_duplicates().str.extract(_MONTH.pattern)[1].dropna().astype(int)
        return "year first" if found.between(1, 12).all() else ""
    if not known.head(_SOME).str.fullmatch(_DATE.pattern).mean() > ENOUGH:
        return ""
    days = {re.split(r"[T ]", text.strip(), maxsplit=1)[0] for text in known.unique()}
    parts = np.array([match.group(1, 2, 3) for match in map(_DATE.fullmatch, sorted(days)) if match], int)
    first, second, last = parts.T
    if (first > 31).mean() > ENOUGH:
        return "year first" if (second <= 12).mean() > ENOUGH and (last <= 31).mean() > ENOUGH else ""
    if max((first > 31).mean(), (second > 31).mean()) > 1 - ENOUGH:
        return ""
    beyond = (first > 12).mean(), (second > 12).mean()
    if min(beyond) * SURE > max(beyond):
        return ""
    if max(beyond) > 0:
        return "day first" if beyond[0] > beyond[1] else "month first"
    return "month first" if len(np.unique(second)) > len(np.unique(first)) else "day first"


def moments_of(column: pd.Series, order: str) -> pd.Series:
    """The moments that a column of texts names, in seconds (NaT where a cell is empty or no date of this order)."""
    values = column.drop_duplicates().dropna()
    if not len(values):
        return pd.Series(pd.NaT, column.index, "datetime64[s]", name=column.name)
    found = _parsed(values.astype("str"), order)
    cells = column.map(dict(zip(values, found, strict=True))).to_numpy("datetime64[s]")
    return pd.Series(cells, column.index, name=column.name)


def _parsed(texts: pd.Series, order: str) -> pd.Series:
    whole = texts.str.replace(rf"^{_MONTH.pattern}$", r"\1-\2-1", regex=True) if order == "year first" else texts
    found = [match.groups() if match else (None,) * 7 for match in map(_DATE.fullmatch, whole)]
    cells = pd.DataFrame(found, texts.index, dtype="str")
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
