"""The order of classes on a scale, where their names say one."""

from __future__ import annotations

import re
from collections.abc import Iterable

SCALES: tuple[tuple[str, ...], ...] = (
    ("very low", "low", "medium", "high", "very high"),
    ("lowest", "low", "middle", "high", "highest"),
    ("very small", "small", "medium", "large", "very large"),
    ("very poor", "poor", "fair", "good", "very good", "excellent"),
    ("very bad", "bad", "average", "good", "very good"),
    ("none", "mild", "moderate", "severe", "critical"),
    ("never", "rarely", "sometimes", "often", "always"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("很低", "低", "中", "高", "很高"),
    ("差", "中", "良", "优"),
    ("不及格", "及格", "中等", "良好", "优秀"),
)
"""Well-known scales, lowest step first."""
_NUMBERED = re.compile(r"\s*(-?\d+(?:\.\d+)?)(?!\d).*", re.S)


def in_order(texts: Iterable[str]) -> tuple[str, ...] | None:
    """Different texts from the lowest step to the highest; None where their names do not say which is which.

    They do if each begins with a number of its own ("2 stars"), or if all stand in one well-known scale.
    """
    found = tuple(dict.fromkeys(texts))
    numbered = [_NUMBERED.fullmatch(text) for text in found]
    values = [float(match[1]) for match in numbered if match]
    if len(values) == len(found) == len(set(values)):
        return tuple(sorted(found, key=lambda text: values[found.index(text)]))
    plain = [" ".join(text.casefold().split()) for text in found]
    for scale in SCALES:
        if set(plain) <= set(scale) and len(set(plain)) == len(plain):
            return tuple(sorted(found, key=lambda text: scale.index(plain[found.index(text)])))
    return None
