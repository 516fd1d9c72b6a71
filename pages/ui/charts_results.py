"""Charts of finished facts: gains with intervals, costs, correlations. Pure functions: values in, a figure out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages.ui import colours, text
from pages.ui.charts import axis, base_layout
from pages.ui.colours import INK
from pages.ui.live_chart import Figure

BASELINE_MARKERS = {"equal_width": "circle", "equal_parameters": "diamond-open"}


@dataclass(frozen=True)
class Gain:
    """One dot: a gain with its interval. `row` is the line it stands on; several may share one.

    baseline: "equal_width" or "equal_parameters"; verdict: a key of `colours.VERDICT_COLOURS`.
    """

    row: str
    gain: float
    low: float
    high: float
    verdict: str
    baseline: str = "equal_width"


@dataclass(frozen=True)
class Cost:
    """One dot of the cost chart: an error (mean over the tasks, lower is better) against a number of parameters."""

    label: str
    parameters: int
    error: float
    colour: str = INK
    marker: str = "circle"


def reach(gains: Sequence[Gain]) -> float:
    """How far from 0 the axis must go on either side to hold every interval."""
    return 1.12 * max((abs(x) for g in gains for x in (g.gain, g.low, g.high) if math.isfinite(x)), default=1) or 1


def gain_dots(gains: Sequence[Gain], unit: str = "%", revision: str = "", span: float = 0.0) -> Figure:
    """Gains with 95 % intervals, rows from the top down; right of 0 sharing helps, left of it it hurts.

    span: reach of the axis on either side of 0, for charts that are compared; 0 = as far as these gains need.
    """
    span = span or reach(gains)
    rows = list(dict.fromkeys(gain.row for gain in gains))
    kinds = [kind for kind in text.BASELINES if any(gain.baseline == kind for gain in gains)]
    places = {kind: (i - (len(kinds) - 1) / 2) * 0.32 for i, kind in enumerate(kinds)}
    traces = [_gain_dot(gain, rows.index(gain.row) + places[gain.baseline], unit) for gain in gains]
    ticks: dict[str, Any] = {
        "tickvals": list(range(len(rows))),
        "ticktext": [text.chart_plain(text.cut(row, 22)) for row in rows],
    }
    layout = base_layout(hovermode="closest", showlegend=len(kinds) > 1)
    layout["xaxis"] = axis(f"hurts ← {'% of error' if unit == '%' else unit} → helps", range=[-span, span], nticks=5)
    layout["xaxis"] |= {"zeroline": True, "zerolinecolor": INK, "zerolinewidth": 1}
    layout["yaxis"] = axis(range=[len(rows) - 0.4, -0.6], **ticks) | {"nticks": 0}
    layout["margin"] = {"l": 60, "r": 8, "t": 26 if len(kinds) > 1 else 8, "b": 40}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.0, "yref": "container", "yanchor": "top", "itemclick": False}
    legend = [_baseline_entry(kind) for kind in kinds] if len(kinds) > 1 else []
    alt = "Gain from learning together. " + " ".join(_gain_words(gain, unit) for gain in gains)
    height = 70 + 44 * max(len(rows), 1) + (18 if len(kinds) > 1 else 0)
    return Figure([*legend, *traces], layout, alt, height=height, revision=revision)


def _gain_dot(gain: Gain, place: float, unit: str) -> dict[str, Any]:
    colour = colours.VERDICT_COLOURS[gain.verdict]
    known = math.isfinite(gain.low) and math.isfinite(gain.high)
    bars = {"symmetric": False, "array": [gain.high - gain.gain], "arrayminus": [gain.gain - gain.low]}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [gain.gain],
        "y": [place],
        "marker": {"color": colour, "size": 10, "symbol": BASELINE_MARKERS[gain.baseline], "line": {"width": 2}},
        "error_x": {"type": "data", "color": colour, "thickness": 2, "width": 4, **bars}
        if known
        else {"visible": False},
        "hovertemplate": f"{text.chart_plain(_gain_words(gain, unit))}<extra></extra>",
        "showlegend": False,
    }


def _baseline_entry(kind: str) -> dict[str, Any]:
    marker = {"color": INK, "size": 8, "symbol": BASELINE_MARKERS[kind]}
    name = f"against {text.BASELINES[kind].removeprefix('alone, ')}"
    return {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "marker": marker, "name": name}


def _gain_words(gain: Gain, unit: str) -> str:
    numbers = [f"{value:+.3g}" for value in (gain.gain, gain.low, gain.high)]
    return (
        f"{gain.row}, against {text.BASELINES[gain.baseline]}: {gain.verdict}, {numbers[0]} {unit} "
        f"({numbers[1]} to {numbers[2]})."
    )


def correlation_map(matrix: NDArray[np.float64], names: Sequence[str]) -> Figure:
    """Correlations of the targets, every pair once below the diagonal. matrix [T, T], NaN where undefined."""
    shown = np.where(np.tri(len(names), dtype=bool), matrix, np.nan)
    labels = [text.chart_plain(text.cut(name, 16)) for name in names]
    places = list(range(len(names)))
    trace = {
        "type": "heatmap",
        "x": places,
        "y": places,
        "z": shown,
        "zmin": -1,
        "zmax": 1,
        "colorscale": colours.DIVERGING,
        "showscale": False,
        "texttemplate": "%{z:.2f}",
        "hovertemplate": "%{z:.2f}<extra></extra>",
        "xgap": 2,
        "ygap": 2,
    }
    ticks: dict[str, Any] = {"tickvals": places, "ticktext": labels, "showgrid": False}
    layout = base_layout(xaxis=axis(**ticks), yaxis=axis(autorange="reversed", **ticks))
    pairs = [(a, b) for a in places for b in places[:a] if math.isfinite(matrix[a, b])]
    said = ", ".join(f"{names[b]} and {names[a]} {matrix[a, b]:.2f}" for a, b in pairs)
    return Figure([trace], layout, f"Correlations of the targets. {said or 'None is defined'}.", 90 + 40 * len(names))


def cost_scatter(costs: Sequence[Cost]) -> Figure:
    """Mean error against the number of parameters (log): down and left is better."""
    traces = [
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": [cost.parameters],
            "y": [cost.error],
            "text": [text.chart_plain(text.cut(cost.label, 22))],
            "textposition": "top center",
            "cliponaxis": False,
            "marker": {"color": cost.colour, "symbol": cost.marker, "size": 11},
            "hovertemplate": f"{text.chart_plain(cost.label)}<br>%{{x:,}} parameters, error %{{y:.3g}}<extra></extra>",
        }
        for cost in costs
    ]
    top = 1.15 * max((cost.error for cost in costs), default=1.0)
    layout = base_layout(xaxis=axis("parameters", type="log", nticks=6), yaxis=axis("mean error", range=[0, top]))
    said = [
        f"{cost.label}: {text.short(cost.parameters)} parameters, error {text.number(cost.error)}" for cost in costs
    ]
    return Figure(traces, layout, f"Error against size. {'; '.join(said) or 'No runs'}.", 300)
