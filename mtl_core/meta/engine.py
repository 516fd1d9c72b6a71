"""Meta-training in slices, and what a learner makes of unseen tasks.

As with runs (`training.engine`): a learner and a state go in, facts and the next state come out; cut anywhere, the
numbers are the same bit for bit. Replicas never mix: a replica trained by itself gives the same numbers, to rounding.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mtl_core import draws
from mtl_core.events import Event, Floats
from mtl_core.lazy import torch
from mtl_core.meta.families import Family, Starts
from mtl_core.meta.learners import Learner
from mtl_core.meta.network import Network, Part, Task
from mtl_core.models import layers
from mtl_core.models.base import Parameters, Shape, Trunk
from mtl_core.optimisers import Adam
from mtl_core.registry import InvalidInput, Method, knob
from mtl_core.training.engine import calm

BLOCK = 256
"""Networks that are adapted at once; more leave the cache."""


@dataclass(frozen=True)
class Budget(Method):
    """How long learners are prepared, and on what they are judged."""

    steps: int = knob(2000, "Meta-steps of every learner", low=1, high=1_000_000, log=True)
    tasks: int = knob(25, "Tasks in one meta-step", low=1, high=500, log=True)
    shots: int = knob(10, "Labels of a task to adapt on while training", low=1, high=200)
    queries: int = knob(10, "Further labels of a task to be judged on while training", low=1, high=200)
    learning_rate: float = knob(0.001, "Size of a meta-step (Adam)", low=1e-6, high=1.0, log=True)
    folds: int = knob(
        5, "Replicas, each with a start and tasks of its own; of a table, parts of the groups", low=2, high=50
    )
    unseen: int = knob(100, "Unseen tasks of each replica, at most", low=1, high=10_000, log=True)
    asked: int = knob(50, "Rows of an unseen task on which the error is measured, at most", low=1, high=10_000)
    seed: int = knob(0, "Another seed: other starts, other tasks", low=0, high=2**31 - 1, advanced=True)


@dataclass(frozen=True)
class MetaProgress(Event):
    """Mean query loss of each replica [R] since the point before; `unit` is the learner's place in the comparison."""

    kind: ClassVar[str] = "meta-progress"
    step: int
    loss: Floats


@dataclass(frozen=True)
class MetaSlice:
    """What one slice gave. state resumes it; `step` meta-steps are made in all."""

    state: bytes
    events: tuple[MetaProgress, ...]
    step: int
    done: bool


def starts_of(budget: Budget) -> Starts:
    folds = np.arange(budget.folds)
    seeds = draws.bits([budget.seed], "meta.replicas", budget.folds)[0] >> np.uint64(1)
    return Starts(seeds.astype(np.int64), folds)


def network_of(family: Family, trunk: Trunk) -> Network:
    return Network(Shape(family.n_inputs, (1,), trunk))


@dataclass
class Preparation:
    """One learner in training: every replica's parameters and the optimiser's memory."""

    learner: Learner
    family: Family
    network: Network
    budget: Budget
    starts: Starts
    parameters: Parameters
    memory: dict[str, list[torch.Tensor]]
    step: int = 0

    @classmethod
    def begin(cls, learner: Learner, family: Family, trunk: Trunk, budget: Budget) -> Preparation:
        starts, network = starts_of(budget), network_of(family, trunk)
        parameters = layers.start(network.layout, starts.seeds)
        memory = Adam().start([each.detach() for each in parameters.values()])
        return cls(learner, family, network, budget, starts, parameters, memory)

    @property
    def done(self) -> bool:
        return not self.learner.trains or self.step >= self.budget.steps

    def advance(self) -> torch.Tensor:
        """One meta-step of all replicas; the query losses [R] before it."""
        task = self.task(self.step)
        found, losses = self.learner.gradients(self.network, self.parameters, task)
        moved = [each.detach() for each in self.parameters.values()]
        gradients = [found[name].contiguous() for name in self.parameters]
        Adam().move(moved, gradients, self.memory, self.budget.learning_rate)
        self.step += 1
        return losses

    def task(self, step: int) -> Task:
        budget = self.budget
        rows = self.family.draw(self.starts, f"step.{step}", budget.tasks, budget.shots + budget.queries)
        inputs, targets = (torch.from_numpy(np.ascontiguousarray(each)).flatten(0, 1) for each in rows)
        support = Part(inputs[:, : budget.shots], targets[:, : budget.shots])
        return Task(support, Part(inputs[:, budget.shots :], targets[:, budget.shots :]), budget.tasks)

    def dump(self) -> bytes:
        buffer = io.BytesIO()
        values = [each.detach() for each in self.parameters.values()]
        torch.save({"step": self.step, "values": values, "memory": self.memory}, buffer)
        return buffer.getvalue()

    def load(self, raw: bytes) -> None:
        state = torch.load(io.BytesIO(raw), weights_only=True)
        for mine, theirs in zip(self.parameters.values(), state["values"], strict=True):
            mine.detach().copy_(theirs)
        self.step, self.memory = state["step"], state["memory"]


