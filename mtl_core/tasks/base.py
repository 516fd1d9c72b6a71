"""A kind of task: the outputs of its head, its loss, and the error a verdict is built on.

Sizes: R replicas, B rows, O outputs of one head, C classes. A missing label is NaN and never enters a mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mtl_core.lazy import torch
from mtl_core.registry import Method, Registry
from mtl_core.tasks.lists import Lists

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class TaskKind(Method):
    """How a task of this kind is predicted and scored."""

    error: ClassVar[str] = ""
    """Name of the metric that verdicts are built on: an error, lower is better (`metrics.py`)."""
    needs_classes: ClassVar[bool] = False
    ordered: ClassVar[bool] = False
    """Its classes have an order: the first is the lowest."""
    negative: ClassVar[bool] = True
    """Labels below 0 make sense."""
    in_lists: ClassVar[bool] = False
    """Rows count only against the other rows of their list: `list_loss` instead of `loss`."""
    in_boxes: ClassVar[bool] = False
    """A label is four numbers, `Dataset.boxes`: `box_loss` instead of `loss`."""
    constant: ClassVar[float] = 0.0
    """What always predicting the same comes to, in the units of the targets."""

    def n_outputs(self, classes: int) -> int:
        raise NotImplementedError

    def units(self, labels: Numbers, scale: bool, weights: Numbers | None = None) -> tuple[float, float]:
        """Zero and unit in which targets are learned, from the training rows' labels (NaN = none); (0, 1): as they are.

        weights: how much each row counts; None = all alike.
        scale: the experiment wants losses of one size; otherwise a task in large units may have a large loss.
        """
        return 0.0, 1.0

    def trivial(self, shares: Numbers) -> float:
        """The verdict's error of always predicting the same. shares [C] of the classes; none for a number."""
        return 1.0

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss of every row and its slope in each output, both in closed form.

        outputs [..., O], targets [...] (no NaN) -> loss [...], slope [..., O]; leading axes are replicas, rows, tasks.
        """
        raise NotImplementedError

    def list_loss(
        self, outputs: torch.Tensor, targets: torch.Tensor, lists: Lists
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`loss` where `in_lists`: outputs [R, B, k, O], targets [R, B, k] with NaN = no label.

        Scaled so that the mean over a task's labelled rows is what the kind says; rows without label have 0.
        """
        raise NotImplementedError

    def box_loss(self, outputs: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`loss` where `in_boxes`: outputs and boxes [..., 4] -> loss [...], slope [..., 4]."""
        raise NotImplementedError


kinds: Registry[TaskKind] = Registry("task kind")
