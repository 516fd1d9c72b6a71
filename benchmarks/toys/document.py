"""Puts the toys' figures into docs/toys.md and draws docs/toys.png."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from plotly.subplots import make_subplots

from benchmarks.document import ROOT, photograph, replaced
from benchmarks.toys import surface
from benchmarks.toys.checks import Check
from mtl_core.lazy import torch
from mtl_core.weighting.base import weightings

DOCUMENT, PLOT = ROOT / "docs" / "toys.md", ROOT / "docs" / "toys.png"
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00")
EDGE = 10.0
LESSON = ROOT / "mtl_core" / "lessons" / "walks" / "two-losses.json"
LESSON_GRID, LESSON_POINTS = 61, 90


def write(found: dict[str, list[Check]]) -> None:
    """The tables of these toys, and the picture where the surface was among them."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, checks in found.items():
        text = replaced(text, name, table(checks))
    DOCUMENT.write_text(text, encoding="utf-8")
    if "surface" in found:
        draw()
        keep()


def table(checks: list[Check]) -> str:
    lines = ["| what | value | expected | |", "| --- | --- | --- | --- |"]
    words = {True: "kept", False: "**missed**"}
    lines += [f"| {each.name} | {each.figure} | {each.expected} | {words[each.kept]} |" for each in checks]
    return "\n".join(lines) + "\n"


def draw() -> None:
    """Every weighting's paths over the sum of the losses, a row for each problem; taken by the tests' browser."""
    names, problems = list(surface.METHODS), (surface.CAGRAD, surface.NASH)
    titles = [weightings[name].term for name in names] + [""] * len(names)
    figure = make_subplots(
        2, len(names), subplot_titles=titles, shared_xaxes=True, shared_yaxes=True,
        horizontal_spacing=0.012, vertical_spacing=0.03,
    )  # fmt: skip
    for row, problem in enumerate(problems, 1):
        for column, name in enumerate(names, 1):
            _panel(figure, problem, surface.paths(name)[row - 1], row, column)
        figure.update_yaxes(title_text=problem.title, row=row, col=1)
    figure.update_xaxes(range=[-EDGE, EDGE], tickvals=[-7, 0, 7])
    figure.update_yaxes(range=[-EDGE, EDGE], tickvals=[-8, 0, 8])
    figure.update_layout(template="simple_white", showlegend=False, width=1200, height=470)
    figure.update_layout(margin={"t": 30, "b": 30, "l": 60, "r": 10})
    photograph(figure, PLOT, (1210, 480))


def keep() -> None:
    """The same paths, thinned, as the lesson about them shows them."""
    maps = [_map(problem, i) for i, problem in enumerate((surface.CAGRAD, surface.NASH))]
    LESSON.write_text(json.dumps(maps, separators=(",", ":")) + "\n", encoding="utf-8")


def _map(problem: surface.Problem, place: int) -> dict[str, Any]:
    axis, heights = _heights(problem, LESSON_GRID)
    walks = {}
    for name in surface.METHODS:
        walks[name] = [_thinned(path).round(2).tolist() for path in surface.paths(name)[place].swapaxes(0, 1)]
    sizes = "Both losses alike" if problem.first == 1 else f"First loss {1 / problem.first:g} times smaller"
    return {
        "title": sizes,
        "axis": axis.tolist(),
        "heights": heights.round(1).tolist(),
        "front": [[-7, -8], [7, -8]],
        "walks": walks,
    }


def _thinned(path: surface.Paths) -> surface.Paths:
    """Some of a path's places [N, 2], evenly along its way, the first and the last among them."""
    way = np.concatenate([[0.0], np.hypot(*np.diff(path, axis=0).T).cumsum()])
    return np.asarray(path[np.unique(np.searchsorted(way, np.linspace(0, way[-1], LESSON_POINTS)))])


def _heights(problem: surface.Problem, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Places along an axis [points], and the sum of the losses there [points, points], a row for each second number."""
    axis = np.linspace(-EDGE, EDGE, points)
    grid = torch.tensor(np.stack(np.meshgrid(axis, axis), -1)).unsqueeze(2).expand(-1, -1, 2, -1)
    first = torch.full(grid.shape[:2], problem.first, dtype=torch.float64)
    return axis, surface.losses(grid, first).sum(-1).numpy()


def _panel(figure: Any, problem: surface.Problem, paths: surface.Paths, row: int, column: int) -> None:
    axis, heights = _heights(problem, 121)
    where: dict[str, int] = {"row": row, "col": column}
    figure.add_contour(
        x=axis, y=axis, z=heights, colorscale="Greys", reversescale=True, opacity=0.5, showscale=False,
        contours_coloring="heatmap", ncontours=20, line_width=0, **where,
    )  # fmt: skip
    figure.add_scatter(x=[-7, 7], y=[-8.4, -8.4], mode="lines", line={"color": "#000000", "width": 4}, **where)
    for i in range(paths.shape[1]):
        x, y = paths[:, i].T
        figure.add_scatter(x=x, y=y, mode="lines", line={"color": COLOURS[i], "width": 2}, **where)
        ends = {"x": [x[0], x[-1]], "y": [y[0], y[-1]], "mode": "markers"}
        marker = {"symbol": ["circle-open", "star"], "size": [8, 10], "color": COLOURS[i]}
        figure.add_scatter(**ends, marker=marker, **where)
