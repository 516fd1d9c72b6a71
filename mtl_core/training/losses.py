"""Losses and scores of all tasks of all replicas, with as few operations as there are kinds of tasks.

Sizes: R replicas, B rows, T tasks, O = sum of all heads' outputs. A missing label is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtl_core.lazy import torch
from mtl_core.metrics import for_kind, metrics
from mtl_core.models.base import Shape, slices
from mtl_core.models.layers import owners
from mtl_core.tasks import TaskKind, TaskSpec
from mtl_core.training.labels import Labels


@dataclass(frozen=True)
class Group:
    """Tasks of one kind and size, computed together."""

    kind: TaskKind
    tasks: tuple[int, ...]
    columns: tuple[int, ...]
    size: int


@dataclass(frozen=True)
class Groups:
    """All tasks of a network.

    owner: the task of each output. tasks, columns: where each task and each output stands, group after group.
    """

    parts: tuple[Group, ...]
    owner: list[int]
    tasks: list[int]
    columns: list[int]


def grouped(tasks: tuple[TaskSpec, ...], shape: Shape) -> Groups:
    members: dict[tuple[str, int], list[int]] = {}
    for t, task in enumerate(tasks):
        members.setdefault((task.kind, shape.outputs[t]), []).append(t)
    where = slices(shape)
    parts = tuple(
        Group(
            tasks[which[0]].method,
            tuple(which),
            tuple(c for t in which for c in range(where[t].start, where[t].stop)),
            size,
        )
        for (_, size), which in members.items()
    )
    order = [t for part in parts for t in part.tasks], [c for part in parts for c in part.columns]
    return Groups(parts, owners(shape), _inverse(order[0]), _inverse(order[1]))


@dataclass(frozen=True)
class Losses:
    """Mean losses of every task, and how to pull weights on them back to the outputs.

    values [R, T]: mean over the labelled rows; labelled [R, T]: tasks with any (None: all of them, always).
    slope [R, B, O]: of values in the outputs.
    """

    values: torch.Tensor
    slope: torch.Tensor
    labelled: torch.Tensor | None
    owner: list[int]

    def pulled(self, weights: torch.Tensor) -> torch.Tensor:
        """Gradient in the outputs [R, B, O] of sum of weights [R, T] * values."""
        wide = weights if len(self.owner) == weights.shape[1] else weights[:, self.owner]
        return self.slope * wide[:, None, :]

    def pulled_each(self, learned: torch.Tensor) -> torch.Tensor:
        """Gradient in the outputs of each task's own value, 0 where not `learned` [R, T]: [R, B, T, O]."""
        place = learned.device
        own = torch.tensor(self.owner, device=place) == torch.arange(learned.shape[1], device=place)[:, None]  # [T, O]
        return self.slope[:, :, None] * (learned[:, :, None] & own)[:, None]


def task_losses(outputs: torch.Tensor, labels: Labels, groups: Groups, complete: bool) -> Losses:
    """Losses of outputs [R, B, O] on labels (`complete`: none is missing)."""
    targets = labels.targets
    if complete:
        rows, slope = _rows(outputs, targets, labels, groups)
        return Losses(rows.mean(1), slope / rows.shape[1], None, groups.owner)
    labelled = ~torch.isnan(targets)
    rows, slope = _rows(outputs, torch.where(labelled, targets, 0.0), labels, groups)
    count, owner = labelled.sum(1), groups.owner
    share = labelled / count.clamp(min=1)[:, None, :]  # [R, B, T]
    wide = share if len(owner) == share.shape[-1] else share[..., owner]
    return Losses((torch.where(labelled, rows, 0.0) * share).sum(1), slope * wide, count > 0, owner)


def _rows(
    outputs: torch.Tensor, targets: torch.Tensor, labels: Labels, groups: Groups
) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of every row [R, B, T] and its slope [R, B, O]; targets without NaN."""
    parts = [_group_rows(outputs, targets, labels, group) for group in groups.parts]
    rows, slope = parts[0]
    if len(parts) > 1:
        rows, slope = torch.cat([part[0] for part in parts], -1), torch.cat([part[1] for part in parts], -1)
        rows, slope = rows[..., groups.tasks], slope[..., groups.columns]
    if labels.weights is not None:
        rows, slope = rows * labels.weights, slope * labels.weights[..., groups.owner]
    return rows, slope


def _group_rows(
    outputs: torch.Tensor, targets: torch.Tensor, labels: Labels, group: Group
) -> tuple[torch.Tensor, torch.Tensor]:
    mine = _take(outputs, group.columns)
    mine = mine.unsqueeze(-1) if group.size == 1 else mine.unflatten(-1, (-1, group.size))  # [R, B, k, O]
    if group.kind.in_lists and labels.lists:
        rows, slope = group.kind.list_loss(mine, _take(labels.targets, group.tasks), labels.lists)
    elif group.kind.in_boxes and labels.boxes is not None:
        rows, slope = group.kind.box_loss(mine, labels.boxes)
    else:
        rows, slope = group.kind.loss(mine, _take(targets, group.tasks))
    return rows, slope.flatten(-2)


def _inverse(order: list[int]) -> list[int]:
    return sorted(range(len(order)), key=order.__getitem__)


def errors(outputs: torch.Tensor, labels: Labels, groups: Groups, n_tasks: int) -> torch.Tensor:
    """The metric that each task's verdict is built on: [R, T]; NaN where no row is labelled."""
    found = outputs.new_empty(outputs.shape[0], n_tasks)
    for group in groups.parts:
        found[:, list(group.tasks)] = _score(group.kind.error, outputs, labels, group)
    return found


def scores(outputs: torch.Tensor, labels: Labels, groups: Groups, n_tasks: int) -> dict[str, torch.Tensor]:
    """Every metric of every task: name -> [R, T], NaN where the metric does not apply or no row is labelled."""
    found: dict[str, torch.Tensor] = {}
    for group in groups.parts:
        for name in for_kind(group.kind.name):
            table = found.setdefault(name, outputs.new_full((outputs.shape[0], n_tasks), torch.nan))
            table[:, list(group.tasks)] = _score(name, outputs, labels, group)
    return found


def _score(name: str, outputs: torch.Tensor, labels: Labels, group: Group) -> torch.Tensor:
    """One metric of the k tasks of a group: [R, k]."""
    mine = _take(outputs, group.columns).unflatten(-1, (len(group.tasks), group.size)).movedim(2, 1)  # [R, k, B, O]
    wanted, metric = _take(labels.targets, group.tasks).movedim(2, 1), metrics[name]()
    counts = None if labels.counts is None else labels.counts[:, None]  # [R, 1, B]
    if metric.in_lists and labels.lists:
        return metric.list_score(mine, wanted, labels.lists, counts)
    if metric.in_boxes and labels.boxes is not None:
        return metric.box_score(mine, labels.boxes.movedim(2, 1), ~torch.isnan(wanted), counts)
    return metric.score(mine, wanted, wanted.new_full(wanted.shape[:2], group.kind.constant), counts)


def _take(values: torch.Tensor, which: tuple[int, ...]) -> torch.Tensor:
    """Entries of the last axis; no work where they are all, a view where they are neighbours."""
    if len(which) == values.shape[-1]:
        return values
    if which == tuple(range(which[0], which[0] + len(which))):
        return values[..., which[0] : which[0] + len(which)]
    return values[..., list(which)]
