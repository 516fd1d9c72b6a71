"""A learner: how a network is prepared on many tasks, and how it then takes up a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.meta.network import Network, Part, Task, descended
from mtl_core.models.base import Parameters
from mtl_core.registry import Method, Registry, knob

Gradients = dict[str, "torch.Tensor"]


@dataclass(frozen=True)
class Learner(Method):
    """What stands beside each other on the chart of adaptation."""

    trains: ClassVar[bool] = True
    """It is prepared on the family's training tasks; otherwise it starts fresh."""
    price: ClassVar[float] = 3.0
    """Its work against a plain step of as many products, until this machine has measured it."""

    def gradients(self, network: Network, parameters: Parameters, task: Task) -> tuple[Gradients, torch.Tensor]:
        """Direction of a meta-step for every parameter [R, ...], and the mean query loss of each replica [R]."""
        raise NotImplementedError

    def adapt(
        self, network: Network, parameters: Parameters, support: Part, asked: torch.Tensor, size: int, steps: int
    ) -> torch.Tensor:
        """Predictions for inputs [N, Q, F] of `size` new tasks a replica after 0, 1, ... steps: [steps + 1, N, Q]."""
        raise NotImplementedError


@dataclass(frozen=True)
class Descending(Learner):
    """A learner that takes up a new task with plain gradient steps on its labels."""

    inner_rate: float = knob(
        0.01,
        "Size of a step on a task; can be turned on the way",
        label="Step size on a task",
        low=1e-6,
        high=10.0,
        log=True,
        live=True,
    )

    def moved(self, network: Network) -> tuple[str, ...]:
        """Names of the parameters that change on a new task."""
        return tuple(network.layout)

    def adapt(
        self, network: Network, parameters: Parameters, support: Part, asked: torch.Tensor, size: int, steps: int
    ) -> torch.Tensor:
        fast = network.copies(parameters, size)
        names, found = self.moved(network), [network.predict(fast, asked).detach()]
        for _ in range(steps):
            leaves = {name: each.detach().requires_grad_(name in names) for name, each in fast.items()}
            fast = descended(network, leaves, support, 1, self.inner_rate, names, second_order=False)
            found.append(network.predict(fast, asked).detach())
        return torch.stack(found)


learners: Registry[Learner] = Registry("meta-learner")


def slopes(total: torch.Tensor, parameters: Parameters) -> Gradients:
    """Gradient of a number in every parameter; zeros where it does not depend on one."""
    found = torch.autograd.grad(total, list(parameters.values()), materialize_grads=True)
    return dict(zip(parameters, found, strict=True))
