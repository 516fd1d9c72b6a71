"""A kind of task that frames a thing: four numbers that are right or wrong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.tasks.base import TaskKind, kinds


@kinds.register("box", title="A frame around a thing", term="bounding box")
@dataclass(frozen=True)
class Box(TaskKind):
    """Predict where a thing begins and ends, across and down; smooth absolute error, overlap as the verdict's measure.

    The four outputs are left, top, right and bottom, each axis measured from the mean middle of the training rows'
    boxes in units of their edges' deviation. Loss: mean over the four of d^2 / 2 within one unit, |d| - 1/2 beyond.
    Reference: Girshick, "Fast R-CNN", ICCV 2015. Differs from the paper: corners instead of a shift of a proposal.
    """

    error: ClassVar[str] = "box_error"
    in_boxes: ClassVar[bool] = True

    def n_outputs(self, classes: int) -> int:
        return 4

    def box_loss(self, outputs: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        difference = outputs - boxes
        bent = difference.clamp(-1, 1)
        return (bent * (difference - bent / 2)).mean(-1), bent / 4


def overlap(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Intersection over union of boxes [..., 4] (left, top, right, bottom): [...]. An inside-out box is empty."""
    shared = _area(torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:]))
    union = _area(a[..., :2], a[..., 2:]) + _area(b[..., :2], b[..., 2:]) - shared
    return torch.where(union > 0, shared / union, 0.0 * union)


def _area(start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    return (end - start).clamp(min=0).prod(-1)
