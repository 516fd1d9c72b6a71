"""The result of a lesson as a chart: the gain at each position of the dial, over the prediction. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pages.ui import colours, text
from pages.ui.charts import axis, base_layout
from pages.ui.charts_results import BASELINE_MARKERS
from pages.ui.colours import INK
from pages.ui.live_chart import Figure

if TYPE_CHECKING:
    from mtl_core.lessons.base import Choice
    from mtl_core.lessons.outcome import Outcome
    from mtl_core.lessons.walk import Map

LEAST_REACH, MOST_REACH = 30.0, 400.0
"""The axis shows at least and at most so many percent to either side of 0."""


@dataclass(frozen=True)
class Row:
    """One position of the dial; outcomes by kind of baseline, empty before it was run."""

    label: str
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)


def dial_chart(rows: Sequence[Row], predicted: Choice | None, start: int, revision: str = "") -> Figure:
    """Gains with 95 % intervals, a row for each position; dots are single repeats, the dotted box is the prediction."""
    reach = _reach(rows, predicted)
    traces = [trace for place, row in enumerate(rows) for trace in _row(place, row, reach)]
    ticks: dict[str, Any] = {"tickvals": list(range(len(rows)))}
    ticks["ticktext"] = [text.chart_plain(text.cut(row.label, 24)) for row in rows]
    layout = base_layout(shapes=[])
    layout["xaxis"] = axis("hurts ← % of error → helps", range=[-reach, reach], nticks=6)
    layout["xaxis"] |= {"zeroline": True, "zerolinecolor": INK, "zerolinewidth": 1}
    layout["yaxis"] = axis(range=[len(rows) - 0.4, -0.6], **ticks) | {"nticks": 0, "showgrid": False}
    layout["margin"] = {"l": 60, "r": 8, "t": 8, "b": 40}
    if predicted is not None:
        layout["shapes"] = [_band(predicted, start, reach)]
    height = 64 + 46 * len(rows)
    return Figure(traces, layout, _words(rows, predicted, start), height=height, revision=revision)


def _reach(rows: Sequence[Row], predicted: Choice | None) -> float:
    """Wide enough for every repeat and for the finite ends of the prediction.

    Not for every interval: that of two repeats can be so wide that nothing else would be seen.
    """
    ends = [value for row in rows for each in row.outcomes.values() for value in each.repeats]
    ends += [end for end in (predicted.low, predicted.high) if end is not None] if predicted else []
    widest = max((abs(end) for end in ends if math.isfinite(end)), default=0.0)
    return min(max(1.15 * widest, LEAST_REACH), MOST_REACH)


def _row(place: int, row: Row, reach: float) -> list[dict[str, Any]]:
    kinds = [kind for kind in text.BASELINES if kind in row.outcomes]
    shift = {kind: (i - (len(kinds) - 1) / 2) * 0.36 for i, kind in enumerate(kinds)}
    parts = [(kind, row.outcomes[kind], place + shift[kind]) for kind in kinds]
    return [trace for kind, each, y in parts for trace in (_repeats(each, y, reach), _dot(row, kind, each, y))]


def _repeats(outcome: Outcome, y: float, reach: float) -> dict[str, Any]:
    shown = [value for value in outcome.repeats if abs(value) <= reach]
    marker = {"color": colours.VERDICT_COLOURS[outcome.word], "size": 5, "opacity": 0.45}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": shown,
        "y": [y + 0.14] * len(shown),
        "marker": marker,
        "hovertemplate": "one repeat: %{x:+.3g} %<extra></extra>",
    }


def _dot(row: Row, kind: str, outcome: Outcome, y: float) -> dict[str, Any]:
    colour = colours.VERDICT_COLOURS[outcome.word]
    bars = {"symmetric": False, "array": [outcome.high - outcome.gain], "arrayminus": [outcome.gain - outcome.low]}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [outcome.gain],
        "y": [y],
        "marker": {"color": colour, "size": 11, "symbol": BASELINE_MARKERS[kind], "line": {"width": 2}},
        "error_x": {"type": "data", "color": colour, "thickness": 2, "width": 4, **bars},
        "hovertemplate": f"{text.chart_plain(_said(row, kind, outcome))}<extra></extra>",
    }


def _band(predicted: Choice, start: int, reach: float) -> dict[str, Any]:
    return {
        "type": "rect",
        "layer": "below",
        "x0": -reach if predicted.low is None else predicted.low,
        "x1": reach if predicted.high is None else predicted.high,
        "y0": start - 0.46,
        "y1": start + 0.46,
        "fillcolor": colours.see_through(INK, 0.1),
        "line": {"color": INK, "width": 1, "dash": "dot"},
    }


def _words(rows: Sequence[Row], predicted: Choice | None, start: int) -> str:
    said = [_said(row, kind, each) for row in rows for kind, each in row.outcomes.items()]
    guess = f' Predicted for {rows[start].label}: "{predicted.text}".' if predicted is not None else ""
    return f"Gain from learning together by position of the dial. {' '.join(said) or 'Nothing measured yet.'}{guess}"


def _said(row: Row, kind: str, outcome: Outcome) -> str:
    numbers = [f"{value:+.3g}" for value in (outcome.gain, outcome.low, outcome.high)]
    return (
        f"{row.label}, against {text.BASELINES[kind]}: {outcome.word}, {numbers[0]} % ({numbers[1]} to {numbers[2]})."
    )


LOW_IS_DARK = [[0.0, "rgba(90, 90, 110, 0.55)"], [1.0, "rgba(90, 90, 110, 0)"]]


def walk_chart(shown: Map, rule: str, share: float, revision: str = "") -> Figure:
    """The sum of two losses as a map, and the first `share` (0 to 1) of every walk on it."""
    surface: dict[str, Any] = {
        "type": "heatmap",
        "x": shown.axis,
        "y": shown.axis,
        "z": shown.heights,
        "zsmooth": "best",
    }
    surface |= {"colorscale": LOW_IS_DARK, "showscale": False, "hoverinfo": "skip"}
    (west, south), (east, _) = shown.front
    front: dict[str, Any] = {
        "type": "scatter",
        "x": [west, east],
        "y": [south - 0.4] * 2,
        "mode": "lines",
        "hoverinfo": "skip",
    }
    front["line"] = {"color": INK, "width": 4}
    walks = [_walk(walk[: 1 + round(share * (len(walk) - 1))], i, share) for i, walk in enumerate(shown.walks[rule])]
    reach = [shown.axis[0], shown.axis[-1]]
    layout = base_layout(margin={"l": 36, "r": 8, "t": 8, "b": 36})
    layout["xaxis"] = axis("x", range=reach, showgrid=False)
    layout["yaxis"] = axis("y", range=reach, showgrid=False)
    ends = [f"({walk['x'][-1]:.1f}, {walk['y'][-1]:.1f})" for walk in walks]
    alt = f"Walks of {rule} over the sum of two losses, {share:.0%} of the way: they stand at {', '.join(ends)}."
    return Figure([surface, front, *walks], layout, alt, height=430, revision=revision)


def _walk(places: Sequence[tuple[float, float]], number: int, share: float) -> dict[str, Any]:
    x, y = [place[0] for place in places], [place[1] for place in places]
    symbols = ["circle-open", *[""] * (len(places) - 2), "star" if share == 1 else "circle"][: len(places)]
    sizes = [11, *[0] * (len(places) - 2), 13][: len(places)]
    colour = colours.TASK_COLOURS[number % len(colours.TASK_COLOURS)]
    marker = {"symbol": symbols, "size": sizes, "color": colour, "line": {"width": 2, "color": colour}}
    drawn = {"type": "scatter", "x": x, "y": y, "mode": "lines+markers", "marker": marker}
    return drawn | {"line": {"color": colour, "width": 2.5}, "hovertemplate": "%{x:.1f}, %{y:.1f}<extra></extra>"}
