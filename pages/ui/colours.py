"""One meaning, one look: what tasks, verdicts and signed numbers look like on every chart of every page.

A colour that starts with @ is a part of the theme ("@ink", "@faint", "@paper", "@middle"); the chart component
fills it in, so that a figure is the same in light and dark.
Source of the palette: Okabe, Ito, "Color Universal Design", 2008.
"""

from __future__ import annotations

from dataclasses import dataclass

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#8A8A8A"
INK, FAINT, PAPER, MIDDLE = "@ink", "@faint", "@paper", "@middle"

TASK_COLOURS = (BLUE, "#E69F00", "#009E73", "#CC79A7", "#56B4E9", VERMILION, "#F0E442", INK)
TASK_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "4px 2px 1px 2px", "solid")
TASK_MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "star", "pentagon", "hexagon")

ARM_MARKERS = ("", "circle", "square", "diamond", "triangle-up", "x", "star")
"""Marks on the lines of sharing types that race in one run; the first has none."""

ALONE_DASHES = {"equal_width": "6px 4px", "equal_parameters": "2px 3px"}

VERDICT_COLOURS = {"helps": BLUE, "hurts": VERMILION, "no clear difference": GREY, "not enough seeds": GREY}
VERDICT_ICONS = {"helps": "▲", "hurts": "▼", "no clear difference": "●", "not enough seeds": "○"}

DIVERGING: list[list[object]] = [[0, VERMILION], [0.5, MIDDLE], [1, BLUE]]
"""Vermilion - white - blue, for gains, cosines and correlations; always centred on 0."""


@dataclass(frozen=True)
class Look:
    """Colour, dash and marker of one task, fixed by its place in its data set."""

    colour: str
    dash: str
    marker: str


def task_look(place: int) -> Look:
    """The look of the task at `place` (0, 1, ...) of its data set; beyond eight, colours repeat with other markers."""
    n = len(TASK_COLOURS)
    turn = place // n
    return Look(TASK_COLOURS[place % n], TASK_DASHES[place % n], TASK_MARKERS[(place + 3 * turn) % n])


def task_looks(names: tuple[str, ...], every: tuple[str, ...]) -> tuple[Look, ...]:
    """Looks of the chosen tasks; `every` are all tasks of the data set, in its order."""
    return tuple(task_look(every.index(name) if name in every else i) for i, name in enumerate(names))


def see_through(colour: str, opacity: float = 0.15) -> str:
    """The colour at an opacity; theme colours keep their name with the opacity behind it ("@ink/0.15")."""
    if colour.startswith("@"):
        return f"{colour}/{opacity:g}"
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
