"""Refusals of libraries and of the contract between parts, in the words of somebody who types."""

from __future__ import annotations

import re

_PLAIN = (
    (r"\b[A-Z]\w*\.(\w+) must ", lambda found: f"{found[1].replace('_', ' ')} must "),
    (r"must lie in \[-inf, ([^\]]+)\]", r"must be at most \1"),
    (r"must lie in \[([^,]+), inf\]", r"must be at least \1"),
    (r"must lie in \[([^,]+), ([^\]]+)\]", r"must lie between \1 and \2"),
    (r"Input should be a valid integer.*", "a whole number is needed"),
    (r"Input should be a valid number.*", "a number is needed"),
    (r"Input should be (greater|less) than or equal to (\S+)", r"it must be \2 or \1"),
)


def in_words(sentence: str) -> str:
    """A sentence about bad input without names of classes, ranges as in mathematics, or a library's own phrases."""
    for pattern, plain in _PLAIN:
        sentence = re.sub(pattern, plain, sentence)
    return sentence