def advance(
    preparation: Preparation, unit: int = 0, *, budget_seconds: float | None = None, max_steps: int | None = None
) -> MetaSlice:
    """Train one learner for a while: until done, the time is up or `max_steps` are made, whichever comes first."""
    calm()
    begun, first, losses = time.perf_counter(), preparation.step, list[torch.Tensor]()
    try:
        while not preparation.done:
            losses.append(preparation.advance())
            made = preparation.step - first
            late = budget_seconds is not None and time.perf_counter() - begun >= budget_seconds
            if late or (max_steps is not None and made >= max_steps):
                break
    finally:
        torch.set_flush_denormal(False)
    mean = torch.stack(losses).mean(0).numpy() if losses else None
    events = () if mean is None else (MetaProgress(unit, preparation.step, mean),)
    return MetaSlice(preparation.dump(), events, preparation.step, preparation.done)


def errors(preparation: Preparation, shots: int, steps: int, unseen: bool = True) -> NDArray[np.float64]:
    """Mean squared error on new tasks after 0, 1, ... steps on `shots` labels: [R, tasks, steps + 1].

    NaN for a task without a row to ask about, infinite where a network has diverged. Every learner sees the same
    tasks, labels and questions. Raises `InvalidInput` where no task has a row left to ask about.
    unseen: on the tasks that results are told of; otherwise on tasks as for training, by which a number of steps may
    be chosen.
    """
    budget, size = preparation.budget, len(preparation.starts.seeds)
    family, starts, n_rows = preparation.family, preparation.starts, shots + budget.asked
    if unseen:
        inputs, targets = family.unseen(starts, budget.unseen, n_rows)
    else:
        inputs, targets = family.draw(starts, f"choice.{shots}", budget.unseen, n_rows)
    n_tasks = inputs.shape[1]
    per_block = max(BLOCK // size, 1)
    parts = [
        _errors(preparation, inputs[:, i : i + per_block], targets[:, i : i + per_block], shots, steps)
        for i in range(0, n_tasks, per_block)
    ]
    found = np.concatenate(parts, 1)
    if np.isnan(found).all((1, 2)).any():
        raise InvalidInput(
            f"no new task has more than {shots} labelled rows, so none is left to ask; choose fewer labels"
        )
    return found


def _errors(
    preparation: Preparation, inputs: NDArray[np.float32], targets: NDArray[np.float32], shots: int, steps: int
) -> NDArray[np.float64]:
    """Of some tasks, inputs [R, M, B, F], targets [R, M, B]: [R, M, steps + 1]."""
    size = inputs.shape[1]
    x, y = (torch.from_numpy(np.ascontiguousarray(each)).flatten(0, 1) for each in (inputs, targets))
    support, asked = Part(x[:, :shots], y[:, :shots]), y[:, shots:]
    found = preparation.learner.adapt(
        preparation.network, preparation.parameters, support, x[:, shots:], size, steps
    )  # [S, N, Q]
    wrong = torch.where(torch.isnan(asked), 0.0, found - torch.nan_to_num(asked)).double().square().sum(-1)
    count = (~torch.isnan(asked)).sum(-1)
    mean = torch.where(count > 0, torch.nan_to_num(wrong / count.clamp(min=1), torch.inf, torch.inf), torch.nan)
    return np.asarray(mean.T.reshape(len(inputs), size, steps + 1).numpy())
