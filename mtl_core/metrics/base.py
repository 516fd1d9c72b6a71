"""A score of every replica at once, over the rows that have a label.

outputs [..., B, O] of one task's head, targets [..., B] (NaN = no label), reference [...]: see each metric.
weights [..., B]: how much each row counts, 0 or more; None = all alike.
The leading axes are any stack of replicas (and of tasks of one kind).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from mtl_core.lazy import torch
from mtl_core.registry import Method, Registry
from mtl_core.tasks.lists import Lists

Weights: TypeAlias = "torch.Tensor | None"


@dataclass(frozen=True)
class Metric(Method):
    """A number that says how well one task is predicted."""

    kinds: ClassVar[frozenset[str]] = frozenset()
    lower_is_better: ClassVar[bool] = True
    percent: ClassVar[bool] = False
    in_lists: ClassVar[bool] = False
    """Rows are compared within their list: `list_score` instead of `score`."""
    in_boxes: ClassVar[bool] = False
    """A label is four numbers: `box_score` instead of `score`."""

    def score(
        self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        """One number for each leading index [...]; NaN where there is no labelled row that counts.

        reference: the best constant of the *training* targets, in the units of `targets`: the mean of a number or
        a count, the median where outliers count less.
        """
        raise NotImplementedError

    def list_score(
        self, outputs: torch.Tensor, targets: torch.Tensor, lists: Lists, weights: Weights = None
    ) -> torch.Tensor:
        """`score` where `in_lists`: outputs [R, k, B, O], targets [R, k, B], lists of the rows -> [R, k].

        Rows of one list have one weight: that of the list.
        """
        raise NotImplementedError

    def box_score(
        self, outputs: torch.Tensor, boxes: torch.Tensor, known: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        """`score` where `in_boxes`: outputs and boxes [..., B, 4], known [..., B] = has a label -> [...]."""
        raise NotImplementedError


metrics: Registry[Metric] = Registry("metric")


def masked_sum(values: torch.Tensor, mask: torch.Tensor, weights: Weights = None) -> torch.Tensor:
    """Sum over the last axis of the entries where mask, weighed. Two sums over no row have the ratio NaN."""
    return torch.where(mask, values if weights is None else values * weights, 0.0).sum(-1)


def masked_mean(values: torch.Tensor, mask: torch.Tensor, weights: Weights = None) -> torch.Tensor:
    """Weighed mean over the last axis of the entries where mask; NaN where there is none that counts."""
    count = mask if weights is None else torch.where(mask, weights, 0.0)
    return masked_sum(values, mask, weights) / count.sum(-1)


def for_kind(kind: str) -> tuple[str, ...]:
    """Names of the metrics that apply to a kind of task."""
    return tuple(name for name in metrics if kind in metrics[name].kinds)
