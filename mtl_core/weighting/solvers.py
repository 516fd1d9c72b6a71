"""Small problems behind the gradient combinations, solved for all replicas at once.

Everything is numpy in double precision: the matrices are tiny (T x T), so calls cost more than arithmetic, and
numpy's cost a third of torch's. Gramians must be positive semidefinite to double precision: see `cleaned`.

Sizes: N problems (replicas R, or R * T), T tasks. gramian [R, T, T] = J J^T of the tasks' gradients, with
zeros in the rows and columns of absent tasks; present [R, T] bool. Absent tasks get weight 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RIDGE = 1e-12
"""Added to a unit diagonal before a solve: keeps singular systems solvable, moves others by less than 1e-11."""
FEW_TASKS = 4
"""Up to this many, all sets of constraints are tried at once."""


def diagonal(gramian: Array) -> Array:
    """Squared gradient norms [R, T], never negative."""
    norms: Array = np.maximum(np.einsum("ntt->nt", gramian), 0.0)
    return norms


def inverse(values: Array) -> Array:
    """1 / values, and 0 where values is 0."""
    positive = values > 0
    return np.divide(1.0, values, out=np.zeros_like(values), where=positive)


def cleaned(gramian: Array) -> Array:
    """The nearest positive semidefinite matrices, scale by scale: [R, T, T] -> [R, T, T].

    A Gramian summed in single precision can have slightly negative eigenvalues when gradients are almost parallel;
    a minimum would then be a saddle. Done on the cosines, so that small gradients keep their digits.
    """
    lengths = np.sqrt(diagonal(gramian))
    product = lengths[:, :, None] * lengths[:, None, :]
    values, vectors = np.linalg.eigh(gramian * inverse(product))
    cosines = (vectors * np.maximum(values, 0.0)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    whole: Array = cosines * product
    return whole


def nonnegative_least_squares(matrix: Array, target: Array, free: Mask) -> Array:
    """The x >= 0 that minimises x'Ax / 2 - b'x: A [N, T, T], b [N, T] -> [N, T]; x is 0 where not `free`.

    The active-set method of Lawson and Hanson, "Solving Least Squares Problems", 1974, ch. 23, one solve a round
    for all problems, on A scaled to a unit diagonal. It ends in finitely many rounds with a relative violation
    of the optimality conditions below 1e-9; the limit is for matrices that rounding has made indefinite.
    """
    if (target[free] <= 0).all():
        return np.zeros_like(target)
    scale = np.where(free, inverse(np.sqrt(diagonal(matrix))), 0.0)
    matrix, target = matrix * scale[:, :, None] * scale[:, None, :], target * scale
    free = free & (scale > 0)
    tolerance = 1e-10 * np.maximum(np.abs(target).max(1), 1e-300)
    x, passive, barred = np.zeros_like(target), free & (target > 0), np.zeros_like(free)
    for _ in range(4 * target.shape[1] + 8):
        best = _minimiser(matrix, target, passive)
        blocked = passive & (best <= 0)
        moved = _as_far_as_positive(x, best, blocked)
        stuck = blocked.any(1)
        left = blocked & (moved <= 0)
        barred = (barred & (moved == x).all(1)[:, None]) | left
        x, passive = np.where(passive & ~left, moved, 0.0), passive & ~left
        slope = np.where(free & ~passive & ~barred, target - _product(matrix, x), -np.inf)
        enters = ~stuck & (slope.max(1) > tolerance)
        if not (stuck | enters).any():
            break
        passive[enters, slope.argmax(1)[enters]] = True
    return x * scale


def _minimiser(matrix: Array, target: Array, passive: Mask) -> Array:
    """Where the problem without signs has its minimum if only `passive` entries may differ from 0."""
    size = target.shape[1]
    inside = passive[:, :, None] & passive[:, None, :]
    system = np.where(inside, matrix, 0.0)
    system[:, range(size), range(size)] = np.where(passive, 1 + RIDGE, 1.0)
    return np.linalg.solve(system, np.where(passive, target, 0.0)[..., None])[..., 0]


def _as_far_as_positive(x: Array, best: Array, blocked: Mask) -> Array:
    """From x towards best, as far as no blocked entry turns negative; the entry that stops it becomes exactly 0."""
    reach = np.divide(x, x - best, out=np.ones_like(x), where=blocked & (x > best))
    reach = np.where(blocked & (x <= best), 0.0, reach)
    step = reach.min(1, keepdims=True)
    return np.where(blocked & (reach <= step), 0.0, x + step * (best - x))


def _product(matrix: Array, vector: Array) -> Array:
    return (matrix @ vector[..., None])[..., 0]


def least_norm(gramian: Array, present: Mask) -> Array:
    """Weights of the shortest vector in the convex hull of the gradients (MGDA): sum to 1.

    With c > 0, the minimiser over w >= 0 of w'Gw + c (sum w - 1)^2 is that point times a number, which is a
    non-negative least-squares problem. c = the smallest squared norm keeps it well scaled even when norms differ
    by many orders of magnitude. Gradients that are exactly zero share all the weight. w'Gw exceeds the least by at
    most 1e-9 of the smallest squared norm.
    """
    zero = present & (diagonal(gramian) <= 0)
    found = nonnegative_least_squares(*_hull(gramian, present), present)
    found = np.where(np.any(zero, 1, keepdims=True), zero, found)
    return found * inverse(found.sum(1, keepdims=True))


def _hull(gramian: Array, present: Mask) -> tuple[Array, Array]:
    """The least-squares problem of `least_norm`: G + c 1 1' and c 1."""
    least = np.where(present, diagonal(gramian), np.inf).min(1)
    least = np.where(np.isfinite(least) & (least > 0), least, 1.0)
    return gramian + least[:, None, None] * (present[:, :, None] & present[:, None, :]), least[:, None] * present


