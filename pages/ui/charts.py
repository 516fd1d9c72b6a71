"""Loss curves of a run as it trains, and what all charts have in common. Pure functions: frames in, a figure out.

A `Curve` is one line with its ribbon; a `Panel` holds the curves of one task. Every figure carries its own
description in words, made from the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pages.ui import colours, text
from pages.ui.colours import FAINT, INK, Look
from pages.ui.live_chart import Figure, decimate

Trace = dict[str, Any]

SIZE = 12
FEW = 3
FIRST_REACH = 10
"""Steps that a chart is wide at least, so that the first point has an axis with whole numbers."""
PANEL_WIDTH, NARROW_PANEL_WIDTH = 220, 165
"""Pixels that a panel needs where there are few, or many: eight tasks stand in two rows of four."""


@dataclass(frozen=True)
class Curve:
    """One line. frame: step, mean, low, high. key groups the same line of several panels in the legend."""

    key: str
    label: str
    frame: pd.DataFrame
    together: bool
    dash: str = "solid"
    mark: str = ""
    colour: str = ""


@dataclass(frozen=True)
class Panel:
    """The curves of one task."""

    title: str
    look: Look
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Mark:
    """Something that happened at a step: a knob that was turned."""

    step: int
    label: str


def base_layout(height: int = 0, **extra: Any) -> dict[str, Any]:
    """What all charts have in common: no frame of their own, quiet grid lines, the page's font."""
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": SIZE},
        "margin": {"l": 44, "r": 10, "t": 28, "b": 34},
        "hovermode": "closest",
        "showlegend": False,
        **extra,
    }


def axis(title: str = "", **extra: Any) -> dict[str, Any]:
    return {
        "title": {"text": text.chart_plain(title), "font": {"size": SIZE}, "standoff": 6},
        "gridcolor": FAINT,
        "linecolor": FAINT,
        "zeroline": False,
        "automargin": True,
        "nticks": 5,
        **extra,
    }


def loss_curves(
    panels: Sequence[Panel], quantity: str, *, log: bool = False, marks: Sequence[Mark] = (), revision: str = ""
) -> Figure:
    """One small panel a task, all over the same steps: together solid, alone dashed, a ribbon over the seeds."""
    traces = [trace for i, panel in enumerate(panels) for trace in _panel_traces(i, panel, log)]
    view = f"{revision}-{quantity}-{log}"
    layout = base_layout(showlegend=True, hovermode="x", shapes=mark_lines(len(panels), marks))
    layout["margin"] = {"l": 40, "r": 8, "t": 60, "b": 40}
    layout["legend"] = {
        "orientation": "h",
        "x": 0,
        "y": 1,
        "yref": "container",
        "yanchor": "top",
        "uirevision": revision,
    }
    layout["annotations"] = [*_titles(panels), *mark_names(marks)]
    layout |= _panel_axes(panels, log, view)
    width = PANEL_WIDTH if len(panels) <= FEW else NARROW_PANEL_WIDTH
    alt = f"{text.QUANTITIES[quantity]} by step. " + " ".join(_panel_words(panel) for panel in panels)
    return Figure(
        [*_legend(panels), *traces], layout, alt, height=300, panels=len(panels), panel_width=width, revision=view
    )


def _panel_axes(panels: Sequence[Panel], log: bool, view: str) -> dict[str, Any]:
    """One step axis for all; no numbers on the axes of a panel that has no points yet."""
    axes: dict[str, Any] = {}
    ends = [curve.frame["step"].max() for panel in panels for curve in panel.curves if len(curve.frame)]
    reached = [0, int(max([FIRST_REACH, *ends]))]
    for i, panel in enumerate(panels):
        end = "" if i == 0 else str(i + 1)
        shown: dict[str, Any] = {"showticklabels": any(len(curve.frame) for curve in panel.curves), "uirevision": view}
        scale = log_scale(panel) if log else {"type": "linear"}
        axes[f"xaxis{end}"] = axis("step", nticks=4, range=reached, **shown)
        axes[f"yaxis{end}"] = axis(**scale, **shown)
        if i:
            axes[f"xaxis{end}"]["matches"] = "x"
    return axes


def log_scale(panel: Panel) -> dict[str, Any]:
    """A logarithmic axis whose numbers are written out: 1, 2, 5 over a short range, powers of ten over a long one."""
    values = np.concatenate([curve.frame[["mean", "low", "high"]].to_numpy(float).ravel() for curve in panel.curves])
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        return {"type": "log"}
    first, last = math.floor(math.log10(values.min())), math.ceil(math.log10(values.max()))
    digits = (1, 2, 5) if last - first <= 2 else (1,)
    ticks = [float(f"{digit}e{power}") for power in range(first, last + 1) for digit in digits]
    return {"type": "log", "tickvals": ticks, "ticktext": [text.number(tick) for tick in ticks]}


