"""Marks that people and programs write where there is no value.

Those that programs write by themselves (R, pandas, spreadsheets, databases) are read as missing, and counted so that a
person can keep one: NA is Namibia's code. All others may be values (无 may say that there are no allergies, -200 may be
a temperature), so they are only proposed: nothing becomes missing before a person says so.
"""

from __future__ import annotations

import re

import pandas as pd

STANDARD = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null")
"""What programs write: read as missing."""
_SIGNS = ("?", "??", "-", "--", "---", "–", "—", ".", "..", "...", "*", "**", "/")
_WORDS = ("n.a.", "n.a", "na", "n.d.", "k.a.", "none", "nil", "missing", "unknown", "unspecified", "not available")
_CHINESE = ("无", "無", "没有", "缺失", "未知", "不明", "不详", "暂无", "空", "空值")
_ERRORS = ("#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!", "(null)", "(blank)", "no data")
UNUSUAL = frozenset((*_SIGNS, *_WORDS, *_CHINESE, *_ERRORS))
"""What people write, in small letters: proposed."""
CODES = (-200, -999, -9999, -99999, -99, 999, 9999, 99999, 999999)
"""Numbers that instruments and surveys write where there is no value: proposed where they lie far from the rest."""
_DIGIT = re.compile(r"\d")


def is_mark(cell: str) -> bool:
    """A cell that says by itself that there is no value, or may say so."""
    text = cell.strip()
    return text in STANDARD or text.casefold() in UNUSUAL


def unusual(cells: pd.Series) -> dict[str, int]:
    """Cells of a column of texts that may say "missing", each with how often it stands there."""
    different = pd.Series(cells.unique()).dropna()
    marks = different[different.str.strip().str.lower().isin(UNUSUAL)]
    counts = cells[cells.isin(marks)].value_counts() if len(marks) else marks.value_counts()
    return {str(name): int(count) for name, count in counts.items()}


def has_digit(cell: str) -> bool:
    return _DIGIT.search(cell) is not None
