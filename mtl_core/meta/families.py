"""A family of tasks: where the tasks of a meta-step come from, and the unseen ones that learners are judged on.

Sizes: R replicas, M tasks in a meta-step, B rows of a task, F inputs. A row that a task lacks has the target NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_core import draws
from mtl_core.data.base import Dataset, Source
from mtl_core.registry import Method, Registry

Rows = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Inputs [R, M, B, F] and targets [R, M, B]."""


@dataclass(frozen=True)
class Starts:
    """The replicas of a run: one seed [R] and one fold [R] each. Every draw of a replica comes from its seed."""

    seeds: NDArray[np.int64]
    folds: NDArray[np.int64]


@dataclass(frozen=True)
class Family(Method):
    """Many small regressions that have something in common."""

    @property
    def n_inputs(self) -> int:
        raise NotImplementedError

    @property
    def source(self) -> Source | None:
        """The table that its tasks come from; None where they are drawn from a formula."""
        return None

    def check(self, dataset: Dataset, folds: int) -> None:
        """Raises `InvalidInput` where the table cannot be this family, cut into so many folds."""

    def ready(self, dataset: Dataset | None, folds: int, seed: int) -> Family:
        """The family that can be drawn from; of a table, its groups cut into folds. Raises `InvalidInput`."""
        return self

    def test_to_train(self, folds: int) -> float:
        """Unseen tasks over training tasks where replicas share training tasks (folds); 0 where all are fresh."""
        return 0.0

    def draw(self, starts: Starts, word: str, n_tasks: int, n_rows: int) -> Rows:
        """Tasks to train on; another word gives other tasks and rows."""
        raise NotImplementedError

    def unseen(self, starts: Starts, n_tasks: int, n_rows: int) -> Rows:
        """Tasks that `draw` never gives; at most n_tasks of them, rows in random order."""
        raise NotImplementedError


families: Registry[Family] = Registry("family of tasks")


def uniform(starts: Starts, key: str, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> NDArray[Any]:
    """[R, *shape] between low and high."""
    return low + (high - low) * draws.uniform(starts.seeds, key, shape)


def normal(starts: Starts, key: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Standard normal numbers [R, *shape]."""
    from scipy.special import ndtri

    return np.asarray(ndtri(np.maximum(draws.uniform(starts.seeds, key, shape), 2.0**-53)))