def _panel_traces(i: int, panel: Panel, log: bool) -> list[Trace]:
    end = "" if i == 0 else str(i + 1)
    place = {"xaxis": f"x{end}", "yaxis": f"y{end}"}
    known = [(curve, decimate(curve.frame.dropna(subset=["mean"]))) for curve in panel.curves]
    ribbons = [_ribbon(curve, frame, panel.look, log) | place for curve, frame in known if len(frame)]
    return ribbons + [line(curve, frame, panel.look) | place for curve, frame in known]


def line(curve: Curve, frame: pd.DataFrame, look: Look) -> Trace:
    colour = curve.colour or look.colour
    trace: Trace = {
        "type": "scatter",
        "mode": "lines+markers" if curve.mark or len(frame) < 3 else "lines",  # one point draws no line
        "x": frame["step"].astype(int),
        "y": frame["mean"],
        "name": text.chart_plain(curve.label),
        "legendgroup": curve.key,
        "showlegend": False,
        "line": {"color": colour, "width": 2.5 if curve.together else 1.5, "dash": curve.dash},
        "marker": {"color": colour, "size": 6},
        "hovertemplate": "%{y:.3g}",
    }
    if curve.mark:
        trace["marker"] = {"symbol": curve.mark, "size": 7, "maxdisplayed": 7, "color": colour}
    return trace


def _ribbon(curve: Curve, frame: pd.DataFrame, look: Look, log: bool) -> Trace:
    low = frame["low"].clip(lower=frame["mean"] / 50) if log else frame["low"]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*frame["step"].astype(int), *frame["step"].astype(int)[::-1]],
        "y": [*frame["high"], *low[::-1]],
        "fill": "toself",
        "fillcolor": colours.see_through(curve.colour or look.colour),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "legendgroup": curve.key,
        "showlegend": False,
    }


def _legend(panels: Sequence[Panel]) -> list[Trace]:
    """Entries in ink: they stand for the line's style in every panel, whatever the task's colour."""
    curves = {curve.key: curve for panel in panels for curve in panel.curves}
    return [
        {
            **line(curve, pd.DataFrame({"step": [0], "mean": [np.nan]}), Look(INK, "", "")),
            "mode": "lines+markers" if curve.mark else "lines",
            "showlegend": True,
        }
        for curve in curves.values()
    ]


def _titles(panels: Sequence[Panel]) -> list[Trace]:
    return [
        {
            "text": f"<b>{text.chart_plain(text.cut(panel.title, 26))}</b>",
            "font": {"color": INK, "size": SIZE + 1},
            "xref": "x domain" if i == 0 else f"x{i + 1} domain",
            "yref": "y domain" if i == 0 else f"y{i + 1} domain",
            "x": 0,
            "y": 1.02,
            "xanchor": "left",
            "yanchor": "bottom",
            "showarrow": False,
            "hovertext": text.chart_plain(panel.title),
        }
        for i, panel in enumerate(panels)
    ]


def mark_lines(n_panels: int, marks: Sequence[Mark]) -> list[Trace]:
    ends = ["" if i == 0 else str(i + 1) for i in range(n_panels)]
    line = {"color": INK, "width": 1, "dash": "dot"}
    return [
        {
            "type": "line",
            "xref": f"x{end}",
            "yref": f"y{end} domain",
            "x0": mark.step,
            "x1": mark.step,
            "y0": 0,
            "y1": 1,
        }
        | {"line": line, "opacity": 0.6}
        for mark in marks
        for end in ends
    ]


def mark_names(marks: Sequence[Mark]) -> list[Trace]:
    """Numbers from 1; those of one step share a place: "1, 2"."""
    numbers: dict[int, list[int]] = {}
    for i, mark in enumerate(marks):
        numbers.setdefault(mark.step, []).append(i)
    return [
        {"text": ", ".join(str(i + 1) for i in here), "x": step, "y": 1, "xref": "x", "yref": "y domain"}
        | {"hovertext": text.chart_plain(", ".join(marks[i].label for i in here))}
        | {"yanchor": "top", "xanchor": "left", "showarrow": False, "font": {"size": SIZE - 1}}
        for step, here in numbers.items()
    ]


def _panel_words(panel: Panel) -> str:
    ends = [(curve.label, curve.frame["mean"].dropna()) for curve in panel.curves]
    said = [f"{label} {text.number(float(values.iloc[-1]))}" for label, values in ends if len(values)]
    return f"{panel.title}: {', '.join(said) or 'no points yet'}."
