"""What a task is: its kind decides the outputs of its head, its loss, and the error a verdict is built on.

Sizes: R replicas, B rows, O outputs of one head. A missing label is NaN and never enters a mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mtl_core.lazy import torch
from mtl_core.registry import InvalidInput, Method, Registry


@dataclass(frozen=True)
class TaskKind(Method):
    """How a task of this kind is predicted and scored."""

    error: ClassVar[str] = ""
    """Name of the metric that verdicts are built on: an error, lower is better (`metrics.py`)."""
    needs_classes: ClassVar[bool] = False
    standardised: ClassVar[bool] = False
    """Targets are scaled with the training rows' mean and deviation before the loss sees them."""

    def n_outputs(self, classes: int) -> int:
        raise NotImplementedError

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss of every row and its slope in each output, both in closed form.

        outputs [..., O], targets [...] (no NaN) -> loss [...], slope [..., O]; leading axes are replicas, rows, tasks.
        """
        raise NotImplementedError


kinds: Registry[TaskKind] = Registry("task kind")


@kinds.register("regression", title="A number", term="regression")
@dataclass(frozen=True)
class Regression(TaskKind):
    """Predict a number; squared error on the standardised target."""

    error: ClassVar[str] = "rrmse"
    standardised: ClassVar[bool] = True

    def n_outputs(self, classes: int) -> int:
        return 1

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        difference = outputs.squeeze(-1) - targets
        return difference * difference, (2 * difference).unsqueeze(-1)


@kinds.register("binary", title="Yes or no", term="binary classification")
@dataclass(frozen=True)
class Binary(TaskKind):
    """Predict one of two classes; cross-entropy on one output, the log-odds of the second class."""

    error: ClassVar[str] = "log_loss"
    needs_classes: ClassVar[bool] = True

    def n_outputs(self, classes: int) -> int:
        return 1

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = outputs.squeeze(-1)
        loss = torch.nn.functional.softplus(logits) - logits * targets
        return loss, (torch.sigmoid(logits) - targets).unsqueeze(-1)


@kinds.register("multiclass", title="One of several classes", term="multiclass classification")
@dataclass(frozen=True)
class Multiclass(TaskKind):
    """Predict one of three or more classes; cross-entropy on the softmax of one output a class."""

    error: ClassVar[str] = "log_loss"
    needs_classes: ClassVar[bool] = True

    def n_outputs(self, classes: int) -> int:
        return classes

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        surprise = -torch.log_softmax(outputs, -1)
        truth = targets.long().unsqueeze(-1)
        slope = torch.exp(-surprise).scatter_add(-1, truth, -torch.ones_like(surprise[..., :1]))
        return torch.gather(surprise, -1, truth).squeeze(-1), slope


@dataclass(frozen=True)
class TaskSpec:
    """One thing to predict. `classes` are the names behind the codes 0, 1, ... of a classification target."""

    name: str
    kind: str
    classes: tuple[str, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        needs = kinds[self.kind].needs_classes
        if needs and len(self.classes) < 2:
            raise InvalidInput(f"task {self.name!r} has fewer than 2 classes; a {self.kind} task needs them")
        if self.kind == "binary" and len(self.classes) != 2:
            raise InvalidInput(f"task {self.name!r} has {len(self.classes)} classes; a binary task has 2")

    @property
    def method(self) -> TaskKind:
        return kinds[self.kind]()

    @property
    def n_outputs(self) -> int:
        return self.method.n_outputs(len(self.classes))

    @property
    def error(self) -> str:
        """Name of the metric that this task's verdict is built on."""
        return self.method.error

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "kind": self.kind, "classes": list(self.classes), "unit": self.unit}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TaskSpec:
        return cls(value["name"], value["kind"], tuple(value.get("classes", ())), value.get("unit", ""))
