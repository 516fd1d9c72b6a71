"""Meta-training step by step, and what a learner makes of unseen tasks.

Replicas never mix: a replica trained by itself gives the same numbers, to rounding. How this is cut into slices stands
in `track.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_core.devices import lying, lying_as
from mtl_core.lazy import torch
from mtl_core.meta.adaptation import BLOCK
from mtl_core.meta.budget import Budget, starts_of
from mtl_core.meta.families import Family, Rows, Starts
from mtl_core.meta.learners import Learner
from mtl_core.meta.network import Network, Part, Task
from mtl_core.models import layers
from mtl_core.models.base import Parameters, Shape, Trunk
from mtl_core.optimisers import Adam
from mtl_core.registry import InvalidInput


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
    device: torch.device
    step: int = 0

    @classmethod
    def begin(
        cls, learner: Learner, family: Family, trunk: Trunk, budget: Budget, device: torch.device | None = None
    ) -> Preparation:
        """device: where it is computed; None = on the processor."""
        starts, network, place = starts_of(budget), network_of(family, trunk), device or torch.device("cpu")
        parameters = layers.start(network.layout, starts.seeds, place)
        memory = Adam().start([each.detach() for each in parameters.values()])
        return cls(learner, family, network, budget, starts, parameters, memory, place)

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

    def finish(self) -> None:
        """All meta-steps that are left, without anybody looking."""
        while not self.done:
            self.advance()

    def task(self, step: int) -> Task:
        budget = self.budget
        rows = self.family.draw(self.starts, f"step.{step}", budget.tasks, budget.shots + budget.queries)
        inputs, targets = self.tensors(rows)
        support = Part(inputs[:, : budget.shots], targets[:, : budget.shots])
        return Task(support, Part(inputs[:, budget.shots :], targets[:, budget.shots :]), budget.tasks)

    def tensors(self, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs [N, B, F] and targets [N, B] of all replicas' tasks, where the networks lie."""
        inputs, targets = (torch.from_numpy(np.ascontiguousarray(each)).to(self.device) for each in rows)
        return inputs.flatten(0, 1), targets.flatten(0, 1)

    def dump(self) -> dict[str, Any]:
        """What `load` goes on from, on whatever device: plain tensors and numbers."""
        values = [each.detach() for each in self.parameters.values()]
        found: dict[str, Any] = lying({"values": values, "memory": self.memory}, torch.device("cpu"))
        return {"step": self.step, **found}

    def load(self, state: dict[str, Any]) -> None:
        for mine, theirs in zip(self.parameters.values(), state["values"], strict=True):
            mine.detach().copy_(theirs)
        self.step, self.memory = state["step"], lying_as(state["memory"], self.memory)


def errors(preparation: Preparation, shots: int, steps: int, unseen: bool = True) -> NDArray[np.float64]:
    """Mean squared error on new tasks after 0, 1, ... steps on `shots` labels: [R, tasks, steps + 1].

    NaN for a task without a row to ask about, infinite where a network has diverged. Every learner sees the same
    tasks, labels and questions. Raises `InvalidInput` where no task has a row left to ask about.
    unseen: on the tasks that results are told of; otherwise on tasks as for training, by which a number of steps may
    be chosen.
    """
    rows = new_tasks(preparation, shots, preparation.budget.unseen, unseen, preparation.budget.asked)
    per_block = max(BLOCK // len(preparation.starts.seeds), 1)
    starts = range(0, rows[0].shape[1], per_block)
    parts = [errors_on(preparation, rows, slice(i, i + per_block), shots, steps) for i in starts]
    return checked(np.concatenate(parts, 1), shots)


def new_tasks(preparation: Preparation, shots: int, n_tasks: int, unseen: bool, asked: int) -> Rows:
    """Tasks to be looked at, at most so many: inputs [R, M, B, F], targets [R, M, B], B = rows to learn + to ask."""
    family, starts, n_rows = preparation.family, preparation.starts, shots + asked
    if unseen:
        return family.unseen(starts, n_tasks, n_rows)
    return family.draw(starts, f"choice.{shots}", n_tasks, n_rows)


def errors_on(preparation: Preparation, rows: Rows, part: slice, shots: int, steps: int) -> NDArray[np.float64]:
    """Of a part of these tasks: [R, M, steps + 1]."""
    inputs, targets = (each[:, part] for each in rows)
    size = inputs.shape[1]
    if not size:
        return np.zeros((len(inputs), 0, steps + 1))
    x, y = preparation.tensors((inputs, targets))
    support, asked = Part(x[:, :shots], y[:, :shots]), y[:, shots:].cpu()
    found = preparation.learner.adapt(
        preparation.network, preparation.parameters, support, x[:, shots:], size, steps
    ).cpu()  # [S, N, Q]
    wrong = torch.where(torch.isnan(asked), 0.0, found - torch.nan_to_num(asked)).double().square().sum(-1)
    count = (~torch.isnan(asked)).sum(-1)
    mean = torch.where(count > 0, torch.nan_to_num(wrong / count.clamp(min=1), torch.inf, torch.inf), torch.nan)
    return np.asarray(mean.T.reshape(len(inputs), size, steps + 1).numpy())


def checked(found: NDArray[np.float64], shots: int) -> NDArray[np.float64]:
    """Errors [R, tasks, steps + 1] as they are. Raises `InvalidInput` where a replica has nothing to be asked about."""
    if np.isnan(found).all((1, 2)).any():
        raise InvalidInput(
            f"no new task has more than {shots} labelled rows, so none is left to ask; choose fewer labels"
        )
    return found
