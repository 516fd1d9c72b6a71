"""Cells and columns that are probably not what they seem: codes for missing values, slipped points, subjects."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mtl_core.data.columns import as_text, short
from mtl_core.data.missing import CODES, UNUSUAL, unusual

FAR, WILD = 3.0, 50.0
"""Distance from the middle half of the values, in widths of that half."""
FEW = 5
SOME = 5000
NUMERIC = 0.8

_SUBJECT = re.compile(
    r"((patient|subject|person|participant|student|pupil|user|client|customer|animal|donor|household)"
    r"([ _-]?(id|no|nr|number|code))?|患者.*|病人.*|学号|受试者.*|用户.*)",
    re.I,
)
_QUERY = re.compile(r"(q|query|search|list|srch)[ _-]?(id|no|nr|number)|query|qid|查询.*|搜索.*", re.I)


def sentinels(column: pd.Series) -> list[str]:
    """Codes for missing values, as texts: well-known ones that stand at least twice, far from everything else."""
    if not _is_number(column):
        return []
    if not _reaches(column):
        return []
    counts = column[column.isin(CODES)].value_counts()
    codes = [code for code in CODES if counts.get(code, 0) >= 2]
    rest = column[~column.isin(codes)].dropna()
    if not codes or len(rest) < 10:
        return []
    low, high = _fences(rest, FAR)
    outside = [code for code in codes if not min(low, rest.min()) <= code <= max(high, rest.max())]
    return _as_cells(column, outside)


def odd_texts(column: pd.Series) -> list[str]:
    """The few words in a column of texts that is otherwise all numbers."""
    if pd.api.types.is_numeric_dtype(column):
        return []
    values = pd.Series(column.unique()).dropna()
    odd = values[pd.to_numeric(values, errors="coerce").isna()]
    words = list(odd.astype(str))
    few = len(words) <= FEW or {word.strip().lower() for word in words} <= UNUSUAL
    return words if words and few and len(values) > 10 and len(words) <= (1 - NUMERIC) * len(values) else []


def missing_words(column: pd.Series) -> list[str]:
    """Texts that may say that there is no value, in a column of any texts."""
    return list(unusual(column)) if pd.api.types.is_string_dtype(column) else []


def counted(column: pd.Series, texts: Sequence[str]) -> str:
    """Cells of a column with how often each stands there."""
    counts = as_text(column).value_counts()
    shown = [f"{short(text.removesuffix('.0'))!r} ({counts.get(text, 0):,})" for text in texts[:FEW]]
    return ", ".join(shown) + (f" and {len(texts) - FEW:,} more" if len(texts) > FEW else "")


def wild_values(column: pd.Series) -> list[str]:
    """At most five different values that lie absurdly far out, as texts."""
    if not _is_number(column):
        return []
    known = column.dropna()
    if len(known) < 30 or not _may_be_wild(known):
        return []
    low, high = _fences(known, WILD)
    far = known[(known < low) | (known > high)].drop_duplicates()
    return _as_cells(column, far) if high > low and 1 <= len(far) <= FEW else []


def subject_column(frame: pd.DataFrame, tasks: Sequence[str]) -> str:
    """The column that by its name says whose row it is, where most subjects have several; "" where there is none."""
    return _repeating(frame, tasks, _SUBJECT)


def query_column(frame: pd.DataFrame, tasks: Sequence[str]) -> str:
    """The column that by its name says in which list a row is ranked, where most lists have several; or ""."""
    return _repeating(frame, tasks, _QUERY)


def _repeating(frame: pd.DataFrame, tasks: Sequence[str], named: re.Pattern[str]) -> str:
    for name in [str(column) for column in frame.columns]:
        if name not in tasks and named.fullmatch(name.strip()):
            counts = frame[name].value_counts()
            if len(counts) >= FEW and (counts > 1).mean() > 0.5:
                return name
    return ""


def _reaches(column: pd.Series) -> bool:
    """Some code lies between the smallest and the largest number: a look that costs next to nothing."""
    low, high = column.min(), column.max()
    return any(low <= code <= high for code in CODES)


def _may_be_wild(known: pd.Series) -> bool:
    """Some number lies half as far out as a wild one would by the fences of some rows: a look that costs little."""
    if len(known) <= SOME:
        return True
    low, high = _fences(known.iloc[:: len(known) // SOME], WILD / 2)
    return not low <= known.min() <= known.max() <= high


def _as_cells(column: pd.Series, values: Sequence[float] | pd.Series) -> list[str]:
    """These values of a column as the texts of its cells."""
    return list(as_text(column)[column.isin(values)].drop_duplicates())


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _fences(known: pd.Series, reach: float) -> tuple[float, float]:
    """How far a value may lie from the middle half of all, which has to be wider than nothing."""
    low, high = np.quantile(known.to_numpy(float), [0.25, 0.75])
    return float(low - reach * (high - low)), float(high + reach * (high - low))
