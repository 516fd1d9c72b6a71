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
from mtl_core.experiment import Experiment, Unit, replica_seeds
from mtl_core.lazy import torch
from mtl_core.models import layers
from mtl_core.models.base import Parameters
from mtl_core.tasks import TaskSpec
from mtl_core.training import gradients
from mtl_core.training.batches import Batches
from mtl_core.training.losses import grouped, task_losses
from mtl_core.training.patience import Best
from mtl_core.weighting.base import Signal

_KEPT = ("step_count", "seconds", "evaluated", "in_force", "total", "counted", "memory", "weighting_memory")


class Stack:
    """Networks, optimiser memory, weighting memory and best steps of one unit; a function of its state alone."""

    def __init__(self, experiment: Experiment, unit: Unit, prepared: Prepared, tasks: tuple[TaskSpec, ...]) -> None:
        self.plan, self.unit, self.tasks = experiment, unit, tasks
        self.shape, self.sharing = unit.shape, unit.sharing
        folds = np.array([replica.fold for replica in unit.replicas])
        seeds = replica_seeds(experiment.plan, unit.replicas)
        self.batches = Batches(prepared, folds, seeds, experiment.training.batch_size)
        self.present = torch.tensor([[t in r.tasks for t in range(len(tasks))] for r in unit.replicas])
        self.n_multi = sum(len(replica.tasks) > 1 for replica in unit.replicas)
        self.groups, self.shared = grouped(tasks, self.shape), self.sharing.shared(self.shape)
        self.parameters = layers.start(self.sharing.layout(self.shape), seeds)
        self.now = experiment.at(0)
        multi = self.present[: self.n_multi]
        self.weighting_memory = self.now.weighting.start(multi, torch.from_numpy(seeds[: self.n_multi]))
        self.learned = {name: each.requires_grad_() for name, each in self.now.weighting.parameters(multi).items()}
        self.moved = [*self.parameters.values(), *self.learned.values()]
        self.memory = self.now.optimiser.start([each.detach() for each in self.moved])
        self.best = Best(self.present, self.sharing.separable, self.shape)
        self.step_count, self.seconds, self.evaluated = 0, 0.0, -1
        self.in_force = self.present.float()
        self.total, self.counted = torch.zeros(self.present.shape), torch.zeros(self.present.shape)
        self._refresh()

    @property
    def done(self) -> bool:
        return self.step_count >= self.plan.training.steps or bool(self.best.stopped.all())

    # --- one step -------------------------------------------------------------------------------------------
    def step(self) -> None:
        """One step of every replica that has not stopped."""
        if any(change.step == self.step_count for change in self.plan.changes):
            self.now = self.plan.at(self.step_count)
        inputs, targets = self.batches.at(self.step_count)
        combined = self.now.weighting.needs_gramian and self.n_multi and self.shared
        found, losses, learned = (self._combined if combined else self._weighted)(inputs, targets)
        rate = self.now.optimiser.rate(self.step_count, self.plan.training.steps)
        self.now.optimiser.move(self._values, [each.contiguous() for each in found], self.memory, rate)
        self.total += torch.where(learned, losses, 0.0)
        self.counted += learned
        self.step_count += 1

    def _weighted(self, inputs: torch.Tensor, targets: torch.Tensor) -> Found:
        """Gradients of the weighted losses of the first K replicas and of the plain ones of the others."""
        losses, learned = self.losses(self.parameters, inputs, targets)
        outputs, weights = [losses], [self._weigh(losses, learned)]
        if self.learned:
            objective = self.now.weighting.objective(losses[: self.n_multi], learned[: self.n_multi], self.learned)
            outputs.append(objective.sum())
            weights.append(torch.ones(()))
            self.in_force[: self.n_multi] = _weights_of(outputs[1], losses)[: self.n_multi]
        penalty = self.sharing.penalty(self.parameters, self.present, self.shape)
        if penalty is not None:
            outputs.append(penalty)
            weights.append(torch.ones_like(penalty))
        found = torch.autograd.grad(outputs, self.moved, weights, materialize_grads=True)
        return list(found), losses.detach(), learned

    def _weigh(self, losses: torch.Tensor, learned: torch.Tensor) -> torch.Tensor:
        """What each loss is multiplied with [R, T]; 0 for the first K rows where the weighting has an objective."""
        k = self.n_multi
        if learned is not self.learns:
            self.in_force[k:] = learned[k:].float()
        if k and self.learned:
            return torch.cat([torch.zeros_like(self.in_force[:k]), self.in_force[k:]])
        if k:
            self._ask(losses.detach()[:k], learned[:k], None)
        return self.in_force

    def _ask(self, losses: torch.Tensor, learned: torch.Tensor, gramian: torch.Tensor | None) -> None:
        losses = torch.where(learned, losses, 0.0)
        signal = Signal(losses, learned, self.step_count, self.batches.epoch_steps, gramian)
        asked, self.weighting_memory = self.now.weighting.weights(signal, self.weighting_memory)
        self.in_force[: self.n_multi] = torch.where(learned, asked, 0.0)

    def _combined(self, inputs: torch.Tensor, targets: torch.Tensor) -> Found:
        """Gradients of each task on the shared parameters, weighed together; heads follow their own task.

        Single-task replicas are cut off first: they need one gradient, not one for each task.
        """
        k = self.n_multi
        parts = [self._combined_part(slice(0, k), inputs[:k], targets[:k])]
        if k < len(self.present):
            parts.append(self._plain_part(slice(k, None), inputs[k:], targets[k:]))
        found = [torch.cat([part[0][name] for part in parts]) for name in self.parameters]
        return found, torch.cat([part[1] for part in parts]), torch.cat([part[2] for part in parts])

    def _combined_part(self, rows: slice, inputs: torch.Tensor, targets: torch.Tensor) -> Part:
        part = self.part(rows)
        losses, learned = self.losses(part, inputs, targets, rows)
        masked = torch.where(learned, losses, 0.0)
        matrix = gradients.jacobian(masked, part, self.shared)
        self._ask(losses.detach(), learned, torch.bmm(matrix, matrix.transpose(1, 2)))
        flat = torch.bmm(self.in_force[: self.n_multi, None, :], matrix).squeeze(1)
        found = gradients.unflatten(flat, part, self.shared)
        private = [name for name in part if name not in self.shared]
        own = torch.autograd.grad(masked.sum(), [part[name] for name in private], materialize_grads=True)
        found |= dict(zip(private, own, strict=True))
        penalty = self.sharing.penalty(part, self.present[rows], self.shape)
        if penalty is not None:
            pulls = torch.autograd.grad(penalty.sum(), list(part.values()), materialize_grads=True)
            found = {name: found[name] + pull for name, pull in zip(part, pulls, strict=True)}
        return found, losses.detach(), learned

    def _plain_part(self, rows: slice, inputs: torch.Tensor, targets: torch.Tensor) -> Part:
        part = self.part(rows)
        losses, learned = self.losses(part, inputs, targets, rows)
        objective = torch.where(learned, losses, 0.0).sum()
        penalty = self.sharing.penalty(part, self.present[rows], self.shape)
        objective = objective if penalty is None else objective + penalty.sum()
        found = torch.autograd.grad(objective, list(part.values()), materialize_grads=True)
        return dict(zip(part, found, strict=True)), losses.detach(), learned

    def losses(
        self, parameters: Parameters, inputs: torch.Tensor, targets: torch.Tensor, rows: slice | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses [R, T] (any number where a task is absent) and which tasks learn from this batch [R, T]."""
        outputs = self.sharing.forward(parameters, inputs, self.shape)
        losses, labelled = task_losses(outputs, targets, self.groups, self.batches.complete)
        learns = self.learns if rows is None else self.learns[rows]
        return losses, learns if labelled is None else learns & labelled

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
        self.learns = self.present & ~self.best.stopped[:, None]
        self.in_force = torch.where(self.learns, self.in_force, 0.0)
        self._values = [each.detach() for each in self.moved]

    # --- state ----------------------------------------------------------------------------------------------
    def dump(self) -> bytes:
        buffer = io.BytesIO()
        state = {name: getattr(self, name) for name in _KEPT}
        torch.save(state | {"best": self.best.state(), "moved": self._values}, buffer)
        return buffer.getvalue()

    def load(self, raw: bytes) -> None:
        state = torch.load(io.BytesIO(raw), weights_only=True)
        for mine, theirs in zip(self._values, state["moved"], strict=True):
            mine.copy_(theirs)
        self.best.load(state["best"])
        for name in _KEPT:
            setattr(self, name, state[name])
        self.now = self.plan.at(max(self.step_count - 1, 0))
        self._refresh()


Found = tuple[list["torch.Tensor"], "torch.Tensor", "torch.Tensor"]
"""Gradients of everything that moves, losses [R, T], and which tasks learned [R, T]."""
Part = tuple[Parameters, "torch.Tensor", "torch.Tensor"]


def _weights_of(objective: torch.Tensor, losses: torch.Tensor) -> torch.Tensor:
    """The weights that an objective amounts to: its slope in each loss."""
    return torch.autograd.grad(objective, losses, retain_graph=True)[0]
