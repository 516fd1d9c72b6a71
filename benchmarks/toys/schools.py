"""160 schools, a small regression each: alone, all as one, or pulled towards a common mean that is learned with them.

7,185 pupils of "High School and Beyond" (1982, United States National Center for Education Statistics, in the public
domain; the table as in Bryk, Raudenbush, "Hierarchical Linear Models", 1992): achievement in mathematics from minority,
sex and social status. A quarter of every school's pupils is the test set, in ten random splits; as usual for data
of this kind the figure is the explained variance, 100 (1 - squared error / variance) in percent.

Mean-regularised multi-task regression: school t has the weights w + v_t and minimises the squared errors plus
strength * sum of |v_t|^2, with w free. The strength, and that of the schools alone, is chosen on a fifth of the
training pupils, so both were tuned alike.
Reference: Evgeniou, Pontil, "Regularized Multi-Task Learning", KDD 2004 (School data: explained variance 34 % together
against 24 % or less alone, on other schools and more features).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.toys.checks import Check
from mtl_core.evaluation.intervals import paired_interval

Floats = NDArray[np.float64]
FILE = Path(__file__).parent / "schools.csv"
SPLITS, TEST_SHARE, VALIDATION_SHARE = 10, 0.25, 0.2
STRENGTHS = np.logspace(-2, 4, 25)
PUBLISHED_MEAN, PUBLISHED_RATIO = 12.637, 39.148 / 8.614
"""Of the one-way model in Bryk and Raudenbush: its grand mean; variance within schools over variance between them."""
FREE = 1e-9
"""Penalty of a weight that is not to be held back; it keeps the equations solvable where a school lacks variety."""


@cache
def pupils() -> tuple[NDArray[np.int64], Floats, Floats]:
    """School [N] from 0, features [N, 4] of which the last is 1, and achievement [N]."""
    table = pd.read_csv(FILE)
    columns = [table["minority"] == "yes", table["sex"] == "female", table["ses"], np.ones(len(table))]
    school = np.unique(table["school"], return_inverse=True)[1]
    return school, np.column_stack([np.asarray(each, float) for each in columns]), table["math"].to_numpy(float)


def moments(school: NDArray[np.int64], x: Floats, y: Floats, n_schools: int) -> tuple[Floats, Floats]:
    """X'X [T, F, F] and X'y [T, F] of every school."""
    squares, products = np.zeros((n_schools, x.shape[1], x.shape[1])), np.zeros((n_schools, x.shape[1]))
    np.add.at(squares, school, x[:, :, None] * x[:, None, :])
    np.add.at(products, school, x * y[:, None])
    return squares, products


def together(squares: Floats, products: Floats, strength: float) -> Floats:
    """Weights w + v_t [T, F]: the closed form of mean-regularised regression."""
    common = common_weights(squares, products, strength)
    return common + own_weights(squares, products - squares @ common, np.full(squares.shape[1], strength))


def common_weights(squares: Floats, products: Floats, strength: float) -> Floats:
    """The free mean w [F]; with strength s^2 / t^2 it is the fixed effect of a random-effects model."""
    eye = strength * np.eye(squares.shape[1])
    kept = np.linalg.solve(squares + eye, np.concatenate([squares, products[..., None]], 2))
    left = np.concatenate([squares, products[..., None]], 2) - squares @ kept  # what the v_t do not explain
    return np.asarray(np.linalg.solve(left[..., :-1].sum(0), left[..., -1].sum(0)))


def own_weights(squares: Floats, products: Floats, penalty: Floats) -> Floats:
    """Ridge regression of every school, a penalty [F] for each weight: [T, F]."""
    return np.asarray(np.linalg.solve(squares + np.diag(penalty), products[..., None])[..., 0])


def alone(squares: Floats, products: Floats, strength: float) -> Floats:
    """Ridge regression of every school by itself; its level is free."""
    return own_weights(squares, products, np.array([strength, strength, strength, FREE]))


def pooled(squares: Floats, products: Floats) -> Floats:
    """One regression for all."""
    return np.asarray(np.linalg.solve(squares.sum(0), products.sum(0)) + np.zeros(products.shape))


def explained() -> Floats:
    """Explained variance in percent of alone, as one, together: [SPLITS, 3]."""
    school, x, y = pupils()
    size, found = school.max() + 1, []
    for seed in range(SPLITS):
        random = np.random.default_rng(seed)
        test = _share(random, school, TEST_SHARE)
        validation = ~test & _share(random, school, VALIDATION_SHARE)
        train = ~test & ~validation

        learn, whole = (moments(school[rows], x[rows], y[rows], size) for rows in (train, ~test))
        chosen = []
        for method in (alone, together):
            tried = [score(method(*learn, strength), validation, y[train].mean()) for strength in STRENGTHS]
            chosen.append(STRENGTHS[int(np.argmax(tried))])
        weights = alone(*whole, chosen[0]), pooled(*whole), together(*whole, chosen[1])
        found.append([score(each, test, y[~test].mean()) for each in weights])
    return np.array(found)


def score(weights: Floats, rows: NDArray[np.bool_], level: float) -> float:
    """Explained variance of some rows in percent; level is the mean that was known from training."""
    school, x, y = pupils()
    off = y[rows] - (x[rows] * weights[school[rows]]).sum(1)
    return float(100 * (1 - (off**2).sum() / ((y[rows] - level) ** 2).sum()))


def _share(random: np.random.Generator, school: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """About this share of every school's pupils."""
    order = np.lexsort([random.random(len(school)), school])
    place = np.empty(len(school))
    place[order] = np.arange(len(school)) - np.searchsorted(school[order], school[order])
    return np.asarray(place < share * np.bincount(school)[school])


def measure() -> Iterator[Check]:
    found = explained()
    names = ("each school alone", "all schools as one", "pulled towards a common mean")
    ranges = ((17.0, 22.0), (15.0, 20.0), (20.0, 25.0))
    for name, value, (low, high) in zip(names, found.mean(0), ranges, strict=True):
        yield Check(f"schools, explained variance in percent: {name}", float(value), low, high)
    for i, name in enumerate(names[:2]):
        gain = paired_interval(found[:, 2] - found[:, i], TEST_SHARE / (1 - TEST_SHARE))
        yield Check(f"schools: percent gained over {name}, lower end of the 95 % interval", gain.low, 0.5, 15.0)
    school, x, y = pupils()
    level = common_weights(*moments(school, x[:, 3:], y, school.max() + 1), PUBLISHED_RATIO)
    off = abs(float(level[0]) - PUBLISHED_MEAN)
    yield Check(
        f"schools: distance of the random-intercept model's mean from the published {PUBLISHED_MEAN}", off, 0, 5e-4
    )
