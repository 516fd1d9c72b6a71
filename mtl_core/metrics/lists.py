"""Scores of an order within lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.metrics.base import Metric, Weights, masked_mean, metrics
from mtl_core.tasks.lists import Lists, places, ranks


@metrics.register("pair_error", title="Pairs in the wrong order", term="pairwise error")
@dataclass(frozen=True)
class PairError(Metric):
    """Share of the pairs of one list, with different grades, whose scores say the opposite; equal scores count half.

    One minus the pairwise accuracy, over all pairs of all lists; 0.5 is chance.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"ranking", "listwise"})
    percent: ClassVar[bool] = True
    in_lists: ClassVar[bool] = True

    def list_score(
        self, outputs: torch.Tensor, targets: torch.Tensor, lists: Lists, weights: Weights = None
    ) -> torch.Tensor:
        scores, numbers = outputs.squeeze(-1), lists.numbers[:, None]
        wrong, pairs = scores.new_zeros(targets.shape[:-1]), scores.new_zeros(targets.shape[:-1])
        for apart in range(1, min(lists.longest, targets.shape[-1])):  # rows of one list stand together
            higher = torch.sign(targets[..., apart:] - targets[..., :-apart]).nan_to_num()
            higher = higher * (numbers[..., apart:] == numbers[..., :-apart])
            higher = higher if weights is None else higher * weights[..., apart:]
            pairs += higher.abs().sum(-1)
            wrong += (higher.abs() - higher * torch.sign(scores[..., apart:] - scores[..., :-apart])).sum(-1) / 2
        return wrong / pairs


@metrics.register("ndcg", title="Quality of the top 10", term="NDCG@10")
@dataclass(frozen=True)
class TopGain(Metric):
    """How much of the best possible gain the first ten rows of a list bring; 1 is perfect.

    Mean over the lists with a grade above 0 of DCG / best DCG; DCG = sum over ranks r = 1 .. 10 of grade / log2(r + 1).
    Reference: Jarvelin, Kekalainen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 2002.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"ranking", "listwise"})
    lower_is_better: ClassVar[bool] = False
    in_lists: ClassVar[bool] = True
    top: ClassVar[int] = 10

    def list_score(
        self, outputs: torch.Tensor, targets: torch.Tensor, lists: Lists, weights: Weights = None
    ) -> torch.Tensor:
        known, last = ~torch.isnan(targets), targets.shape[-1]
        numbers = lists.numbers[:, None].expand_as(targets)
        where = torch.where(known, places(numbers), last)  # rows without grade: a list of their own, behind all
        grades = torch.where(known, targets, 0.0)
        best = self._gain(grades, grades, where)
        found = self._gain(outputs.squeeze(-1), grades, where)
        each = None if weights is None else torch.zeros_like(best).scatter(-1, where, weights.expand_as(targets))
        return masked_mean(found / best, best > 0, each)

    def _gain(self, scores: torch.Tensor, grades: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        """DCG of each list: [..., B]."""
        order, rank = ranks(scores, where)
        gain = torch.where(rank < self.top, grades.gather(-1, order) / torch.log2(rank + 2.0), 0.0)
        return gain.new_zeros(*gain.shape[:-1], gain.shape[-1] + 1).scatter_add(-1, where.gather(-1, order), gain)
