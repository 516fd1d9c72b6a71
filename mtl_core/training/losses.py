"""Losses and scores of all tasks of all replicas, with as few operations as there are kinds of tasks.

Sizes: R replicas, B rows, T tasks, O = sum of all heads' outputs. A missing label is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtl_core.lazy import torch
from mtl_core.metrics import for_kind, metrics
from mtl_core.models.base import Shape, slices
from mtl_core.tasks import TaskKind, TaskSpec


@dataclass(frozen=True)
class Group:
    """Tasks of one kind and size, computed together."""

    kind: TaskKind
    tasks: tuple[int, ...]
    columns: tuple[int, ...]
    size: int


def grouped(tasks: tuple[TaskSpec, ...], shape: Shape) -> tuple[Group, ...]:
    members: dict[tuple[str, int], list[int]] = {}
    for t, task in enumerate(tasks):
        members.setdefault((task.kind, shape.outputs[t]), []).append(t)
    where = slices(shape)
    return tuple(
        Group(
            tasks[which[0]].method,
            tuple(which),
            tuple(c for t in which for c in range(where[t].start, where[t].stop)),
            size,
        )
        for (_, size), which in members.items()
    )


def row_losses(outputs: torch.Tensor, targets: torch.Tensor, groups: tuple[Group, ...]) -> torch.Tensor:
    """outputs [R, B, O], targets [R, B, T] without NaN -> [R, B, T]."""
    parts = []
    for group in groups:
        mine = _take(outputs, group.columns)
        mine = mine.unsqueeze(-1) if group.size == 1 else mine.unflatten(-1, (-1, group.size))  # [R, B, k, O]
        parts.append(group.kind.loss(mine, _take(targets, group.tasks)))
    if len(parts) == 1:
        return parts[0]
    order = [t for group in groups for t in group.tasks]
    return torch.cat(parts, -1)[..., sorted(range(len(order)), key=order.__getitem__)]


def task_losses(
    outputs: torch.Tensor, targets: torch.Tensor, groups: tuple[Group, ...], complete: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Mean loss over the labelled rows [R, T], and which tasks have any [R, T] (None: `complete`, all have all)."""
    if complete:
        return row_losses(outputs, targets, groups).mean(1), None
    labelled = ~torch.isnan(targets)
    known = torch.where(labelled, targets, torch.zeros_like(targets))
    rows = torch.where(labelled, row_losses(outputs, known, groups), torch.zeros_like(known))
    count = labelled.sum(1)
    return rows.sum(1) / count.clamp(min=1), count > 0


def errors(outputs: torch.Tensor, targets: torch.Tensor, groups: tuple[Group, ...], n_tasks: int) -> torch.Tensor:
    """The metric that each task's verdict is built on: [R, T]; NaN where no row is labelled."""
    found = torch.empty(outputs.shape[0], n_tasks)
    for group in groups:
        found[:, list(group.tasks)] = _score(group.kind.error, outputs, targets, group)
    return found


def scores(
    outputs: torch.Tensor, targets: torch.Tensor, groups: tuple[Group, ...], n_tasks: int
) -> dict[str, torch.Tensor]:
    """Every metric of every task: name -> [R, T], NaN where the metric does not apply or no row is labelled."""
    found: dict[str, torch.Tensor] = {}
    for group in groups:
        for name in for_kind(group.kind.name):
            table = found.setdefault(name, torch.full((outputs.shape[0], n_tasks), torch.nan))
            table[:, list(group.tasks)] = _score(name, outputs, targets, group)
    return found


def _score(name: str, outputs: torch.Tensor, targets: torch.Tensor, group: Group) -> torch.Tensor:
    """One metric of the k tasks of a group: [R, k]. Targets are standardised, so the training mean is 0."""
    mine = _take(outputs, group.columns).unflatten(-1, (len(group.tasks), group.size)).movedim(2, 1)  # [R, k, B, O]
    wanted = _take(targets, group.tasks).movedim(2, 1)
    return metrics[name]().score(mine, wanted, torch.zeros(wanted.shape[:2]))


def _take(values: torch.Tensor, which: tuple[int, ...]) -> torch.Tensor:
    """Entries of the last axis; no work where they are all, a view where they are neighbours."""
    if len(which) == values.shape[-1]:
        return values
    if which == tuple(range(which[0], which[0] + len(which))):
        return values[..., which[0] : which[0] + len(which)]
    return values[..., list(which)]
