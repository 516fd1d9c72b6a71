"""Which rows each replica sees at each step: a pure function of its seed and the step.

The table lies in memory once for each preparation; batches are index lists [R, B] into it. Replicas of one fold
and initialisation see the same rows, so orders are drawn once for each such start.
Sizes: P preparations, N rows, R replicas, S starts, B rows in a batch, F inputs, T tasks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_core import draws
from mtl_core.data.prepare import Floats, Prepared
from mtl_core.lazy import torch
from mtl_core.tasks.lists import Lists
from mtl_core.training.labels import Labels

CACHE_LIMIT = 1 << 23
"""Input numbers of rows that are the same at every use, up to which they are gathered once and kept (32 MB)."""
BLOCK_LIMIT = 1 << 18
"""Numbers of one layer's activations that are evaluated at once: more leave the cache and cost memory."""
DRAW_LIMIT = 1 << 20
"""Positions that are shuffled at once: a shuffle needs eight times the memory of its result."""

Batch = tuple["torch.Tensor", Labels]
"""Inputs [R, B, F] and labels."""
Rows = NDArray[np.int64]


class Batches:
    """Rows for training and evaluation of one stack. The first `n_validation` held rows are for validation."""

    def __init__(
        self,
        prepared: Prepared,
        folds: Rows,
        seeds: Rows,
        batch_size: int,
        width: int,
        weights: Floats | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.device = device or torch.device("cpu")
        self.inputs = self._placed(prepared.inputs).flatten(0, 1)
        self.targets = self._placed(prepared.targets).flatten(0, 1)
        self.weights = None if weights is None else self._placed(weights).flatten(0, 1)
        self.boxes = None if prepared.boxes is None else self._placed(prepared.boxes).flatten(0, 1)
        self.counts = None if prepared.weights is None else self._placed(prepared.weights).flatten(0, 1)
        self.n_table = prepared.inputs.shape[1]
        prepared = listed(prepared)
        self.lists = prepared.lists
        self.numbers = None if prepared.lists is None else self._placed(prepared.lists).flatten(0, 1)
        self.longest = 0 if self.lists is None else max(map(_longest, self.lists))
        found, first, self.start_of = np.unique(
            np.stack([seeds, folds]), axis=1, return_index=True, return_inverse=True
        )
        self.start_of = self.start_of.reshape(-1)
        self.starts = self._placed(self.start_of)
        self.seeds, self.folds = found[0], folds[first]
        self.offsets = self.folds * self.n_table
        self.train = prepared.train
        self.lengths = (prepared.train != self.n_table - 1).sum(1)
        self.held = np.concatenate([prepared.validation, prepared.test], 1)
        self.n_validation = prepared.validation.shape[1]
        n_train = self.train.shape[1]
        self.size = min(batch_size or n_train, n_train)
        self.epoch_steps = -(-n_train // self.size)
        self.full = self.size == n_train
        self.padded = self.epoch_steps * self.size != n_train
        self.labelled = self._labelled(self.train)
        self.held_complete = self._labelled(self.held)
        self.width = max(width, self.inputs.shape[1])
        self._order: tuple[int, torch.Tensor] | None = None
        self._same: Batch | None = None
        self._held: list[Batch] = []

    def at(self, step: int) -> Batch:
        """inputs [R, B, F] and labels of a step; every row is seen once in each epoch."""
        if self._same is not None:
            return self._same
        batch = self.gather(self.rows(step))
        if self.full and batch[0].numel() <= CACHE_LIMIT:
            self._same = batch
        return batch

    def rows(self, step: int) -> torch.Tensor:
        """Row numbers of a step's batch, in all tables laid end to end: [R, B]."""
        if self.full:
            rows = self._placed(self.train[self.folds] + self.offsets[:, None])
        else:
            epoch, place = divmod(step, self.epoch_steps)
            rows = self._epoch(epoch)[:, place * self.size : (place + 1) * self.size]
        return rows.index_select(0, self.starts)

    def is_complete(self, step: int) -> bool:
        """True if every row of a step's batch has a label of every task."""
        return self.labelled and (not self.padded or (step + 1) % self.epoch_steps != 0)

    def held_out(self, replicas: slice) -> Iterator[Batch]:
        """The held rows of some replicas in blocks, in order; kept if they are few."""
        if self._held:
            yield from ((inputs[replicas], labels[replicas]) for inputs, labels in self._held)
            return
        if self.held.shape[1] * len(self.start_of) * self.inputs.shape[1] <= CACHE_LIMIT:
            self._held = list(self._blocks(slice(None)))
            yield from self.held_out(replicas)
        else:
            yield from self._blocks(replicas)

    def _blocks(self, replicas: slice) -> Iterator[Batch]:
        which = self.start_of[replicas]
        block = max(BLOCK_LIMIT // (len(which) * self.width), 1)
        for begin in range(0, self.held.shape[1], block):
            held = self.held[self.folds[which], begin : begin + block]
            yield self.gather(held + self.offsets[which, None])

    def gather(self, rows: torch.Tensor | Rows) -> Batch:
        """rows [R, B] -> inputs [R, B, F] and labels."""
        rows = self._placed(rows) if isinstance(rows, np.ndarray) else rows
        flat = rows.reshape(-1)
        inputs, targets = self.inputs.index_select(0, flat), self.targets.index_select(0, flat)
        labels = Labels(
            targets.view(*rows.shape, -1),
            None if self.numbers is None else Lists(self.numbers.index_select(0, flat).view(rows.shape), self.longest),
            None if self.weights is None else self.weights.index_select(0, flat).view(*rows.shape, -1),
            None if self.boxes is None else self.boxes.index_select(0, flat).view(*rows.shape, *self.boxes.shape[1:]),
            None if self.counts is None else self.counts.index_select(0, flat).view(rows.shape),
        )
        return inputs.view(*rows.shape, -1), labels

    def _epoch(self, epoch: int) -> torch.Tensor:
        """Every start's training rows in the order of an epoch, padded with the blank row: [S, steps * B]."""
        if self._order is None or self._order[0] != epoch:
            n_train = self.train.shape[1]
            order = np.full((len(self.seeds), self.epoch_steps * self.size), self.n_table - 1, np.int32)
            some = max(DRAW_LIMIT // n_train, 1)
            for i in range(0, len(order), some):
                folds, seeds = self.folds[i : i + some], self.seeds[i : i + some]
                shuffled = draws.permutations(seeds, f"epoch {epoch}", self.lengths[folds], n_train)
                order[i : i + some, :n_train] = np.take_along_axis(self.train[folds], shuffled, 1)
                if self.lists is not None:
                    order[i : i + some] = together(order[i : i + some], self.lists[folds])
            order += self.offsets[:, None].astype(np.int32)
            self._order = (epoch, self._placed(order))
        return self._order[1]

    def _labelled(self, rows: Rows) -> bool:
        """True if every task has a label in each of these rows [P, n] of its own table."""
        tables = self.targets.view(len(rows), self.n_table, -1)
        return not any(
            bool(torch.isnan(table[self._placed(mine)]).any()) for table, mine in zip(tables, rows, strict=True)
        )

    def _placed(self, values: NDArray[Any]) -> torch.Tensor:
        """numpy's numbers where the networks are computed."""
        found: torch.Tensor = torch.from_numpy(values).to(self.device)
        return found


def listed(prepared: Prepared) -> Prepared:
    """Rows list by list, where tasks are ranked: in every batch a list's rows then stand together."""
    if prepared.lists is None:
        return prepared
    return replace(
        prepared,
        train=together(prepared.train, prepared.lists),
        validation=together(prepared.validation, prepared.lists),
        test=together(prepared.test, prepared.lists),
    )


def together(rows: Rows, lists: Rows) -> Rows:
    """Rows [P, n] in the order in which their lists [P, N + 1] first appear; the blank rows stay last."""
    found = np.empty_like(rows)
    for i, (mine, numbers) in enumerate(zip(rows, lists, strict=True)):
        _, first, which = np.unique(numbers[mine], return_index=True, return_inverse=True)
        found[i] = mine[np.argsort(first[which], kind="stable")]
    return found


def _longest(numbers: Rows) -> int:
    """Rows of the longest list of a table; -1 is none."""
    return int(np.unique(numbers[numbers >= 0], return_counts=True)[1].max())
