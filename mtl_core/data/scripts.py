"""Which texts are free text, and whether their script writes spaces between words."""

from __future__ import annotations

import re

import pandas as pd

WORDS, SIGNS = 4, 8
"""From so many words on average (signs, where no spaces are written) texts are sentences rather than names."""
_SOME = 1000
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")


def is_unspaced(texts: pd.Series) -> bool:
    """Most letters belong to a script without spaces between words."""
    text = " ".join(map(str, texts.dropna().head(_SOME)))
    return 2 * len(_UNSPACED.findall(text)) > len(_LETTER.findall(text))


def is_free_text(values: pd.Series) -> bool:
    """Different texts of a column are sentences rather than names."""
    some = values.head(_SOME).astype(str)
    if is_unspaced(some):
        return bool(some.str.len().mean() >= SIGNS)
    return bool(some.str.count(r"\S+").mean() >= WORDS)
