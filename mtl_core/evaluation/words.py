"""Numbers and verdicts in plain words: three significant digits, percent without decimals from 10 up."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mtl_core.metrics import metrics

HELPS, HURTS, NO_DIFFERENCE, NOT_ENOUGH = "helps", "hurts", "no clear difference", "not enough seeds"
SHOWN = {HELPS: HELPS, HURTS: HURTS, NO_DIFFERENCE: NO_DIFFERENCE, NOT_ENOUGH: "not enough folds"}
"""Verdicts as people read them: the folds are what a verdict lacks."""

BASELINES = {
    "equal_width": "single-task networks of equal width",
    "equal_parameters": "single-task networks with as many parameters in total",
}


def number(value: float) -> str:
    """Three significant digits, thousands with commas."""
    rounded = float(f"{value:.3g}")
    if rounded == 0 or not 1e-4 <= abs(rounded) < 1e6:
        return f"{rounded:.3g}"
    decimals = max(2 - math.floor(math.log10(abs(rounded))), 0)
    text = f"{rounded:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def metric_word(name: str) -> str:
    """The literature's word for a metric: log-loss, RRMSE."""
    return metrics[name].term or metrics[name].title


def percent(value: float) -> str:
    """Digits of the size of a percentage: 3.4, 14, 230."""
    size = abs(value)
    if size > 999.5:
        return "more than 999"
    return f"{size:.0f}" if size >= 9.95 else f"{size:.1f}".removesuffix(".0")


def amount(gain: float, relative: bool) -> str:
    """The size of a gain without its direction: "14 %" or "0.012"."""
    return f"{percent(gain)} %" if relative else number(abs(gain))


def change(gain: float, relative: bool) -> str:
    """What became of the error: "14 % lower", "0.012 higher", "the same"."""
    if amount(gain, relative) in ("0", "0 %"):
        return "the same"
    return f"{amount(gain, relative)} {'lower' if gain >= 0 else 'higher'}"


def span(low: float, high: float, relative: bool) -> str:
    """An interval of gains: "9 to 19" where both ends have one sign, else "from 5 % higher to 11 % lower"."""
    if low * high < 0:
        return f"from {change(low, relative)} to {change(high, relative)}"
    near, far = sorted((abs(low), abs(high)))
    return f"{percent(near)} to {percent(far)}" if relative else f"{number(near)} to {number(far)}"


def listing(parts: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def sentence(text: str) -> str:
    """First letter large, a full stop at the end."""
    return f"{text[:1].upper()}{text[1:]}."
