"""Where a column of numbers lies and how wide it is; safe for any finite numbers, however large."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]
_CONSTANT = 1e-12
"""A spread that is smaller than this part of the place it is measured from is rounding."""


def moments(values: Numbers, weights: Numbers | None = None) -> tuple[float, float]:
    """Mean and deviation of the known values; deviation 0 where they do not vary, to rounding.

    weights: how much each value counts, 0 or more; None = all alike.
    """
    known, counts, size = _sized(values, weights)
    if not len(known):
        return 0.0, 0.0
    mean = _average(known, counts)
    if counts is None:
        deviation = float(known.std(dtype=np.float64))
    else:
        deviation = math.sqrt(_average((known - mean) ** 2, counts))
    return mean * size, _spread(deviation * size, mean * size)


def middle(values: Numbers, weights: Numbers | None = None) -> tuple[float, float]:
    """Median of the known values, and their mean distance from it times sqrt(pi / 2).

    The factor makes the spread of a normal distribution its deviation. 0 where values do not vary, to rounding.
    weights: as for `moments`.
    """
    known, counts, size = _sized(values, weights)
    if not len(known):
        return 0.0, 0.0
    if counts is None:
        median = float(np.median(known))
    else:
        median = float(np.quantile(known, 0.5, weights=counts, method="inverted_cdf"))
    spread = math.sqrt(math.pi / 2) * _average(np.abs(known - median), counts)
    return median * size, _spread(spread * size, median * size)


def _sized(values: Numbers, weights: Numbers | None) -> tuple[Numbers, Numbers | None, float]:
    """The known values that count, in units of the largest, so that no sum or square overflows; how much each counts;
    and that unit."""
    chosen = ~np.isnan(values) if weights is None else ~np.isnan(values) & (weights > 0)
    known, counts = values[chosen], None if weights is None else weights[chosen]
    if not len(known):
        return known, counts, 1.0
    size = float(max(abs(float(known.max())), abs(float(known.min())))) or 1.0
    return known / size, counts, size


def _average(values: Numbers, counts: Numbers | None) -> float:
    return float(values.mean(dtype=np.float64) if counts is None else np.average(values, weights=counts))


def _spread(spread: float, place: float) -> float:
    return spread if spread > _CONSTANT * abs(place) else 0.0
