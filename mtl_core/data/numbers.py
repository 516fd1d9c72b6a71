"""Numbers as people write them: a whole column of them becomes numbers, or none of it."""

from __future__ import annotations

import re

import pandas as pd

MARKS = {",": (",", " ", "'", "\u00a0", "\u202f"), ".": (".", " ", "'", "\u00a0", "\u202f")}
"""Thousands marks to look for, by the mark that cannot be the decimal one."""
_SOME = 100


def with_thousands(cells: pd.Series, decimal: str) -> tuple[pd.Series, str]:
    """A column of texts as numbers where every known cell is one and some have a thousands mark; and that mark.

    The column comes back as it was, with "", when a single cell is anything else: `1,2` is no thousand.
    """
    known = cells.dropna()
    if mark := _mark(known, decimal):
        return pd.to_numeric(_plain(known, mark, decimal)).reindex(cells.index), mark
    return cells, ""


def among_words(cells: pd.Series, decimal: str) -> pd.Series:
    """A column in which numbers stand among a few words: texts still, but its numbers written as 1234.5.

    So they are numbers as soon as a person says that the words mean nothing. Any other column comes back as it was.
    """
    known = cells.dropna()
    if decimal == "." and not known.head(_SOME).str.contains(r"\d[,'\s\u00a0\u202f]\d").any():
        return cells
    digits = known.str.contains(r"\d")
    words, numbers = known[~digits], known[digits]
    if not len(words) or len(numbers) < len(words):
        return cells
    mark = _mark(numbers, decimal)
    if not mark and (decimal == "." or not _all(numbers, _pattern("", decimal))):
        return cells
    plain = _plain(numbers, mark, decimal).reindex(cells.index)
    return plain.where(plain.notna(), cells)


def as_numbers(cells: pd.Series, decimal: str) -> pd.Series:
    """A column of texts as numbers where every known cell is one; else as it was."""
    plain = cells.str.replace(decimal, ".", regex=False) if decimal != "." else cells
    numbers = pd.to_numeric(plain, errors="coerce")
    return numbers if (numbers.notna() == cells.notna()).all() else cells


def _mark(known: pd.Series, decimal: str) -> str:
    """The thousands mark with which all these texts are numbers; "" where there is none or none is needed."""
    for mark in MARKS["," if decimal == "." else "."]:
        if _all(known, _pattern(mark, decimal)):
            return mark if known.str.contains(mark, regex=False).any() else ""
    return ""


def _pattern(mark: str, decimal: str) -> str:
    grouped = rf"|[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+" if mark else ""
    return rf"[+-]?(?:[0-9]+{grouped})(?:{re.escape(decimal)}[0-9]+)?"


def _all(known: pd.Series, pattern: str) -> bool:
    return all(re.fullmatch(pattern, text) for text in known.head(_SOME)) and bool(known.str.fullmatch(pattern).all())


def _plain(known: pd.Series, mark: str, decimal: str) -> pd.Series:
    plain = known.str.replace(mark, "", regex=False) if mark else known
    return plain.str.replace(decimal, ".", regex=False)
