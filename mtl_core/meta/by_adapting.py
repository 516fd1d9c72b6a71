"""Learners that are prepared by adapting: a start is good if a few steps from it go far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.meta.learners import Descending, Gradients, learners, slopes
from mtl_core.meta.network import Network, Part, Task, descended
from mtl_core.models.base import Parameters
from mtl_core.registry import knob


@learners.register("maml", title="A start that adapts fast", term="MAML")
@dataclass(frozen=True)
class ModelAgnostic(Descending):
    """The network's start is moved so that one or a few gradient steps on a new task lead to a small error.

    With U(theta) = theta - rate * gradient of the support loss (repeated `inner_steps` times), the start follows the
    gradient of the query loss at U(theta), differentiated through the steps, averaged over the tasks.
    Reference: Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", ICML 2017.
    Differs from the paper: no.
    """

    second_order: ClassVar[bool] = True

    inner_steps: int = knob(1, "Steps on a task while the start is trained", label="Steps on a task", low=1, high=20)

    def gradients(self, network: Network, parameters: Parameters, task: Task) -> tuple[Gradients, torch.Tensor]:
        fast = network.copies(parameters, task.size)
        names = self.moved(network)
        fast = descended(network, fast, task.support, self.inner_steps, self.inner_rate, names, self.second_order)
        losses = network.loss(fast, task.query).view(-1, task.size).mean(1)
        return slopes(losses.sum(), parameters), losses.detach()


@learners.register("fomaml", title="A start that adapts fast, first order", term="first-order MAML")
@dataclass(frozen=True)
class FirstOrder(ModelAgnostic):
    """As MAML, but the steps on a task count as constants: cheaper, and often as good.

    The start follows the mean over the tasks of the query loss's gradient at the adapted parameters.
    Reference: Finn, Abbeel, Levine, ICML 2017, section 5.2. Differs from the paper: no.
    """

    second_order: ClassVar[bool] = False


@learners.register("anil", title="Features that adapt in the head", term="ANIL")
@dataclass(frozen=True)
class AlmostNoInnerLoop(ModelAgnostic):
    """As MAML, but on a new task only the head moves; the trunk is the same for all.

    U(theta) steps on the head's weights and bias alone; the query loss at U(theta) then moves trunk and head, and is
    differentiated through the steps. A large step on a head over strong features can diverge.
    Reference: Raghu, Raghu, Bengio, Vinyals, "Rapid Learning or Feature Reuse? Towards Understanding the
    Effectiveness of MAML", ICLR 2020. Differs from the paper: no.
    """

    def moved(self, network: Network) -> tuple[str, ...]:
        return network.head


@learners.register("reptile", title="A start near all solutions", term="Reptile")
@dataclass(frozen=True)
class Reptile(Descending):
    """The start moves towards where a few gradient steps on each task lead.

    The direction given to the optimiser is theta - mean over the tasks of U(theta), U being `inner_steps` steps on
    all rows of the task, support and query alike.
    Reference: Nichol, Achiam, Schulman, "On First-Order Meta-Learning Algorithms", arXiv:1803.02999, 2018.
    Differs from the paper: steps of plain descent on all rows at once instead of Adam on small batches.
    """

    inner_steps: int = knob(5, "Steps on a task while the start is trained", label="Steps on a task", low=1, high=50)

    def gradients(self, network: Network, parameters: Parameters, task: Task) -> tuple[Gradients, torch.Tensor]:
        start = network.copies({name: each.detach() for name, each in parameters.items()}, task.size)
        start = {name: each.requires_grad_() for name, each in start.items()}
        every = Part(
            torch.cat([task.support.inputs, task.query.inputs], 1),
            torch.cat([task.support.targets, task.query.targets], 1),
        )
        fast = descended(network, start, every, self.inner_steps, self.inner_rate, self.moved(network), False)
        losses = network.loss(fast, task.query).detach().view(-1, task.size).mean(1)
        apart = {
            name: each.detach() - fast[name].detach().view(-1, task.size, *each.shape[1:]).mean(1)
            for name, each in parameters.items()
        }
        return apart, losses
