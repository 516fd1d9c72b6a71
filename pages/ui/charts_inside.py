"""What goes on inside while a run trains: gradient cosines, loss weights. Pure functions: frames in, a figure out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from pages.ui import colours, text
from pages.ui.charts import FIRST_REACH, Curve, Mark, Trace, axis, base_layout, line, mark_lines, mark_names
from pages.ui.colours import Look
from pages.ui.live_chart import Figure, decimate


def cosine_strip(frame: pd.DataFrame, names: Sequence[str], revision: str = "") -> Figure:
    """Gradient cosine of every pair of tasks over the steps, as coloured strips. frame: step, a, b, mean."""
    pairs = list(combinations(range(len(names)), 2))
    steps = decimate(pd.DataFrame({"step": np.sort(frame["step"].unique())}))["step"].to_numpy()
    table = frame.pivot_table(index=["a", "b"], columns="step", values="mean").reindex(pairs).reindex(columns=steps)
    labels = [f"{text.cut(names[a], 10)} · {text.cut(names[b], 10)}" for a, b in pairs]
    trace: Trace = {
        "type": "heatmap",
        "x": steps.astype(int),
        "y": [text.chart_plain(label) for label in labels],
        "z": table.to_numpy(),
        "zmin": -1,
        "zmax": 1,
        "colorscale": colours.DIVERGING,
        "colorbar": {"thickness": 8, "len": 1, "tickvals": [-1, 0, 1], "ticktext": ["against", "0", "with"]},
        "hovertemplate": "%{y}<br>step %{x}: %{z:.2f}<extra></extra>",
    }
    ticks: dict[str, Any] = {"tickvals": [int(steps[0])]} if len(steps) == 1 else {}
    layout = base_layout(
        xaxis=axis("step", rangemode="tozero", **ticks), yaxis=axis(autorange="reversed", ticks="", nticks=0)
    )
    last = table.iloc[:, -1] if len(steps) else pd.Series(dtype=float)
    said = [f"{label} {value:.2f}" for label, value in zip(labels, last, strict=False) if np.isfinite(value)]
    alt = f"Cosine of the tasks' gradients, from -1 (against each other) to 1. {', '.join(said) or 'No points yet'}."
    return Figure([trace], layout, alt, height=200, revision=revision)


def weights_over_time(
    frame: pd.DataFrame, names: Sequence[str], looks: Sequence[Look], marks: Sequence[Mark] = (), revision: str = ""
) -> Figure:
    """Loss weights in force over the steps, one line a task. frame: step, task (index), mean."""
    traces = []
    for t, (name, look) in enumerate(zip(names, looks, strict=True)):
        part = decimate(frame[frame["task"] == t].dropna(subset=["mean"]))
        trace = line(Curve(str(t), text.cut(name, 14), part, True, look.dash, look.marker), part, look)
        stepped = {"line": trace["line"] | {"shape": "hv"}, "marker": trace["marker"] | {"size": 6, "maxdisplayed": 4}}
        traces.append(trace | {"showlegend": True} | stepped)
    layout = base_layout(showlegend=True, shapes=mark_lines(1, marks), annotations=mark_names(marks))
    reached = [0, max(FIRST_REACH, int(frame["step"].max() if len(frame) else 0))]
    layout |= {"xaxis": axis("step", range=reached), "yaxis": axis(rangemode="tozero"), "hovermode": "x"}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    ends = {name: frame[frame["task"] == t]["mean"].dropna() for t, name in enumerate(names)}
    said = [f"{name} {text.number(float(values.iloc[-1]))}" for name, values in ends.items() if len(values)]
    alt = f"Weights of the tasks' losses by step. Now: {', '.join(said) or 'no points yet'}."
    return Figure(traces, layout, alt, height=200, revision=revision)
