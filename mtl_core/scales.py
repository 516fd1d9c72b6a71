"""Where a column of numbers lies and how wide it is; safe for any finite numbers, however large."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CONSTANT = 1e-12
"""A spread that is smaller than this part of the place it is measured from is rounding."""


def moments(values: NDArray[Any]) -> tuple[float, float]:
    """Mean and deviation of the known values; deviation 0 where they do not vary, to rounding."""
    known, size = _sized(values)
    if not len(known):
        return 0.0, 0.0
    mean = float(known.mean(dtype=np.float64)) * size
    return mean, _spread(float(known.std(dtype=np.float64)) * size, mean)


def middle(values: NDArray[Any]) -> tuple[float, float]:
    """Median of the known values, and their mean distance from it times sqrt(pi / 2).

    The factor makes the spread of a normal distribution its deviation. 0 where values do not vary, to rounding.
    """
    known, size = _sized(values)
    if not len(known):
        return 0.0, 0.0
    median = float(np.median(known))
    spread = math.sqrt(math.pi / 2) * float(np.abs(known - median).mean(dtype=np.float64))
    return median * size, _spread(spread * size, median * size)


def _sized(values: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """The known values in units of the largest, so that no sum or square overflows; and that unit."""
    known = values[~np.isnan(values)]
    if not len(known):
        return known, 1.0
    size = float(max(abs(float(known.max())), abs(float(known.min())))) or 1.0
    return known / size, size


def _spread(spread: float, place: float) -> float:
    return spread if spread > _CONSTANT * abs(place) else 0.0
