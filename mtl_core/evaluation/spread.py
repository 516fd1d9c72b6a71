"""From every network's values to a mean and a ribbon, and what is derived from the tasks' gradients."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Steps = NDArray[np.int64]

RIBBON = (0.1, 0.9)
"""Quantiles over folds and initialisations between which `low` and `high` lie; unlike a deviation they keep a loss
positive, so that the ribbon can be drawn on a logarithmic scale."""

PAIRS = ("a", "b")


def magnitude_similarity(one: Doubles, other: Doubles) -> Doubles:
    """2 |a| |b| / (|a|^2 + |b|^2) of gradients of these lengths: 1 = equally long, 0 = one is nothing beside the other.

    NaN where both are 0. Reference: Yu et al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020, definition 2.
    """
    largest = np.maximum(one, other)
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = one / largest, other / largest  # lengths of any scale, without overflow
        return np.asarray(2 * a * b / (a**2 + b**2))


def table(parts: list[pd.DataFrame], keys: tuple[str, ...]) -> pd.DataFrame:
    """Spreads one below the other: step, keys, mean, low, high, n."""
    columns = ["step", *keys, "mean", "low", "high", "n"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def spread(steps: Steps, values: Doubles) -> pd.DataFrame:
    """Mean and ribbon of the known values in each row [S, n]; rows without any are left out."""
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), 1)  # NaN last
    n = np.isfinite(ordered).sum(1)
    steps, ordered, n = steps[n > 0], ordered[n > 0], n[n > 0]
    low, high = (_quantile(ordered, n, q) for q in RIBBON)
    return pd.DataFrame({"step": steps, "mean": np.nansum(ordered, 1) / n, "low": low, "high": high, "n": n})


def _quantile(ordered: Doubles, n: NDArray[np.intp], q: float) -> Doubles:
    """Linear quantile of the first n of each sorted row; numpy's nanquantile is a Python loop over the rows."""
    if not len(ordered):
        return np.zeros(0)
    at, rows = q * (n - 1), np.arange(len(n))
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, n - 1)
    return np.asarray(ordered[rows, below] + (at - below) * (ordered[rows, above] - ordered[rows, below]))
