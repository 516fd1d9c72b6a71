"""What meta-learners have to beat: no preparation, plain preparation, and a shared trunk with a closed-form head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.meta.learners import Descending, Gradients, Learner, learners, slopes
from mtl_core.meta.network import Network, Part, Task, ridge_outputs, squared_error
from mtl_core.models.base import Parameters
from mtl_core.optimisers import Adam
from mtl_core.registry import knob


@learners.register("pretraining", title="One network for all tasks", term="pretraining")
@dataclass(frozen=True)
class Pretraining(Descending):
    """One network learns all tasks as if they were one, and is then tuned to the new task.

    It follows the mean gradient of all rows of all tasks, without looking at what steps would do.
    Reference: the baseline of Finn, Abbeel, Levine, ICML 2017, section 5.1. Differs from the paper: no.
    """

    def gradients(self, network: Network, parameters: Parameters, task: Task) -> tuple[Gradients, torch.Tensor]:
        wide = network.copies(parameters, task.size)
        support, query = (network.loss(wide, part).view(-1, task.size).mean(1) for part in (task.support, task.query))
        return slopes(((support + query) / 2).sum(), parameters), query.detach()


@learners.register("scratch", title="A fresh start", term="training from scratch")
@dataclass(frozen=True)
class Scratch(Learner):
    """A fresh network learns the new task alone, from its few labels: what there is without any other task.

    Adam on all labels of the new task; it gets more out of few steps than plain descent.
    """

    trains: ClassVar[bool] = False

    rate: float = knob(0.01, "Size of a step (Adam)", low=1e-6, high=1.0, log=True)

    def adapt(
        self, network: Network, parameters: Parameters, support: Part, asked: torch.Tensor, size: int, steps: int
    ) -> torch.Tensor:
        fresh = {name: each.detach() for name, each in network.copies(parameters, size).items()}
        leaves = {name: each.clone().requires_grad_() for name, each in fresh.items()}
        moved, optimiser = [each.detach() for each in leaves.values()], Adam(learning_rate=self.rate)
        memory, found = optimiser.start(moved), [network.predict(fresh, asked)]
        for _ in range(steps):
            gradients = torch.autograd.grad(network.loss(leaves, support).sum(), list(leaves.values()))
            optimiser.move(moved, [each.contiguous() for each in gradients], memory, self.rate)
            with torch.no_grad():
                found.append(network.predict(leaves, asked))
        return torch.stack(found)


@learners.register("ridge", title="Shared trunk, head by formula", term="ridge head")
@dataclass(frozen=True)
class RidgeHead(Learner):
    """All tasks share a trunk; each task's head is the ridge regression of its few labels on the trunk's features.

    The trunk follows the gradient of the query loss through the head's closed form a (A A' + strength I)^-1 y, A being
    the features of the support rows. On a new task nothing is iterated: its error is the same after every step.
    Reference: Bertinetto, Henriques, Torr, Vedaldi, "Meta-learning with differentiable closed-form solvers",
    ICLR 2019 (R2-D2). Differs from the paper: the strength is fixed instead of learned.
    """

    strength: float = knob(
        0.1, "How strongly the head is held near 0; can be turned on the way", low=1e-6, high=1e3, log=True, live=True
    )

    def gradients(self, network: Network, parameters: Parameters, task: Task) -> tuple[Gradients, torch.Tensor]:
        wide = network.copies(parameters, task.size)
        outputs = self._outputs(network, wide, task.support, task.query.inputs)
        losses = squared_error(outputs, task.query.targets).view(-1, task.size).mean(1)
        return slopes(losses.sum(), parameters), losses.detach()

    def adapt(
        self, network: Network, parameters: Parameters, support: Part, asked: torch.Tensor, size: int, steps: int
    ) -> torch.Tensor:
        with torch.no_grad():
            outputs = self._outputs(network, network.copies(parameters, size), support, asked)
        return outputs.expand(steps + 1, -1, -1)

    def _outputs(self, network: Network, wide: Parameters, support: Part, asked: torch.Tensor) -> torch.Tensor:
        known, other = network.features(wide, support.inputs), network.features(wide, asked)
        return ridge_outputs(known, support.targets, other, self.strength)
