"""Scores of frames around a thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.metrics.base import Metric, Weights, masked_mean, metrics
from mtl_core.tasks.boxes import overlap


@metrics.register("box_error", title="Frame off the mark", term="1 - IoU")
@dataclass(frozen=True)
class BoxError(Metric):
    """How much of the predicted and the true frame together is not in both; 0 is perfect, 1 is no overlap.

    Mean over the rows of 1 - area of the intersection / area of the union.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"box"})
    percent: ClassVar[bool] = True
    in_boxes: ClassVar[bool] = True

    def box_score(
        self, outputs: torch.Tensor, boxes: torch.Tensor, known: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        return masked_mean(1 - overlap(outputs, boxes), known, weights)


@metrics.register("box_hit", title="Frames that fit", term="share with IoU of at least 0.5")
@dataclass(frozen=True)
class BoxHit(Metric):
    """Share of the rows whose predicted frame overlaps the true one by at least half of both together."""

    kinds: ClassVar[frozenset[str]] = frozenset({"box"})
    lower_is_better: ClassVar[bool] = False
    percent: ClassVar[bool] = True
    in_boxes: ClassVar[bool] = True

    def box_score(
        self, outputs: torch.Tensor, boxes: torch.Tensor, known: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        return masked_mean((overlap(outputs, boxes) >= 0.5).to(outputs.dtype), known, weights)
