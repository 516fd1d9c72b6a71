"""One target, many tasks: each school, shop or patient learns its own, from its own rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.columns import as_text, short
from mtl_core.data.steps import in_order
from mtl_core.registry import InvalidInput
from mtl_core.tasks import TaskSpec

LEAST_ROWS = 30
"""A value with fewer labelled rows says too little by itself to be a task."""
MOST_TASKS = 20
"""Every task is also learned alone, in each fold and initialisation: more would be thousands of networks."""
SHOWN = 5
"""Names of values that a note lists."""


@dataclass(frozen=True)
class Division:
    """Tasks of the values of one column.

    rows [M]: which rows belong to one of them, in order. targets: a column a task over these M rows; every row has
    a label for its own task and for no other. notes: what was left out.
    """

    tasks: tuple[TaskSpec, ...]
    rows: NDArray[np.int64]
    targets: pd.DataFrame
    notes: tuple[str, ...]


def divide(task: TaskSpec, labels: NDArray[np.float64], column: pd.Series) -> Division:
    """A task for each value of a column that has enough rows to learn from: the largest, where there are many.

    labels [N] of `task` (NaN = none). Raises `InvalidInput` when fewer than two values are left.
    """
    owner = as_text(column).where(~np.isnan(labels)).to_numpy()
    facts = (
        pd.Series(labels).groupby(owner).agg(["size", "nunique"]).sort_values("size", ascending=False, kind="stable")
    )
    able = facts[(facts["size"] >= LEAST_ROWS) & (facts["nunique"] > 1)]
    if len(able) < 2:
        raise InvalidInput(
            f"column {column.name!r} has too few values that can be tasks: {len(able)}, and 2 are needed, each with at "
            f"least {LEAST_ROWS} labelled rows and more than one {task.name!r}; choose another column"
        )
    names = _sorted(able.index[:MOST_TASKS])
    rows = np.flatnonzero(pd.Series(owner).isin(names))
    targets = {f"{column.name} {name}": np.where(owner == name, labels, np.nan)[rows] for name in names}
    tasks = tuple(replace(task, name=name) for name in targets)
    return Division(tasks, rows, pd.DataFrame(targets), tuple(_notes(column, facts, able, len(owner) - len(rows))))


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    """By their numbers or their scale, else by the alphabet."""
    return in_order(names) or tuple(sorted(names))


def _notes(column: pd.Series, facts: pd.DataFrame, able: pd.DataFrame, rows: int) -> list[str]:
    """What was left out and why; facts: "size" and "nunique" of each value's labels, the largest first."""
    small = facts.index[facts["size"] < LEAST_ROWS]
    flat = facts.index[(facts["size"] >= LEAST_ROWS) & (facts["nunique"] < 2)]
    reasons = {
        f"fewer than {LEAST_ROWS} labelled rows": small,
        "the same label in every row": flat,
        f"not among the {MOST_TASKS} largest": able.index[MOST_TASKS:],
    }
    notes = [
        f"Left out of {column.name!r}, {why}: {_some(list(names))}." for why, names in reasons.items() if len(names)
    ]
    return [*notes, f"{rows:,} of {len(column):,} rows belong to no task and are left out."] if rows else notes


def _some(names: list[str]) -> str:
    shown = ", ".join(short(name) for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN:,} more"
