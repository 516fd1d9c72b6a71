"""Which rows each replica sees at each step: a pure function of its seed and the step.

The table lies in memory once for each preparation; batches are index lists [R, B] into it.
Sizes: P preparations, N rows, R replicas, B rows in a batch, F inputs, T tasks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mtl_core import draws
from mtl_core.data.prepare import Prepared
from mtl_core.lazy import torch

CACHE_LIMIT = 1 << 23
"""Numbers of a batch that are gathered at once, and kept between steps where the batch is always the same (32 MB)."""


Batch = tuple["torch.Tensor", "torch.Tensor"]


class Batches:
    """Rows for training and evaluation of one stack.

    held [R, n] are the validation rows (the first `n_validation`), then the test rows.
    """

    def __init__(self, prepared: Prepared, folds: NDArray[np.int64], seeds: NDArray[np.int64], batch_size: int) -> None:
        n_table = prepared.inputs.shape[1]
        self.blank = n_table - 1
        self.inputs = torch.from_numpy(prepared.inputs).reshape(-1, prepared.inputs.shape[-1])
        self.targets = torch.from_numpy(prepared.targets).reshape(-1, prepared.targets.shape[-1])
        self.offsets = folds * n_table
        self.lengths = (prepared.train != self.blank).sum(1)[folds]
        self.train = prepared.train[folds]
        self.held = self._flat(np.concatenate([prepared.validation[folds], prepared.test[folds]], 1))
        self.n_validation = prepared.validation.shape[1]
        self.held_complete = not bool(torch.isnan(self.targets[self.held.flatten()]).any())
        n_train = self.train.shape[1]
        self.size = min(batch_size or n_train, n_train)
        self.epoch_steps = -(-n_train // self.size)
        self.full = self.size == n_train
        labels = torch.isnan(self.targets[self._flat(self.train).flatten()])
        self.complete = bool(self.epoch_steps * self.size == n_train and not labels.any())
        self._starts, self._of = np.unique(np.stack([seeds, folds]), axis=1, return_inverse=True)
        self._order: tuple[int, torch.Tensor] | None = None
        self._same: Batch | None = None
        self._held: Batch | None = None

    def at(self, step: int) -> Batch:
        """inputs [R, B, F] and targets [R, B, T] of a step; every row is seen once in each epoch."""
        if self._same is not None:
            return self._same
        batch = self.gather(self.rows(step))
        if self.full and batch[0].numel() <= CACHE_LIMIT:
            self._same = batch
        return batch

    def rows(self, step: int) -> torch.Tensor:
        """Row numbers of a step's batch, in all tables laid end to end: [R, B]."""
        if self.full:
            return self._flat(self.train)
        epoch, place = divmod(step, self.epoch_steps)
        return self._epoch(epoch)[:, place * self.size : (place + 1) * self.size]

    def held_out(self) -> Iterator[Batch]:
        """The held rows in blocks of bounded memory, in order; gathered once if they are few."""
        if self._held is None:
            n_replicas, n_rows = self.held.shape
            block = max(CACHE_LIMIT // (n_replicas * self.inputs.shape[1]), 1)
            if block < n_rows:
                yield from (self.gather(rows) for rows in self.held.split(block, 1))
                return
            self._held = self.gather(self.held)
        yield self._held

    def gather(self, rows: torch.Tensor) -> Batch:
        """rows [R, B] -> inputs [R, B, F], targets [R, B, T]."""
        flat = rows.reshape(-1)
        inputs, targets = self.inputs.index_select(0, flat), self.targets.index_select(0, flat)
        return inputs.view(*rows.shape, -1), targets.view(*rows.shape, -1)

    def _epoch(self, epoch: int) -> torch.Tensor:
        """Rows of an epoch in shuffled order, padded with the blank row to whole batches: [R, steps * B]."""
        if self._order is None or self._order[0] != epoch:
            first = np.unique(self._of, return_index=True)[1]
            n_train = self.train.shape[1]
            order = draws.permutations(self._starts[0], f"epoch {epoch}", self.lengths[first], n_train)
            rows = np.take_along_axis(self.train[first], order, 1)
            missing = self.epoch_steps * self.size - n_train
            rows = np.pad(rows, ((0, 0), (0, missing)), constant_values=self.blank)
            flat = torch.from_numpy(rows + self.offsets[first][:, None])
            self._order = (epoch, flat[torch.from_numpy(self._of.reshape(-1))])
        return self._order[1]

    def _flat(self, rows: NDArray[np.int64]) -> torch.Tensor:
        """Row numbers of each replica's own table -> row numbers of all tables laid end to end."""
        return torch.from_numpy(rows + self.offsets[:, None])
