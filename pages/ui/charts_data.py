"""Small pictures of targets: the shape of each task's values, as bars for a table's bar-chart column."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mtl_core.data.base import Dataset

BINS = 16


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
