"""What is measured between steps, on a schedule: losses, errors, best steps, and what goes on inside.

Sizes: R replicas, T tasks, O = sum of all heads' outputs, n rows.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from mtl_core.events import Progress, UnitFinished
from mtl_core.lazy import torch
from mtl_core.models.base import Parameters
from mtl_core.training.inside import look_inside
from mtl_core.training.labels import Labels
from mtl_core.training.losses import errors, scores, task_losses
from mtl_core.training.stack import Stack

SCORED_LIMIT = 1 << 20
"""Outputs that are scored at once; scoring needs some ten times their memory."""


def evaluate(stack: Stack) -> Progress:
    """Look at the validation rows; early stopping follows. The test error of the best step is carried along."""
    patience, absent, best = stack.plan.training.patience, ~stack.present, stack.best
    with torch.no_grad():
        parts = [_measured(stack, rows) for rows in _portions(stack)]
        validation, validation_error, tested = (torch.cat(each) for each in zip(*parts, strict=True))
        known = torch.where(stack.present, validation, 0.0)
        stopping = best.look(stack.step_count, known, tested, stack.parameters, patience)
        if stopping.any() or (best.stopped.any() and stack.now.optimiser.weight_decay):
            stack.stop(stopping)
    train, inside = _train_losses(stack), look_inside(stack)
    stack.evaluated = stack.step_count
    return Progress(
        unit=stack.unit.index,
        step=stack.step_count,
        train=_shown(train, absent),
        validation=_shown(validation, absent),
        validation_error=_shown(validation_error, absent),
        test_error=_shown(best.test_error, absent),
        weights=_shown(stack.in_force, absent),
        best_step=best.step.cpu().numpy().copy(),
        stopped=best.stopped.cpu().numpy().copy(),
        diverged=best.diverged.cpu().numpy().copy(),
        seconds=stack.seconds,
        cosine=inside.cosine,
        gradient_norm=inside.gradient_norm,
        inside=inside.shown,
    )


def finish(stack: Stack) -> UnitFinished:
    """Every metric on the test rows, with each replica's parameters of its best step."""
    n_validation, n_tasks = stack.batches.n_validation, len(stack.tasks)
    parts, seconds, n_rows = [], 0.0, 0
    with torch.no_grad():
        for rows in _portions(stack):
            begun = time.perf_counter()
            outputs, labels = predict(stack, stack.best.parameters, rows)
            seconds, n_rows = seconds + time.perf_counter() - begun, n_rows + outputs.shape[0] * outputs.shape[1]
            parts.append(scores(outputs[:, n_validation:], labels[:, n_validation:], stack.groups, n_tasks))
    found = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    shown = {name: _shown(values, ~stack.present) for name, values in found.items()}
    return UnitFinished(stack.unit.index, stack.step_count, shown, stack.sharing.count(stack.shape), seconds / n_rows)


def predict(stack: Stack, parameters: Parameters, replicas: slice) -> tuple[torch.Tensor, Labels]:
    """Outputs [r, n, O] and labels of the rows held out, for some replicas: validation first, then test."""
    part = {name: each[replicas] for name, each in parameters.items()}
    forward = stack.sharing.linearise  # faster than the plain one wherever the gradient is written out
    blocks = [(forward(part, inputs, stack.shape)[0], y) for inputs, y in stack.batches.held_out(replicas)]
    return torch.cat([outputs for outputs, _ in blocks], 1), Labels.joined([labels for _, labels in blocks])


def _portions(stack: Stack) -> list[slice]:
    """All replicas at once, or so few at a time that memory stays bounded when many rows are held out."""
    n_replicas, n_rows = len(stack.present), stack.batches.held.shape[1]
    some = max(SCORED_LIMIT // (n_rows * sum(stack.shape.outputs)), 1)
    return [slice(i, i + some) for i in range(0, n_replicas, some)]


def _measured(stack: Stack, replicas: slice) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Validation losses, validation errors and test errors of some replicas: [r, T] each."""
    n_validation, n_tasks = stack.batches.n_validation, len(stack.tasks)
    outputs, labels = predict(stack, stack.parameters, replicas)
    seen, wanted = outputs[:, :n_validation], labels[:, :n_validation]
    losses = task_losses(seen, wanted, stack.groups, complete=stack.batches.held_complete).values
    tested = errors(outputs[:, n_validation:], labels[:, n_validation:], stack.groups, n_tasks)
    return losses, errors(seen, wanted, stack.groups, n_tasks), tested


def _train_losses(stack: Stack) -> torch.Tensor:
    """Mean batch loss since the last evaluation; before the first step that of the first batch."""
    if not stack.step_count:
        losses, learned, _ = stack.look(stack.parameters, *stack.batches.at(0), slice(None))
        stack.foresee(learned)
        return losses.values
    mean = torch.where(stack.counted > 0, stack.total / stack.counted, torch.nan)
    stack.total, stack.counted = torch.zeros_like(stack.total), torch.zeros_like(stack.counted)
    return mean


def _shown(values: torch.Tensor, absent: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    return torch.where(absent, torch.nan, values.detach()).cpu().numpy().astype(np.float32)
