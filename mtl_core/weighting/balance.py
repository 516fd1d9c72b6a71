"""Combinations in which the tasks' shares are balanced against each other: bargaining, equal projection, alignment.

gramian [R, T, T], present [R, T] -> weights [R, T]. A present task whose gradient is exactly zero moves nothing
whatever it weighs; it gets 0 here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mtl_core.weighting.solvers import Array, Mask, diagonal, inverse

RIDGE = 1e-6
"""Added to the cosines' diagonal: a bargain exists even where no direction serves all tasks."""
RANK = 1e-6
"""Eigenvalues below this part of the largest are rounding of single precision."""


def cosines(gramian: Array, present: Mask) -> tuple[Array, Array]:
    """Cosines of the gradients, ones on the diagonal (identity where absent or zero), and the gradients' lengths."""
    lengths = np.where(present, np.sqrt(diagonal(gramian)), 0.0)
    scale = inverse(lengths)
    found = gramian * scale[:, :, None] * scale[:, None, :]
    found[:, range(present.shape[1]), range(present.shape[1])] = 1.0
    return found, lengths


def fair(gramian: Array, present: Mask, power: float) -> Array:
    """The w > 0 with (Gw)_i = w_i^-power: power 1 is the Nash bargain, 1 / power the alpha of alpha-fairness.

    It minimises the convex w'Gw / 2 - sum of w^(1 - power) / (1 - power) with Newton's method; a step down is taken as
    a factor exp(step), so that w stays positive. At the end |(Gw)_i - w_i^-power| <= 1e-8 * w_i^-power + 1e-14 * the
    terms that (Gw)_i is the sum of, for G with RIDGE on its cosines: after 2 to 15 rounds as a rule, within 100 even
    for lengths 14 orders of magnitude apart.
    """
    similar, lengths = cosines(gramian, present)
    active = lengths > 0
    longest = np.where(active, lengths, 0.0).max(1, keepdims=True)
    longest = np.where(longest > 0, longest, 1.0)
    lengths = np.where(active, lengths / longest, 1.0)
    similar = similar + RIDGE * np.eye(present.shape[1])
    matrix = similar * lengths[:, :, None] * lengths[:, None, :]
    w = _first_bargain(matrix, power)
    for _ in range(100):
        scale = w ** ((power + 1) / 2)  # the unknowns are steps in units that make the matrix v G v + power * I
        unit = w / scale
        off = unit - scale * _product(matrix, w)
        if (np.abs(off) <= 1e-8 * unit + 1e-14 * scale * _product(np.abs(matrix), w)).all():
            break
        curved = scale[:, :, None] * matrix * scale[:, None, :] + power * np.eye(w.shape[1])
        step = np.linalg.solve(curved, off[..., None])[..., 0] / unit
        w = w * np.where(step > 0, 1 + np.minimum(step, 20.0), np.exp(np.clip(step, -5.0, 0.0)))
    return np.where(active, w * longest ** (-2 / (1 + power)), 0.0)


def _first_bargain(matrix: Array, power: float) -> Array:
    """The answer for orthogonal gradients, scaled to the best common size for these."""
    w = diagonal(matrix) ** (-1 / (1 + power))
    total = np.sum(w[:, :, None] * matrix * w[:, None, :], (1, 2))
    size = (np.sum(w ** (1 - power), 1) / np.maximum(total, 1e-300)) ** (1 / (1 + power))
    return np.asarray(w * size[:, None])


def equal_projection(gramian: Array, present: Mask) -> Array:
    """IMTL-G: the combination with the same projection on every task's gradient direction; weights sum to 1.

    Solved on the cosines C: weights = C^+ 1 / lengths. They can be negative, and do not exist where they
    sum to 0 (opposite gradients): NaN there.
    """
    similar, lengths = cosines(gramian, present)
    active = lengths > 0
    inside = np.where(active[:, :, None] & active[:, None, :], similar, 0.0)
    raw = _product(np.linalg.pinv(inside, RANK, hermitian=True), active.astype(np.float64)) * inverse(lengths)
    total = raw.sum(1, keepdims=True)
    exists = np.abs(total) > RANK * np.abs(raw).sum(1, keepdims=True)
    return np.where(exists, raw / np.where(exists, total, 1.0), np.nan)


def aligned(gramian: Array, scale: str) -> Array:
    """Aligned-MTL: the matrix [R, T, T] that makes the gradients orthogonal and equally long, as near as can be.

    scale is the common length: that of the smallest ("min"), the middle ("median") or the root mean square ("rmse")
    principal component. Components below RANK of the largest do not count.
    """
    values, vectors = np.linalg.eigh(gramian)  # ascending
    counts = values > RANK * np.maximum(values[:, -1:], 0.0)
    common = np.sqrt(_common(np.where(counts, values, 0.0), counts.sum(1, keepdims=True), scale))
    factors = common * inverse(np.sqrt(np.where(counts, values, 0.0)))
    return np.asarray((vectors * factors[:, None, :]) @ np.swapaxes(vectors, 1, 2))


def _common(values: Array, n_counting: NDArray[np.int64], scale: str) -> Array:
    """The smallest, the lower middle or the mean of the counting eigenvalues, which stand last: [R, 1]."""
    if scale == "rmse":
        return np.asarray(values.sum(1, keepdims=True) / np.maximum(n_counting, 1))
    steps = np.maximum(n_counting - 1, 0) // 2 if scale == "median" else 0
    where = np.minimum(values.shape[1] - n_counting + steps, values.shape[1] - 1)
    return np.take_along_axis(values, where, 1)


def _product(matrix: Array, vector: Array) -> Array:
    return np.asarray((matrix @ vector[..., None])[..., 0])
