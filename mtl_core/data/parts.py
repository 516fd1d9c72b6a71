"""Columns that say how the rows of a table are split: by what they are called and hold, and what their values mean."""

from __future__ import annotations

import re
from collections.abc import Iterable

WORDS = {
    "train": ("train", "training", "训练", "训练集"),
    "validation": ("validation", "valid", "val", "dev", "验证", "验证集"),
    "test": ("test", "testing", "holdout", "测试", "测试集"),
}
"""What a column may call the parts that it gives."""
PARTS, FOLDS, UNTOLD = "parts", "folds", "untold"
"""Which rows train and which test; in which fold each row is tested; a split, without saying which part is which."""
MOST_FOLDS, MOST_UNTOLD = 50, 5

_FLAG = re.compile(r"(is|in)[ _-]?(?P<part>train|training|test|testing|holdout)([ _-]?(set|data|row|sample))?", re.I)
_YES_NO = (("1", "0"), ("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("是", "否"))
_FOLD = re.compile(
    r"((cv|k|outer|inner|test|data|strat|stratified|group)[ _-]?)?folds?([ _-]?(id|no|nr|num|number|index|idx))?"
    r"|折|折号",
    re.I,
)
_SPLIT = re.compile(r"((data|data[ _-]?set|train[ _-]?test)[ _-]?)?(split|partition)", re.I)
_NUMBERED = re.compile(r"(fold|cv|f|k)?[ _-]?(\d{1,3})", re.I)


def given_parts(names: tuple[str, ...]) -> dict[str, list[int]]:
    """Codes of the values that say train, validation and test; empty where the values say something else."""
    found: dict[str, list[int]] = {}
    for code, name in enumerate(names):
        found.setdefault(_part(name), []).append(code)
    return found if "" not in found and {"train", "test"} <= set(found) else {}


def parts_of_flag(name: str, texts: Iterable[str]) -> dict[str, str]:
    """What yes and no mean in a column such as is_test: {"1": "test", "0": "train"}; empty for any other column.

    texts: its different values.
    """
    flag = _FLAG.fullmatch(name.strip())
    plain = {text.strip().casefold(): text for text in texts}
    answers = next((pair for pair in _YES_NO if set(pair) == set(plain)), None)
    if flag is None or answers is None:
        return {}
    part = _part(flag["part"])
    return dict(zip((plain[answer] for answer in answers), (part, "train" if part == "test" else "test"), strict=True))


def is_named_split(name: str) -> bool:
    """Its name alone lets a column of numbers say a split."""
    return any(named.fullmatch(name.strip()) for named in (_FLAG, _FOLD, _SPLIT))


def split_told(name: str, texts: Iterable[str]) -> str:
    """How a column says the split of the rows: `PARTS`, `FOLDS` or `UNTOLD`; "" where it says none.

    texts: its different values.
    """
    texts, name = tuple(texts), name.strip()
    if given_parts(texts) or parts_of_flag(name, texts):
        return PARTS
    if _FOLD.fullmatch(name) and _are_folds(texts):
        return FOLDS
    known = {_part(text) for text in texts}
    named = _SPLIT.fullmatch(name) is not None and 1 < len(texts) <= MOST_UNTOLD
    return UNTOLD if named or (len(known) > 1 and "train" in known and "" not in known) else ""


def _part(word: str) -> str:
    """The part that a word names, "" for any other word."""
    return next((part for part, words in WORDS.items() if word.strip().casefold() in words), "")


def _are_folds(texts: tuple[str, ...]) -> bool:
    """Numbers one after the other from 0 or 1, with or without a word before them."""
    numbered = [_NUMBERED.fullmatch(text.strip()) for text in texts]
    numbers = sorted(int(match[2]) for match in numbered if match)
    whole = 1 < len(texts) == len(numbers) <= MOST_FOLDS
    return whole and numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
