"""Words and numbers as a person reads them, and other people's words made harmless.

Streamlit's labels render Markdown, and a chart's titles a little HTML: a column named `![](https://x/y.png)`
would make every viewer's browser fetch that picture. Everything that a person typed or uploaded passes
through `plain` before a label shows it and through `chart_plain` before a chart does.
"""

from __future__ import annotations

import math
import re

JOINER = "\u2060"
"""Word joiner: invisible, of no width, and it never breaks a line; it breaks what a renderer would recognise."""

VERDICTS = ("helps", "hurts", "no clear difference", "not enough seeds")

QUANTITIES = {"train": "Training loss", "validation": "Validation loss", "validation_error": "Validation error"}

BASELINES = {"equal_width": "alone, same width", "equal_parameters": "alone, same size"}

STATUSES = {
    "queued": "waiting",
    "running": "training",
    "paused": "paused",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
}

KINDS = {"training": "tasks together", "adaptation": "new tasks"}
"""Kinds of runs, as a person reads them."""

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~^&=])")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_RECOGNISED = re.compile(r":(?=\S)|@(?=\w)|www(?=\.)|[<>~\-](?=[->=])", re.IGNORECASE)


def plain(text: object) -> str:
    """Text that Streamlit's Markdown shows letter for letter, on one line.

    Backslashes stop Markdown and KaTeX; joiners stop what is recognised after parsing: icons and emoji
    (`:material/x:`), typographic arrows (`->`), bare links and mail addresses.
    """
    line = " ".join(_INVISIBLE.sub("", str(text)).split())
    return _MARKUP.sub(r"\\\1", _RECOGNISED.sub(lambda found: found.group() + JOINER, line))


def chart_plain(text: object) -> str:
    """Text that a Plotly title, name or hover label shows letter for letter, on one line."""
    line = " ".join(_INVISIBLE.sub("", str(text)).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return line.replace("%{", f"%{JOINER}{{")


def cut(text: object, length: int = 24) -> str:
    """At most `length` characters: the middle gives way, since names differ at their ends."""
    line = " ".join(str(text).split())
    if len(line) <= length:
        return line
    head = (length - 1) // 2
    return f"{line[:head]}…{line[len(line) - (length - 1 - head) :]}"


def number(value: float) -> str:
    """Three significant digits, thousands separated; a dash where there is no number."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(float(f"{value:.3g}"))))
    if exponent >= 7 or exponent < -4:
        return f"{value:.3g}"
    digits = f"{round(value, 2 - exponent):,.{max(2 - exponent, 0)}f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def percent(value: float, *, sign: bool = False) -> str:
    """A percentage: no decimals from 10 up, one below."""
    if not math.isfinite(value):
        return "–"
    shown = f"{value:{'+' if sign else ''}.{0 if abs(value) >= 9.95 else 1}f}"
    return f"{shown.replace('-', '−')} %"


def short(count: float) -> str:
    """A count in three digits at most: 950, 4.9k, 14.1k, 2.3M."""
    for limit, unit in [(1e6, "M"), (1e3, "k")]:
        if count >= limit:
            return f"{count / limit:.{1 if count < 100 * limit else 0}f}{unit}"
    return f"{count:.0f}"


def duration(seconds: float | None) -> str:
    """How long something takes, as one says it."""
    if seconds is None or not math.isfinite(seconds):
        return "unknown time"
    if seconds < 1:
        return "under a second"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def about(seconds: float) -> str:
    """The same for an estimate: "about 4 s", "under a second"."""
    return f"{'about ' if seconds >= 1 else ''}{duration(seconds)}"


def listing(words: list[str] | tuple[str, ...], last: str = "and") -> str:
    """a, b and c."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)


def plural(count: int, noun: str, nouns: str = "") -> str:
    """1 network, 1,200 networks."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
