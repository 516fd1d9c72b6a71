"""One stack of replicas in training: R networks of one architecture, stepped by one loop of batched products.

Replicas that learn several tasks come first (`n_multi` of them); the weighting acts on those. A single-task
replica follows its own plain loss: with one task every weighting must be the plain gradient, and a twin alone
must not feel the weights that were set for the shared network.

Sizes: R replicas, K = n_multi, T tasks, B rows, O = sum of all heads' outputs.
"""

from __future__ import annotations

import io

import numpy as np

from mtl_core.data.prepare import Prepared
from mtl_core.devices import lying, lying_as
from mtl_core.experiment import Experiment, Unit, replica_seeds
from mtl_core.lazy import torch
from mtl_core.models import layers
from mtl_core.models.base import Parameters, Pullback
from mtl_core.tasks import TaskSpec
from mtl_core.training import gradients
from mtl_core.training.batches import Batches
from mtl_core.training.labels import Labels, label_weights
from mtl_core.training.losses import Losses, grouped, task_losses
from mtl_core.training.patience import Best
from mtl_core.weighting.base import Signal

_KEPT = ("step_count", "seconds", "evaluated", "in_force", "total", "counted", "memory", "weighting_memory")


class Stack:
    """Networks, optimiser memory, weighting memory and best steps of one unit; a function of its state alone."""

    def __init__(
        self,
        experiment: Experiment,
        unit: Unit,
        prepared: Prepared,
        tasks: tuple[TaskSpec, ...],
        device: torch.device | None = None,
    ) -> None:
        self.plan, self.unit, self.tasks = experiment, unit, tasks
        self.shape, self.sharing, self.device = unit.shape, unit.sharing, device or torch.device("cpu")
        folds = np.array([replica.fold for replica in unit.replicas])
        seeds = replica_seeds(experiment.plan, unit.replicas)
        width = self.shape.trunk.width
        weights = label_weights(prepared, tasks, experiment.training.class_weights == "balanced")
        self.batches = Batches(prepared, folds, seeds, experiment.training.batch_size, width, weights, self.device)
        present = torch.tensor([[t in r.tasks for t in range(len(tasks))] for r in unit.replicas])
        self.present = present.to(self.device)
        self.n_multi = sum(len(replica.tasks) > 1 for replica in unit.replicas)
        self.groups, self.shared = grouped(tasks, self.shape), self.sharing.shared(self.shape)
        self.parameters = layers.start(self.sharing.layout(self.shape), seeds, self.device)
        self.now = experiment.at(0)
        multi = self.present[: self.n_multi]
        self.weighting_memory = self.now.weighting.start(multi, torch.from_numpy(seeds[: self.n_multi]))
        self.learned = {name: each.requires_grad_() for name, each in self.now.weighting.parameters(multi).items()}
        self.moved = [*self.parameters.values(), *self.learned.values()]
        self.memory = self.now.optimiser.start([each.detach() for each in self.moved])
        self.best = Best(self.present, self.sharing.separable, self.shape)
        self.step_count, self.seconds, self.evaluated = 0, 0.0, -1
        self.in_force = self.present.float()
        self.total, self.counted = torch.zeros_like(self.in_force), torch.zeros_like(self.in_force)
        self._weighed: torch.Tensor | None = None
        self._refresh()

    @property
    def done(self) -> bool:
        return self.step_count >= self.plan.training.steps or self._all_stopped

    # --- one step -------------------------------------------------------------------------------------------
    def step(self) -> None:
        """One step of every replica that has not stopped."""
        if any(change.step == self.step_count for change in self.plan.changes):
            self.now, self._weighed = self.plan.at(self.step_count), None
        inputs, labels = self.batches.at(self.step_count)
        combined = self.now.weighting.needs_gramian and self.n_multi and self.shared
        found, losses, learned = (self._combined if combined else self._weighted)(inputs, labels)
        rate = self.now.optimiser.rate(self.step_count, self.plan.training.steps)
        self.now.optimiser.move(self._values, [each.contiguous() for each in found], self.memory, rate)
        self.total += losses
        self.counted += learned
        self.step_count += 1

    def look(
        self, parameters: Parameters, inputs: torch.Tensor, labels: Labels, rows: slice
    ) -> tuple[Losses, torch.Tensor, Pullback]:
        """Losses of some replicas on a batch, which tasks learn from it [R, T], and the outputs' pullback."""
        outputs, pull = self.sharing.linearise(parameters, inputs, self.shape)
        losses = task_losses(outputs, labels, self.groups, self.batches.is_complete(self.step_count))
        learns = self.learns if rows == slice(None) else self.learns[rows]
        return losses, learns if losses.labelled is None else learns & losses.labelled, pull

    def _weighted(self, inputs: torch.Tensor, labels: Labels) -> Found:
        """Gradients of the weighted losses of the first K replicas and of the plain ones of the others."""
        k = self.n_multi
        losses, learned, pull = self.look(self.parameters, inputs, labels, slice(None))
        own: list[torch.Tensor] = []
        if self.learned:
            own = self._ask_objective(losses.values[:k], learned[:k])
        elif k and not (self.now.weighting.constant and learned is self._weighed):
            self._ask(losses.values[:k], learned[:k], None)
        if learned is not self._weighed:
            self.in_force[k:] = learned[k:]
        self._weighed = learned
        found = pull(losses.pulled(self.in_force))
        return self._with_penalty(found, self.parameters, self.present) + own, losses.values, learned

    def foresee(self, learned: torch.Tensor) -> None:
        """Weights of the first step, where they depend on nothing that the step would tell."""
        if self.n_multi and self.now.weighting.constant:
            self._ask(torch.zeros_like(self.in_force[: self.n_multi]), learned[: self.n_multi], None)

    def _ask(self, losses: torch.Tensor, learned: torch.Tensor, gramian: torch.Tensor | None) -> None:
        """Weights for the first K replicas."""
        signal = Signal(torch.where(learned, losses, 0.0), learned, self.step_count, self.batches.epoch_steps, gramian)
        asked, self.weighting_memory = self.now.weighting.weights(signal, self.weighting_memory)
        self.in_force[: self.n_multi] = torch.where(learned, asked, 0.0)

    def _ask_objective(self, losses: torch.Tensor, learned: torch.Tensor) -> list[torch.Tensor]:
        """The weights that a learned objective amounts to (its slope in each loss), and its own gradients."""
        slope, *own = self.now.weighting.slopes(torch.where(learned, losses, 0.0), learned, self.learned)
        self.in_force[: self.n_multi] = torch.where(learned, slope, 0.0)
        return own

    def _combined(self, inputs: torch.Tensor, labels: Labels) -> Found:
        """Gradients of each task on the shared parameters, weighed together; heads follow their own task.

        Single-task replicas are cut off first: they need one gradient, not one for each task.
        """
        k = self.n_multi
        parts = [self._combined_part(slice(0, k), inputs[:k], labels[:k])]
        if k < len(self.present):
            parts.append(self._plain_part(slice(k, None), inputs[k:], labels[k:]))
        found = [torch.cat(each) for each in zip(*(part[0] for part in parts), strict=True)]
        return found, torch.cat([part[1] for part in parts]), torch.cat([part[2] for part in parts])

    def _combined_part(self, rows: slice, inputs: torch.Tensor, labels: Labels) -> Found:
        part = self.part(rows)
        losses, learned, pull = self.look(part, inputs, labels, rows)
        matrix, private = gradients.jacobian(losses, learned, pull, tuple(part), self.shared)
        self._ask(losses.values, learned, torch.bmm(matrix, matrix.transpose(1, 2)))
        weighting, k = self.now.weighting, self.n_multi
        flat = weighting.combined(matrix, self.in_force[:k], self.step_count, self.weighting_memory)
        found = gradients.unflatten(flat, part, self.shared) | private
        listed = [found[name] for name in part]
        return self._with_penalty(listed, part, self.present[rows]), losses.values, learned

    def _plain_part(self, rows: slice, inputs: torch.Tensor, labels: Labels) -> Found:
        part = self.part(rows)
        losses, learned, pull = self.look(part, inputs, labels, rows)
        found = pull(losses.pulled(learned.float()))
        return self._with_penalty(found, part, self.present[rows]), losses.values, learned

    def _with_penalty(
        self, found: list[torch.Tensor], parameters: Parameters, present: torch.Tensor
    ) -> list[torch.Tensor]:
        penalty = self.sharing.penalty(parameters, present, self.shape)
        if penalty is None:
            return found
        pulls = torch.autograd.grad(penalty.sum(), list(parameters.values()), allow_unused=True)
        return [mine if pull is None else mine + pull for mine, pull in zip(found, pulls, strict=True)]

    def part(self, rows: slice) -> Parameters:
        """Some replicas' parameters as leaves of their own; the numbers are shared, the gradients are not."""
        return {name: each.detach()[rows].requires_grad_() for name, each in self.parameters.items()}

    # --- stopping -------------------------------------------------------------------------------------------
    def stop(self, stopping: torch.Tensor) -> None:
        """Take replicas [R] out: nothing moves (or poisons) them further, and their best step is put back."""
        for values in self.memory.values():
            for value in values:
                if value.dim() and len(value) == len(stopping):
                    value[stopping] = 0.0
        self.best.restore(self.parameters)
        self._refresh()

    def _refresh(self) -> None:
        self._all_stopped = bool(self.best.stopped.all())
        self.learns = self.present & ~self.best.stopped[:, None]
        self.in_force = torch.where(self.learns, self.in_force, 0.0)
        self._values = [each.detach() for each in self.moved]
        self._weighed = None

    # --- state ----------------------------------------------------------------------------------------------
    def dump(self) -> bytes:
        buffer = io.BytesIO()
        state = {name: getattr(self, name) for name in _KEPT}
        state |= {"best": self.best.state(), "moved": self._values}
        torch.save(lying(state, torch.device("cpu")), buffer)
        return buffer.getvalue()

    def load(self, raw: bytes) -> None:
        state = torch.load(io.BytesIO(raw), weights_only=True)
        for mine, theirs in zip(self._values, state["moved"], strict=True):
            mine.copy_(theirs)
        self.best.load(state["best"])
        for name in _KEPT:
            setattr(self, name, lying_as(state[name], getattr(self, name)))
        self.now = self.plan.at(max(self.step_count - 1, 0))
        self._refresh()


Found = tuple[list["torch.Tensor"], "torch.Tensor", "torch.Tensor"]
"""Gradients of everything that moves, losses [R, T], and which tasks learned [R, T]."""