def into_dual_cone(gramian: Array, present: Mask, wanted: Array) -> Array:
    """Weights of the vector nearest to the combination `wanted` [N, T] that has no conflict with any gradient.

    The projection onto the cone {d : <g_i, d> >= 0 for all i} adds non-negative amounts of the gradients.
    Optimality conditions hold to 1e-9 of the lengths involved.
    """
    return wanted + nonnegative_least_squares(gramian, -_product(gramian, wanted), present)


def conflict_averse(gramian: Array, present: Mask, radius: float) -> Array:
    """CAGrad: amounts x >= 0 for which d = mean gradient + sum of x_i g_i has the largest least slope min <g_i, d>
    within the ball |d - mean| <= radius * |mean|.

    Where several d are best (slope 0: a task, or a mixture that cancels to a thousandth, stands still) it is the one
    nearest to the mean. Otherwise the least slope falls short of the best by at most 1e-8 of the largest squared norm.
    """
    if radius == 0:
        return np.zeros(present.shape)
    share = present / np.maximum(present.sum(1, keepdims=True), 1)
    slopes = _product(gramian, share)  # of the mean gradient
    squared = np.maximum(np.sum(share * slopes, 1), 0.0)
    reach = radius**2 * squared
    if present.shape[1] > FEW_TASKS:
        return _bracketed(gramian, present, slopes, reach)
    edge, x, optimal = _every_edge(gramian, present, slopes, reach)
    longest = np.sqrt(diagonal(gramian).max(1))
    sure = optimal & (edge > 1e-3 * (1 + radius) * np.sqrt(squared) * longest)  # so no mixture cancels
    return x if sure.all() else np.where(sure[:, None], x, _bracketed(gramian, present, slopes, reach))


def _every_edge(gramian: Array, present: Mask, slopes: Array, reach: Array) -> tuple[Array, Array, Mask]:
    """`_at_edge` for every set of constraints that may bind, in one call: slope, amounts, and whether they are best.

    With few tasks that costs a third of going from set to set.
    """
    n_problems, n_tasks = present.shape
    sets = np.arange(1, 2**n_tasks)[:, None] >> np.arange(n_tasks) & 1 == 1  # [S, T]
    which = np.repeat(np.arange(n_problems), len(sets))
    binding = np.tile(sets, (n_problems, 1)) & present[which]
    edge, amounts = _at_edge(gramian[which], slopes[which], reach[which], binding)
    optimal = _is_optimal(gramian[which], slopes[which], present[which], edge, amounts).reshape(n_problems, -1)
    chosen = np.arange(n_problems) * len(sets) + optimal.argmax(1)
    return edge[chosen], amounts[chosen], np.asarray(optimal.any(1))


