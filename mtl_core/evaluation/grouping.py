"""Which tasks should be learned together, from how each helps each other: the grouping rule of TAG.

Sizes: T tasks, G possible groups (2^T - 1).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mtl_core.registry import InvalidInput

Affinity = NDArray[np.float64]
MOST_TASKS = 10
"""The rule weighs every set of groups against every other; their number doubles with each task."""


def best_groups(affinity: Affinity, limit: int) -> tuple[tuple[int, ...], ...]:
    """At most `limit` groups (of task numbers) that together serve every task best.

    affinity [T, T]: how much a step on task i (row) lowers the loss of task j (column); the diagonal is not read. A
    group serves its task j as well as the mean affinity of the others in it onto j; alone a task is served with 0.
    Groups may overlap: each task takes the best of the groups it is in. The set with the largest sum over the tasks
    wins; of equal sets the one with fewer and then earlier groups.
    Raises `InvalidInput` for more than MOST_TASKS tasks or fewer than one group.
    Reference: Fifty, Amid, Zhao, Yu, Anil, Finn, "Efficiently Identifying Task Groupings for Multi-Task Learning",
    NeurIPS 2021, section 3.3. Differs from the paper: every set is tried instead of branch and bound.
    """
    n_tasks = len(affinity)
    if n_tasks > MOST_TASKS:
        raise InvalidInput(f"groups can be told for at most {MOST_TASKS} tasks; got {n_tasks}, choose fewer")
    if limit < 1:
        raise InvalidInput(f"tasks go into at least one group; got {limit}")
    groups = [each for size in range(n_tasks, 0, -1) for each in combinations(range(n_tasks), size)]
    served = np.stack([_served(affinity, group) for group in groups])  # [G, T]
    best, chosen = -np.inf, list(groups[:1])
    for first in range(min(limit, n_tasks)):
        for some in combinations(range(len(groups)), first):
            base = served[list(some)].max(0) if some else np.full(n_tasks, -np.inf)
            begin = some[-1] + 1 if some else 0
            totals = np.maximum(base, served[begin:]).sum(1)
            if len(totals) and totals.max() > best + 1e-12:
                best = float(totals.max())
                chosen = [*(groups[i] for i in some), groups[begin + int(totals.argmax())]]
    return tuple(sorted(chosen))


def _served(affinity: Affinity, group: tuple[int, ...]) -> NDArray[np.float64]:
    """How well a group serves each of its tasks [T]; -inf for the others."""
    found = np.full(len(affinity), -np.inf)
    for j in group:
        found[j] = np.mean([affinity[i, j] for i in group if i != j]) if len(group) > 1 else 0.0
    return found
