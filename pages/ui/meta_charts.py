"""Charts of adaptation: the loss while learners are prepared; error on a new task by steps, and by labels. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pages.ui import colours, text
from pages.ui.charts import Mark, axis, base_layout, mark_lines, mark_names
from pages.ui.colours import GREY, INK, Look
from pages.ui.live_chart import Figure, decimate

BASELINES = {"pretraining": GREY, "scratch": INK}
"""What meta-learners have to beat, and its colour; dashed, as what is learned alone is on every chart."""
HEADROOM = 2.0
"""Top of the chart over the worst learner's usual error."""


def by_steps(curves: pd.DataFrame, words: Mapping[str, str], shots: int) -> Figure:
    """Error after 0, 1, ... steps on so many labels. curves: learner, shots, step, error, low, high."""
    mine = curves[curves["shots"] == shots].rename(columns={"step": "at"})
    alt = f"Error on new tasks with {text.plural(shots, 'label')}, by steps. {_words(mine, words, 'step')}"
    return _figure(mine, words, "steps on the new task", alt, f"steps-{shots}", log=False)


def by_labels(judged: pd.DataFrame, words: Mapping[str, str]) -> Figure:
    """Error at each learner's own best number of steps, by labels. judged: learner, shots, error, low, high."""
    mine = judged.rename(columns={"shots": "at"})
    alt = f"Error on new tasks by labels, each learner at its own best step. {_words(mine, words, 'label')}"
    return _figure(mine, words, "labels of the new task", alt, "labels", log=True)


def losses(frame: pd.DataFrame, words: Mapping[str, str], steps: int, view: str, marks: Sequence[Mark] = ()) -> Figure:
    """Loss of each learner by meta-steps, out of so many. frame: learner, step, mean, low, high.

    marks: knobs that were turned, drawn at their meta-step.
    """
    mine = frame.rename(columns={"step": "at", "mean": "error"})
    parts = [decimate(part) for _, part in mine.groupby("learner", sort=False)]
    mine = pd.concat(parts, ignore_index=True)
    alt = f"Loss while learners are prepared. {_words(mine, words, 'meta-step')}"
    figure = _figure(mine, words, "meta-step", alt, f"losses-{view}", log=False)
    figure.layout["xaxis"]["range"] = [0, steps]
    figure.layout["yaxis"]["title"]["text"] = "loss"
    figure.layout.update(shapes=mark_lines(1, marks), annotations=mark_names(marks))
    return figure


def _figure(frame: pd.DataFrame, words: Mapping[str, str], title: str, alt: str, view: str, *, log: bool) -> Figure:
    parts = {name: frame[frame["learner"] == name] for name in words}
    looks = _looks(words)
    traces = [_ribbon(name, looks[name], part) for name, part in parts.items() if len(part)]
    traces += [_line(name, looks[name], words[name], part, log) for name, part in parts.items() if len(part)]
    layout = base_layout(showlegend=True, hovermode="closest")
    layout["margin"] = {"l": 44, "r": 10, "t": 8, "b": 40}
    layout["legend"] = {"orientation": "h", "x": 0, "y": -0.22, "yanchor": "top"}
    ticks = sorted({int(each) for each in frame["at"]}) if log else []
    shown: dict[str, Any] = {"type": "log", "tickvals": ticks, "ticktext": list(map(str, ticks))} if log else {}
    layout["xaxis"] = axis(title, **shown)
    layout["yaxis"] = axis("squared error", type="log", **_scale(frame))
    return Figure(traces, layout, alt, height=330, revision=view)


def _scale(frame: pd.DataFrame) -> dict[str, Any]:
    """A range for what matters: a learner that diverges leaves the chart at the top and does not flatten the others."""
    middle = frame.groupby("learner")["error"].median()
    low, high = float(frame["error"].min()) / 1.5, HEADROOM * float(middle.max())
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    digits = range(1, 10) if high < 10 * low else (1, 2, 5) if last - first <= 3 else (1,)
    ticks = [float(f"{digit}e{power}") for power in range(first, last + 1) for digit in digits]
    names = [text.number(tick) for tick in ticks]
    return {"range": [math.log10(low), math.log10(high)], "tickvals": ticks, "ticktext": names}


def _looks(words: Mapping[str, str]) -> dict[str, Look]:
    """Learners have the colours of tasks, in their order."""
    places = {name: place for place, name in enumerate(name for name in words if name not in BASELINES)}
    looks = {name: colours.task_look(place) for name, place in places.items()}
    return looks | {name: Look(colour, "dash", "circle-open") for name, colour in BASELINES.items() if name in words}


def _line(name: str, look: Look, label: str, part: pd.DataFrame, marks: bool) -> dict[str, Any]:
    alone = name in BASELINES
    return {
        "type": "scatter",
        "mode": "lines+markers" if marks or len(part) < 3 else "lines",  # one point draws no line
        "x": part["at"].astype(int),
        "y": part["error"],
        "name": text.chart_plain(label),
        "legendgroup": name,
        "line": {"color": look.colour, "width": 1.5 if alone else 2.5, "dash": "6px 4px" if alone else "solid"},
        "marker": {"color": look.colour, "symbol": look.marker, "size": 7},
        "hovertemplate": "%{x}: %{y:.3g}",
    }


def _ribbon(name: str, look: Look, part: pd.DataFrame) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*part["at"].astype(int), *part["at"].astype(int)[::-1]],
        "y": [*part["high"], *part["low"][::-1]],
        "fill": "toself",
        "fillcolor": colours.see_through(look.colour),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "legendgroup": name,
        "showlegend": False,
    }


def _words(frame: pd.DataFrame, words: Mapping[str, str], unit: str) -> str:
    said: Sequence[str] = [
        f"{label}: {text.number(float(part['error'].iloc[0]))} at {text.plural(int(part['at'].iloc[0]), unit)}, "
        f"{text.number(float(part['error'].iloc[-1]))} at {text.plural(int(part['at'].iloc[-1]), unit)}."
        for name, label in words.items()
        if len(part := frame[frame["learner"] == name].sort_values("at"))
    ]
    return " ".join(said)
