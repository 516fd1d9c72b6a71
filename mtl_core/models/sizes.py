"""Widths at which networks that share and networks that do not have as many parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from mtl_core.models.base import WIDTH_LIMIT, Shape, Sharing
from mtl_core.models.hard import Hard
from mtl_core.registry import InvalidInput


@cache
def equal_parameter_width(sharing: Sharing, shape: Shape) -> int:
    """Width at which T single-task networks together have as many parameters as one shared network (nearest)."""
    return _nearest_width(lambda width: _alone(shape, width), sharing.count(shape), 1)


@cache
def equal_sharing_width(sharing: Sharing, shape: Shape) -> int:
    """Width at which one shared network has as many parameters as T single-task networks of the shape's width
    together (nearest)."""

    def total(width: int) -> int:
        return sharing.count(replace(shape, trunk=replace(shape.trunk, width=width)))

    return _nearest_width(total, _alone(shape, shape.trunk.width), sharing.width_step(shape))


def _alone(shape: Shape, width: int) -> int:
    """Numbers of all single-task networks of a width together."""
    trunk = replace(shape.trunk, width=width)
    return sum(Hard().count(replace(shape, outputs=(size,), trunk=trunk)) for size in shape.outputs)


def _nearest_width(total: Callable[[int], int], goal: int, step: int) -> int:
    """The multiple of `step` at which `total`, which grows with the width, comes nearest to `goal`.

    Raises `InvalidInput` where that is wider than a trunk can be.
    """
    low, high = step, 2 * step
    while high <= WIDTH_LIMIT and total(high) < goal:
        low, high = high, 2 * high
    if high > WIDTH_LIMIT and total(WIDTH_LIMIT // step * step) < goal:
        raise InvalidInput(
            f"networks of equal size would be wider than {WIDTH_LIMIT} here; choose a smaller width, or compare at "
            "equal width only"
        )
    high = min(high, WIDTH_LIMIT // step * step)
    while high - low > step:
        middle = (low + high) // (2 * step) * step
        low, high = (middle, high) if total(middle) <= goal else (low, middle)
    return min((low, high), key=lambda width: abs(total(width) - goal))
