"""Small pictures of targets: the shape of each task's values as bars, in a table or on a card."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from pages.ui import text
from pages.ui.charts import axis, base_layout
from pages.ui.colours import BLUE, INK, MIDDLE, task_look
from pages.ui.live_chart import Figure

BINS = 16
HEIGHT = 34
"""Pixels of the tallest bar on a card."""


def shapes(dataset: Dataset) -> pd.DataFrame:
    """A row a task: name, kind in plain words, share of labelled rows, and bars (class shares or a histogram)."""
    rows = [
        {
            "task": task.name,
            "kind": task.method.title if not task.classes else f"{len(task.classes)} classes",
            "labelled": float(dataset.targets.iloc[:, place].notna().mean()),
            "bars": bars(dataset.targets.iloc[:, place], len(task.classes)),
        }
        for place, task in enumerate(dataset.tasks)
    ]
    return pd.DataFrame(rows, columns=["task", "kind", "labelled", "bars"])


def bars(values: pd.Series, classes: int) -> list[float]:
    """Heights between 0 and 1, the tallest 1: one bar a class, or 16 bins from the smallest to the largest number."""
    known = values.dropna().to_numpy(float)
    if not len(known):
        return []
    edges = np.arange(classes + 1) - 0.5 if classes else BINS
    counts, _ = np.histogram(known, bins=edges)
    return [float(count) for count in counts / max(counts.max(), 1)]


def picture(dataset: Dataset) -> str:
    """The shapes of all tasks side by side, each in its task's colour with its name beneath, as HTML."""
    parts = [
        _small_bars(row["task"], row["bars"], task_look(place).colour)
        for place, (_, row) in enumerate(shapes(dataset).iterrows())
    ]
    return f'<div style="display:flex;gap:12px">{"".join(parts)}</div>'


def _small_bars(name: str, heights: list[float], colour: str) -> str:
    """Bars are boxes, since pictures inside a page's HTML are taken out before it is shown."""
    fill = "currentColor" if colour == INK else colour
    bars = "".join(f'<div style="flex:1;height:{100 * h:.0f}%;background:{fill}"></div>' for h in heights)
    said = html.escape(name)
    return (
        f'<div style="flex:1;min-width:0;font-size:0.75rem" title="{said}">'
        f'<div style="display:flex;align-items:flex-end;gap:1px;height:{HEIGHT}px">{bars}</div>'
        f'<div style="overflow:hidden;text-overflow:ellipsis;white-space:nowrap">{said}</div></div>'
    )


def coverage_map(matrix: NDArray[np.float64], names: Sequence[str]) -> Figure:
    """Share of the rows that carry both labels, every pair once; the diagonal: those that carry one. matrix [T, T]."""
    shown = np.where(np.tri(len(names), dtype=bool), matrix, np.nan)
    places = list(range(len(names)))
    trace = {
        "type": "heatmap",
        "x": places,
        "y": places,
        "z": shown,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, MIDDLE], [1, BLUE]],
        "showscale": False,
        "texttemplate": "%{z:.0%}",
        "hovertemplate": "%{z:.1%}<extra></extra>",
        "xgap": 2,
        "ygap": 2,
    }
    labels = [text.chart_plain(text.cut(name, 16)) for name in names]
    ticks: dict[str, Any] = {"tickvals": places, "ticktext": labels, "showgrid": False}
    layout = base_layout(xaxis=axis(**ticks), yaxis=axis(autorange="reversed", **ticks))
    pairs = [f"{names[b]} and {names[a]} {matrix[a, b]:.0%}" for a in places for b in places[:a]]
    return Figure([trace], layout, f"Rows that carry both labels. {', '.join(pairs)}.", 90 + 40 * len(names))
