"""One stack of replicas in training: R networks of one architecture, stepped by one loop of batched products.

Replicas that learn several tasks come first (`n_multi` of them); the weighting acts on those. A single-task
replica follows its own plain loss: with one task every weighting must be the plain gradient, and a twin alone
must not feel the weights that were set for the shared network.

Sizes: R replicas, K = n_multi, T tasks, B rows, O = sum of all heads' outputs.
"""

from __future__ import annotations

import io
import time
from typing import Any

import numpy as np

from mtl_core.data.prepare import Prepared
from mtl_core.events import Progress, UnitFinished
from mtl_core.experiment import Experiment, Unit, replica_seeds
from mtl_core.lazy import torch
from mtl_core.models import layers
from mtl_core.models.base import Parameters
from mtl_core.tasks import TaskSpec
from mtl_core.training import gradients
from mtl_core.training.batches import Batches
from mtl_core.training.losses import errors, grouped, scores, task_losses
from mtl_core.training.patience import Best
from mtl_core.weighting.base import Signal

EVALUATION_ROWS = 1 << 18
"""Rows (over all replicas) that are evaluated at once: bounds the memory of an evaluation."""


class Stack:
    """Networks, optimiser, weighting memory and best steps of one unit; a function of its state and nothing else."""

    def __init__(self, experiment: Experiment, unit: Unit, prepared: Prepared, tasks: tuple[TaskSpec, ...]) -> None:
        self.plan, self.unit, self.tasks = experiment, unit, tasks
        self.shape, self.sharing = unit.shape, unit.sharing
        folds = np.array([replica.fold for replica in unit.replicas])
        seeds = replica_seeds(experiment.plan, unit.replicas)
        self.batches = Batches(prepared, folds, seeds, experiment.training.batch_size)
        self.present = torch.tensor([[t in r.tasks for t in range(len(tasks))] for r in unit.replicas])
        self.n_multi = sum(len(replica.tasks) > 1 for replica in unit.replicas)
        self.groups = grouped(tasks, self.shape)
        self.shared = self.sharing.shared(self.shape)
        self.parameters = layers.start(self.sharing.layout(self.shape), seeds)
        self.now = experiment.at(0)
        multi = self.present[: self.n_multi]
        self.memory = self.now.weighting.start(multi, torch.from_numpy(seeds[: self.n_multi]))
        self.learned = {name: each.requires_grad_() for name, each in self.now.weighting.parameters(multi).items()}
        self.optimiser = self.now.optimiser.build([*self.parameters.values(), *self.learned.values()])
        self.best = Best(self.present, self.sharing.separable, self.shape)
        self.step_count, self.seconds, self.evaluated = 0, 0.0, -1
        self.in_force = self.present.float()
        self.total, self.counted = torch.zeros(self.present.shape), torch.zeros(self.present.shape)
        self.predict_seconds = 0.0

    # --- one step -------------------------------------------------------------------------------------------
    def step(self) -> None:
        self._turn_knobs()
        inputs, targets = self.batches.at(self.step_count)
        if self.now.weighting.needs_gramian and self.n_multi and self.shared:
            losses, labelled = self._combined_step(inputs, targets)
        else:
            losses, labelled = self._weighted_step(inputs, targets)
        self.optimiser.step()
        self.total += losses
        self.counted += labelled
        self.step_count += 1

    def _weighted_step(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.optimiser.zero_grad(set_to_none=True)
        losses, labelled = self._losses(self.parameters, inputs, targets)
        objective = self._objective(losses, labelled)
        penalty = self.sharing.penalty(self.parameters, self.present, self.shape)
        (objective if penalty is None else objective + penalty.sum()).backward()
        return losses.detach(), labelled

    def _objective(self, losses: torch.Tensor, labelled: torch.Tensor) -> torch.Tensor:
        """The number that is differentiated: weighted losses of the first K replicas, plain ones of the others."""
        k, weighting = self.n_multi, self.now.weighting
        if not k:
            return losses.sum()
        if weighting.learns:
            mine = losses[:k]
            objective = weighting.objective(mine, labelled[:k], self.learned).sum()
            self.in_force[:k] = torch.autograd.grad(objective, mine, retain_graph=True)[0]
        else:
            self._weigh(losses.detach()[:k], labelled[:k], None)
            objective = (self.in_force[:k] * losses[:k]).sum()
        return objective if k == len(losses) else objective + losses[k:].sum()

    def _combined_step(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Gradients of each task on the shared parameters, weighed together; heads follow their own task."""
        k = self.n_multi
        parts = [self._combined(k, inputs[:k], targets[:k])]
        if k < len(self.present):
            parts.append(self._plain(k, inputs[k:], targets[k:]))
        for name, parameter in self.parameters.items():
            parameter.grad = torch.cat([part[0][name] for part in parts]) if len(parts) > 1 else parts[0][0][name]
        return torch.cat([part[1] for part in parts]), torch.cat([part[2] for part in parts])

    def _combined(
        self, k: int, inputs: torch.Tensor, targets: torch.Tensor
    ) -> tuple[Parameters, torch.Tensor, torch.Tensor]:
        part = self._part(slice(0, k))
        losses, labelled = self._losses(part, inputs, targets, slice(0, k))
        matrix, found = gradients.jacobian(losses, part, self.shared)
        self._weigh(losses.detach(), labelled, matrix)
        flat = torch.bmm(self.in_force[:k, None, :], matrix).squeeze(1)
        found |= gradients.unflatten(flat, part, self.shared)
        penalty = self.sharing.penalty(part, self.present[:k], self.shape)
        if penalty is not None:
            pulls = torch.autograd.grad(penalty.sum(), [part[name] for name in part], allow_unused=True)
            found = {n: found[n] if pull is None else found[n] + pull for n, pull in zip(part, pulls, strict=True)}
        return found, losses.detach(), labelled

    def _plain(
        self, k: int, inputs: torch.Tensor, targets: torch.Tensor
    ) -> tuple[Parameters, torch.Tensor, torch.Tensor]:
        part = self._part(slice(k, None))
        losses, labelled = self._losses(part, inputs, targets, slice(k, None))
        objective = losses.sum()
        penalty = self.sharing.penalty(part, self.present[k:], self.shape)
        objective = objective if penalty is None else objective + penalty.sum()
        found = torch.autograd.grad(objective, list(part.values()))
        return dict(zip(part, found, strict=True)), losses.detach(), labelled

    def _weigh(self, losses: torch.Tensor, labelled: torch.Tensor, matrix: torch.Tensor | None) -> None:
        gramian = None if matrix is None else torch.bmm(matrix, matrix.transpose(1, 2))
        signal = Signal(losses, labelled, self.step_count, self.batches.epoch_steps, gramian)
        self.in_force[: self.n_multi], self.memory = self.now.weighting.weights(signal, self.memory)

    def _losses(
        self, parameters: Parameters, inputs: torch.Tensor, targets: torch.Tensor, rows: slice = slice(None)
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses [R, T], 0 where absent, and which tasks are learned and labelled in this batch [R, T]."""
        outputs = self.sharing.forward(parameters, inputs, self.shape)
        losses, labelled = task_losses(outputs, targets, self.groups, self.batches.complete)
        learned = self.present[rows] & ~self.best.stopped[rows, None]
        learned = learned if labelled is None else learned & labelled
        return torch.where(learned, losses, 0.0), learned

    def _part(self, rows: slice) -> Parameters:
        return {name: each.detach()[rows].requires_grad_() for name, each in self.parameters.items()}

    def _turn_knobs(self) -> None:
        """Put the changes of this step in force, and the schedule's learning rate."""
        if any(change.step == self.step_count for change in self.plan.changes):
            self.now = self.plan.at(self.step_count)
        rate = self.now.optimiser.rate(self.step_count, self.plan.training.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    # --- evaluation -----------------------------------------------------------------------------------------
    def evaluate(self) -> Progress:
        """Losses on the validation rows, best steps, early stopping; the test score of the best step is carried along."""
        with torch.no_grad():
            outputs, targets = self._predict(self.batches.validation)
            validation, _ = task_losses(outputs, targets, self.groups, complete=False)
            found = scores(outputs, targets, self.tasks, self.shape)
            tested = scores(*self._predict(self.batches.test), self.tasks, self.shape)
        stopping = self.best.look(
            self.step_count,
            torch.where(self.present, validation, 0.0),
            tested,
            self.parameters,
            self.plan.training.patience,
        )
        if stopping.any():
            self._forget(stopping)
        if self.best.stopped.any():
            self.best.restore(self.parameters)
        train, cosine = self._train_losses(), self._cosine()
        self.evaluated = self.step_count
        absent = ~self.present
        return Progress(
            unit=self.unit.index,
            step=self.step_count,
            train=_shown(train, absent),
            validation=_shown(validation, absent),
            validation_error=_shown(errors(found, self.tasks), absent),
            test_error=_shown(errors(self.best.scores, self.tasks), absent),
            weights=_shown(self.in_force, absent),
            best_step=self.best.step.numpy().copy(),
            stopped=self.best.stopped.numpy().copy(),
            diverged=self.best.diverged.numpy().copy(),
            seconds=self.seconds,
            cosine=cosine,
        )

    def finish(self) -> UnitFinished:
        absent = ~self.present
        found = {name: _shown(values, absent) for name, values in self.best.scores.items()}
        count = self.sharing.count(self.shape)
        return UnitFinished(self.unit.index, self.step_count, found, count, self.predict_seconds)

    @property
    def done(self) -> bool:
        return self.step_count >= self.plan.training.steps or bool(self.best.stopped.all())

    def _predict(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs [R, n, O] and targets [R, n, T], in blocks of bounded memory."""
        begun, block = time.perf_counter(), max(EVALUATION_ROWS // len(rows), 1)
        parts = [self.batches.gather(part) for part in rows.split(block, 1)]
        outputs = torch.cat([self.sharing.forward(self.parameters, inputs, self.shape) for inputs, _ in parts], 1)
        self.predict_seconds = (time.perf_counter() - begun) / rows.numel()
        return outputs, torch.cat([targets for _, targets in parts], 1)

    def _train_losses(self) -> torch.Tensor:
        """Mean batch loss since the last evaluation; before the first step that of the first batch."""
        if not self.step_count:
            with torch.no_grad():
                return self._losses(self.parameters, *self.batches.at(0))[0]
        mean = self.total / self.counted
        self.total, self.counted = torch.zeros_like(self.total), torch.zeros_like(self.counted)
        return mean

    def _cosine(self) -> np.ndarray[Any, np.dtype[np.float32]] | None:
        """Gradient cosines of the multi-task replicas on the coming batch [R, T, T]; None where nothing is shared."""
        k, n_tasks = self.n_multi, len(self.tasks)
        if not k or not self.shared or n_tasks < 2:
            return None
        inputs, targets = self.batches.at(self.step_count)
        part = self._part(slice(0, k))
        losses, _ = self._losses(part, inputs[:k], targets[:k], slice(0, k))
        part = {name: part[name] for name in self.shared}
        matrix, _ = gradients.jacobian(losses, part, self.shared)
        found = np.full((len(self.present), n_tasks, n_tasks), np.nan, np.float32)
        found[:k] = gradients.cosines(torch.bmm(matrix, matrix.transpose(1, 2))).numpy()
        return found

    def _forget(self, stopping: torch.Tensor) -> None:
        """Clear the optimiser's moments of replicas that stop, so that nothing moves (or poisons) them further."""
        for state in self.optimiser.state.values():
            for value in state.values():
                if torch.is_tensor(value) and value.dim() and len(value) == len(stopping):
                    value[stopping] = 0.0

    # --- state ----------------------------------------------------------------------------------------------
    def dump(self) -> bytes:
        buffer = io.BytesIO()
        state = {name: getattr(self, name) for name in _PLAIN}
        state |= {"best": self.best.state(), "optimiser": self.optimiser.state_dict()}
        state |= {"parameters": {name: each.detach() for name, each in self.parameters.items()}}
        torch.save(state | {"learned": {name: each.detach() for name, each in self.learned.items()}}, buffer)
        return buffer.getvalue()

    def load(self, raw: bytes) -> None:
        state = torch.load(io.BytesIO(raw), weights_only=True)
        with torch.no_grad():
            for mine, theirs in [(self.parameters, state["parameters"]), (self.learned, state["learned"])]:
                for name, value in theirs.items():
                    mine[name].copy_(value)
        self.optimiser.load_state_dict(state["optimiser"])
        self.best.load(state["best"])
        for name in _PLAIN:
            setattr(self, name, state[name])
        self.now = self.plan.at(max(self.step_count - 1, 0))


_PLAIN = ("step_count", "seconds", "evaluated", "in_force", "total", "counted", "memory", "predict_seconds")


def _shown(values: torch.Tensor, absent: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    return torch.where(absent, torch.nan, values.detach()).numpy().astype(np.float32)
