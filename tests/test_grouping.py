"""TAG's grouping rule against a search that is written otherwise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mtl_core.evaluation.grouping import MOST_TASKS, best_groups
from mtl_core.registry import InvalidInput


def value(affinity: np.ndarray, groups: tuple[tuple[int, ...], ...]) -> float:
    """Sum over the tasks of the best mean affinity onto it among its groups; minus infinity if one has no group."""
    total = 0.0
    for j in range(len(affinity)):
        mine = [group for group in groups if j in group]
        if not mine:
            return -np.inf
        total += max(sum(affinity[i, j] for i in g if i != j) / max(len(g) - 1, 1) for g in mine)
    return total


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_no_other_set_of_groups_serves_the_tasks_better(limit: int, seed: int) -> None:
    affinity = np.random.default_rng(seed).normal(0, 1, (4, 4))
    every = [g for size in range(1, 5) for g in itertools.combinations(range(4), size)]
    best = max(value(affinity, some) for n in range(1, limit + 1) for some in itertools.combinations(every, n))
    found = best_groups(affinity, limit)
    assert len(found) <= limit
    assert value(affinity, found) == pytest.approx(best)


def test_two_families_are_found_and_strangers_stay_alone() -> None:
    family = np.kron(np.eye(2), np.ones((3, 3))) - 0.5
    assert best_groups(family.astype(np.float64), 2) == ((0, 1, 2), (3, 4, 5))
    assert best_groups(-np.ones((3, 3)), 3) == ((0,), (1,), (2,))
    assert best_groups(np.ones((3, 3)), 3) == ((0, 1, 2),)


def test_a_task_may_help_where_it_is_not_served() -> None:
    affinity = np.array([[0, 0.4], [-0.2, 0]])  # task 0 helps task 1 and is hurt by it
    assert best_groups(affinity, 2) == ((0,), (0, 1))
    assert best_groups(affinity, 1) == ((0, 1),)


def test_too_many_tasks_and_no_group_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at most 10 tasks; got 11"):
        best_groups(np.zeros((MOST_TASKS + 1,) * 2), 2)
    with pytest.raises(InvalidInput, match="at least one group; got 0"):
        best_groups(np.zeros((2, 2)), 0)
