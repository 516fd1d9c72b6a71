"""Gradients that are changed one against another, in a random order, as mixtures of the original ones.

gramian [R, T, T], present [R, T]; order [R, T, T - 1]: the other tasks in the order in which gradient i meets them.
Exact: closed forms on the Gramian, all replicas and gradients at once, one round for each meeting.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mtl_core.weighting.solvers import Array, Mask, diagonal, inverse

Order = NDArray[np.int64]

ROUNDING = 1e-12
"""A gradient of which less than this share of its terms is left has been cancelled: its direction is rounding."""


def without_conflicts(gramian: Array, present: Mask, order: Order) -> Array:
    """PCGrad: each gradient loses what points against the others, one after another; weights of the sum."""
    mixes = np.eye(present.shape[1]) * present[:, :, None]  # [R, T, T]: row i = what gradient i has become
    products = gramian * present[:, :, None]  # its inner products with the original gradients
    norms = diagonal(gramian)
    itself = np.arange(present.shape[1])
    for meets in np.moveaxis(order, 2, 0):  # [R, T]
        against = np.take_along_axis(products, meets[..., None], 2)[..., 0]
        size = np.take_along_axis(norms, meets, 1)
        added = np.where(against < 0, -against * inverse(size), 0.0)
        other = np.take_along_axis(gramian, meets[..., None], 1)
        products = products + added[..., None] * other
        mixes = mixes + added[..., None] * (meets[..., None] == itself)
    total: Array = mixes.sum(1)
    return total


def with_similarity(gramian: Array, present: Mask, order: Order, wanted: Array, rate: float) -> tuple[Array, Array]:
    """GradVac: each gradient is turned until its cosine with the others is at least the wanted one.

    wanted [R, T, T]: running means of the cosines, moved by `rate` at each meeting. Returns the weights of the sum
    and the new means.
    """
    mixes = np.eye(present.shape[1]) * present[:, :, None]
    products = gramian * present[:, :, None]
    lengths, itself = np.sqrt(diagonal(gramian)), np.arange(present.shape[1])
    for meets in np.moveaxis(order, 2, 0):  # [R, T]
        here = meets[..., None]
        square, terms = np.sum(mixes * products, 2), np.sum(np.abs(mixes * products), 2)
        length = np.where(square > ROUNDING * terms, np.sqrt(np.maximum(square, 0.0)), 0.0)
        other = np.take_along_axis(lengths, meets, 1)
        counts = (length > 0) & (other > 0)
        cosine = np.take_along_axis(products, here, 2)[..., 0] * inverse(length * other)
        cosine, mean = np.clip(cosine, -1.0, 1.0), np.take_along_axis(wanted, here, 2)[..., 0]
        added = _turn(length, other, cosine, np.clip(mean, -1.0, 1.0)) * (counts & (cosine < mean))
        products = products + added[..., None] * np.take_along_axis(gramian, here, 1)
        mixes = mixes + added[..., None] * (here == itself)
        moved = np.where(counts, (1 - rate) * mean + rate * cosine, mean)
        wanted = np.where(here == itself, moved[..., None], wanted)
    return np.sum(mixes, 1), wanted


def _turn(length: Array, other: Array, cosine: Array, mean: Array) -> Array:
    """How much of the other gradient gives the cosine `mean`: equation 3 of the paper."""
    sine, aim = np.sqrt(1 - cosine**2), np.sqrt(1 - mean**2)
    return np.asarray(length * (mean * sine - cosine * aim) * inverse(other * aim))
