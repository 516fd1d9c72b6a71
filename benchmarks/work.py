"""The work that speed is measured on, and rows of the result table.

2,000 training rows and 500 held out, 10 features, 3 regression tasks, trunk 64-64, linear heads, batch 64, Adam,
evaluation of the 500 rows every 32 steps. One thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch

from mtl_core.data.prepare import Prepared
from mtl_core.data.synthetic import Relatedness
from mtl_core.events import Replica
from mtl_core.experiment import Experiment, Plan, Training, Unit
from mtl_core.models.base import Shape, Trunk, sharings
from mtl_core.tasks import TaskSpec
from mtl_core.training.engine import run
from mtl_core.training.stack import Stack
from mtl_core.weighting.base import weightings

N_TRAIN, N_HELD, N_INPUTS, N_TASKS, WIDTH, BATCH, EVERY = 2000, 500, 10, 3, 64, 64, 32


@dataclass(frozen=True)
class Row:
    """One figure: what, how much, and the limit it is held to (None: only reported)."""

    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def ok(self) -> bool | None:
        return None if self.limit is None else self.value <= self.limit

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "ok": self.ok}


def table(n_train: int = N_TRAIN, n_tasks: int = N_TASKS, n_held: int = N_HELD) -> Prepared:
    """Random rows with a learnable signal; half of the held rows are validation rows, half test rows."""
    random = np.random.default_rng(0)
    n_rows = n_train + n_held
    inputs = random.standard_normal((n_rows + 1, N_INPUTS), dtype=np.float32)
    targets = np.tanh(inputs @ random.standard_normal((N_INPUTS, n_tasks), dtype=np.float32))
    targets[-1] = np.nan
    rows, half = np.arange(n_rows)[None], n_train + n_held // 2
    zeros = np.zeros((1, n_tasks), np.float32)
    parts = rows[:, :n_train], rows[:, n_train:half], rows[:, half:]
    return Prepared(inputs[None], targets[None], zeros, zeros + 1, *parts)


def tasks(n_tasks: int = N_TASKS) -> tuple[TaskSpec, ...]:
    return tuple(TaskSpec(f"task {t + 1}", "regression") for t in range(n_tasks))


def replicas(seeds: int, n_tasks: int = N_TASKS, alone: bool = True) -> tuple[Replica, ...]:
    """`seeds` shared networks, then each task's own network for every seed."""
    every = tuple(range(n_tasks))
    together = [Replica("together", 0, seed, every) for seed in range(seeds)]
    twins = [Replica("alone", 0, seed, (t,)) for seed in range(seeds) for t in every]
    return (*together, *(twins if alone else []))


def stack(
    networks: tuple[Replica, ...],
    *,
    steps: int,
    sharing: str = "hard",
    weighting: str = "equal",
    rows: Prepared | None = None,
    n_tasks: int = N_TASKS,
    device: torch.device | None = None,
) -> Stack:
    """A fresh stack on the work; on the processor unless a device is named."""
    names = tuple(task.name for task in tasks(n_tasks))
    trunk = Trunk(width=WIDTH)
    experiment = Experiment(
        Relatedness(), names, (sharings[sharing](),), weightings[weighting](), trunk,
        training=Training(steps=steps, batch_size=BATCH, evaluate_every=EVERY), plan=Plan(),
    )  # fmt: skip
    unit = Unit(0, experiment.sharings[0], Shape(N_INPUTS, (1,) * n_tasks, trunk), networks)
    return Stack(experiment, unit, table(n_tasks=n_tasks) if rows is None else rows, tasks(n_tasks), device)


def trained(built: Stack) -> float:
    """Seconds to train a stack to its end."""
    begun = time.perf_counter()
    run(built)
    return time.perf_counter() - begun


def fastest(works: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Shortest seconds of each piece of work, taken in turns so that a busy moment hits all alike."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repeats):
        for name, work in works.items():
            best[name] = min(best[name], work())
    return best


def timed(work: Callable[[], object]) -> Callable[[], float]:
    def seconds() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return seconds
