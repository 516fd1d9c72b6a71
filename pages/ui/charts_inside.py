"""What goes on inside while a run trains: gradient cosines, loss weights, gates and stitches.

Pure functions: frames in, a figure out.
"""

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
    reached = [0, int(max([FIRST_REACH, *steps]))]
    layout = base_layout(
        xaxis=axis("step", range=reached, **ticks), yaxis=axis(autorange="reversed", ticks="", nticks=0)
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


SEEN = {"gates": "expert", "masks": "layer", "stitch": "task"}
"""What stands in the columns of each kind of number that a sharing type shows, by the first word of its name."""


def inside_map(frame: pd.DataFrame, names: Sequence[str], own_experts: int = 0, revision: str = "") -> Figure:
    """Gate shares or stitch matrices at one step, a row a task. frame: name, row, column, mean.

    own_experts: how many of the last experts are each task's own.
    """
    frame = frame.loc[np.array([str(name).partition(".")[0] in SEEN for name in frame["name"]], bool)]
    table = frame.pivot_table(index="row", columns=["name", "column"], values="mean")
    rows = _parts(names, len(table)) if len(table) else []
    columns = [_column(str(each[0]), int(each[1]), frame, rows, own_experts) for each in table.columns]
    across, down = list(range(len(columns))), list(range(len(rows)))
    values = table.to_numpy()
    whose = [[f"{row} from {column}" for column in columns] for row in rows]
    cells = [f"{whose[r][c]} {values[r, c]:.2f}" for r in down for c in across]
    trace: Trace = {
        "type": "heatmap",
        "x": across,
        "y": down,
        "z": values,
        "text": [_plain(row) for row in whose],
        "zmin": -1,
        "zmax": 1,
        "colorscale": colours.DIVERGING,
        "showscale": False,
        "texttemplate": "%{z:.2f}" if len(columns) <= MANY else "",
        "hovertemplate": "%{text}: %{z:.2f}<extra></extra>",
        "xgap": 2,
        "ygap": 2,
    }
    upright: dict[str, Any] = {"tickangle": 90} if len(columns) > FEW else {}
    layout = base_layout(
        xaxis=axis(tickvals=across, ticktext=_plain(columns), showgrid=False, ticks="", nticks=0, **upright),
        yaxis=axis(tickvals=down, ticktext=_plain(rows), showgrid=False, autorange="reversed", ticks="", nticks=0),
    )
    said = ", ".join(cells[:ALOUD])
    more = f", and {len(cells) - ALOUD} more" if len(cells) > ALOUD else ""
    alt = f"How much each task takes from where, at the last point. {said or 'No points yet'}{more}."
    return Figure([trace], layout, alt, height=100 + 60 * bool(upright) + 30 * max(len(rows), 3), revision=revision)


FEW, MANY, ALOUD = 4, 8, 16
"""Columns beyond which their words stand upright, so that a small screen shows them all; columns beyond which numbers
no longer fit into their cells; cells that the description in words names."""


def _plain(labels: Sequence[str]) -> list[str]:
    return [text.chart_plain(label) for label in labels]


def _parts(names: Sequence[str], n_rows: int) -> list[str]:
    """A word for each row: the tasks, their parts one below the other, or one row for all."""
    each, common = divmod(n_rows, len(names))
    if common:
        return ["every task"]
    cut = [text.cut(name, 10) for name in names]
    return cut if each < 2 else [f"{name} ({part + 1})" for name in cut for part in range(each)]


def _column(name: str, place: int, frame: pd.DataFrame, rows: Sequence[str], own_experts: int) -> str:
    kind, _, layer = name.partition(".")
    if SEEN[kind] == "task":
        many = len(set(frame["name"])) > 1
        return f"{rows[place]}, layer {int(layer) + 1}" if many else rows[place]
    common = int(frame["column"].max()) + 1 - own_experts
    if SEEN[kind] == "expert" and place >= common:
        return f"own {place - common + 1}"
    return f"{SEEN[kind]} {place + 1}"