def _bracketed(gramian: Array, present: Mask, slopes: Array, reach: Array) -> Array:
    """`conflict_averse` for any number of tasks, from the slopes of the mean gradient and the ball's squared radius.

    For a slope v, the point nearest to the mean with all slopes >= v is a non-negative least-squares problem, whose x
    is linear in v as long as the same constraints bind: so the v at the ball's edge comes from a quadratic, round
    after round, until the binding constraints stay. Duality brackets v.
    """
    x = nonnegative_least_squares(gramian, np.where(present, -slopes, 0.0), present)  # v = 0
    conflicts = np.sum(x * _product(gramian, x), 1) > reach
    single = np.where(present, slopes + np.sqrt(reach[:, None] * diagonal(gramian)), np.inf)
    low = np.where(conflicts, np.where(present, slopes, np.inf).min(1), 0.0)
    high = np.where(conflicts, 0.0, np.maximum(_highest_slope(gramian, present, slopes, reach, single.min(1)), 0.0))
    binding = np.where(conflicts[:, None], x > 0, present)
    for _ in range(60):
        edge, direct = _at_edge(gramian, slopes, reach, binding)
        fits = (edge <= high + 1e-9 * np.abs(high)) & _is_optimal(gramian, slopes, present, edge, direct)
        if fits.all():
            return direct
        goal = np.where(fits | ((edge > low) & (edge < high)), edge, np.where(edge >= high, high, (low + high) / 2))
        x = nonnegative_least_squares(gramian, np.where(present, goal[:, None] - slopes, 0.0), present)
        squared = np.sum(x * _product(gramian, x), 1)
        inside = squared <= reach
        done = fits | (np.abs(squared - reach) <= 1e-10 * reach) | (inside & (goal >= high))
        if (done | (high - low <= 1e-15 * (high + np.abs(low)))).all():
            break
        low, high = np.where(inside & ~fits, goal, low), np.where(inside | fits, high, goal)
        binding = np.where(fits[:, None], binding, x > 0)
    return np.where(fits[:, None], direct, x)


def _highest_slope(gramian: Array, present: Mask, slopes: Array, reach: Array, single: Array) -> Array:
    """A bound on the least slope within the ball: <g_w, mean> + reach |g_w| for mixtures w of the gradients."""
    shortest = least_norm(gramian, present)
    squared = np.sum(shortest * _product(gramian, shortest), 1)
    cancels = squared <= 1e-6 * np.sum(shortest * np.sqrt(diagonal(gramian)), 1) ** 2
    mixed = np.sum(shortest * slopes, 1) + np.sqrt(reach * np.maximum(squared, 0.0))
    return np.where(cancels, 0.0, np.minimum(single, mixed))


def _at_edge(gramian: Array, slopes: Array, reach: Array, binding: Mask) -> tuple[Array, Array]:
    """Slope v and amounts x at the ball's edge, |sum of x g|^2 = a v^2 - 2 b v + c = reach, where exactly the
    constraints `binding` hold with equality; NaN where none does."""
    scale = np.where(binding, inverse(np.sqrt(diagonal(gramian))), 0.0)
    matrix = gramian * scale[:, :, None] * scale[:, None, :]
    ones = _minimiser(matrix, scale, binding) * scale
    base = _minimiser(matrix, slopes * scale, binding) * scale
    a, b, c = ones.sum(1), base.sum(1), np.sum(base * slopes, 1)
    root = np.sqrt(np.maximum(b**2 - a * (c - reach), 0.0))
    edge = np.where(a > 0, (b + root) * inverse(a), np.nan)
    return edge, edge[:, None] * ones - base


def _is_optimal(gramian: Array, slopes: Array, present: Mask, edge: Array, amounts: Array) -> Mask:
    """All amounts positive, and no present task gains less than `edge`."""
    lengths = np.sqrt(diagonal(gramian))
    moved = slopes + _product(gramian, np.nan_to_num(amounts))
    slack = 1e-11 * lengths * np.sum(np.abs(amounts) * lengths, 1, keepdims=True)
    holds = np.where(present, moved - edge[:, None] >= -slack, True)
    return np.asarray((amounts >= 0).all(1) & holds.all(1))
