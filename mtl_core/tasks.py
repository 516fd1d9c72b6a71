"""What a task is: its kind decides the outputs of its head, its loss, and the error a verdict is built on.

Sizes: R replicas, B rows, O outputs of one head, C classes. A missing label is NaN and never enters a mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mtl_core.lazy import torch
from mtl_core.registry import InvalidInput, Method, Registry
from mtl_core.scales import middle, moments

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
    constant: ClassVar[float] = 0.0
    """What always predicting the same comes to, in the units of the targets."""

    def n_outputs(self, classes: int) -> int:
        raise NotImplementedError

    def units(self, labels: Numbers, scale: bool) -> tuple[float, float]:
        """Zero and unit in which targets are learned, from the training rows' labels (NaN = none); (0, 1): as they are.

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


kinds: Registry[TaskKind] = Registry("task kind")

HUBER_BEND = 1.345
"""Where Huber's loss turns from square to straight: 95 % efficient for normal noise of deviation 1."""


@kinds.register("regression", title="A number", term="regression")
@dataclass(frozen=True)
class Regression(TaskKind):
    """Predict a number; squared error on the standardised target.

    Loss: (output - target)^2 without a factor 1/2. Targets are measured from the training mean in training
    deviations, or in their own unit where targets are not scaled.
    """

    error: ClassVar[str] = "rrmse"

    def n_outputs(self, classes: int) -> int:
        return 1

    def units(self, labels: Numbers, scale: bool) -> tuple[float, float]:
        mean, deviation = moments(labels)
        return mean, deviation if scale and deviation else 1.0

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        difference = outputs.squeeze(-1) - targets
        return difference * difference, (2 * difference).unsqueeze(-1)


@dataclass(frozen=True)
class _Robust(Regression):
    """A number whose outliers count less; measured from the median of the training rows, in robust deviations."""

    error: ClassVar[str] = "rmae"

    def units(self, labels: Numbers, scale: bool) -> tuple[float, float]:
        median, spread = middle(labels)
        return median, spread if scale and spread else 1.0


@kinds.register("median", title="A number, its median", term="least absolute deviations")
@dataclass(frozen=True)
class Median(_Robust):
    """Predict the median of a number; absolute error, so that an outlier pulls no harder than any other row.

    Targets are measured from the training median in units of sqrt(pi / 2) times their mean distance from it.
    Reference: Koenker, Bassett, "Regression Quantiles", Econometrica 1978 (the quantile 1/2).
    """

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        difference = outputs.squeeze(-1) - targets
        return difference.abs(), torch.sign(difference).unsqueeze(-1)


@kinds.register("huber", title="A number with outliers", term="Huber regression")
@dataclass(frozen=True)
class Huber(_Robust):
    """Predict a number; squared error near the target, absolute error far from it.

    The loss bends at 1.345 units of the target: with normal noise of deviation 1 it needs 5 % more rows than the
    squared error. Units are those of "median"; targets that are not scaled bend at 1.345 of their own unit.
    Reference: Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 1964.
    """

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        difference = outputs.squeeze(-1) - targets
        bent = difference.clamp(-HUBER_BEND, HUBER_BEND)
        return bent * (2 * difference - bent), (2 * bent).unsqueeze(-1)


@kinds.register("count", title="A count", term="Poisson regression")
@dataclass(frozen=True)
class Count(TaskKind):
    """Predict how often something happens, 0 or more; Poisson deviance of the rate.

    The output is the logarithm of the rate over the mean of the training rows, so a new network starts near that
    mean. Counts are learned in units of it, also where targets are not scaled; without any event among the training
    rows as they are. Loss: 2 (y log(y / rate) - y + rate), which is 0 for a perfect rate and never below.
    Reference: McCullagh, Nelder, "Generalized Linear Models", 1989, chapter 6.
    """

    error: ClassVar[str] = "relative_deviance"
    negative: ClassVar[bool] = False
    constant: ClassVar[float] = 1.0

    def n_outputs(self, classes: int) -> int:
        return 1

    def units(self, labels: Numbers, scale: bool) -> tuple[float, float]:
        return 0.0, moments(labels)[0] or 1.0

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        log_rate = outputs.squeeze(-1)
        return poisson_deviance(targets, log_rate), 2 * (log_rate.exp() - targets).unsqueeze(-1)


def poisson_deviance(counts: torch.Tensor, log_rate: torch.Tensor) -> torch.Tensor:
    """2 (y log(y / rate) - y + rate) of every row."""
    return 2 * (torch.xlogy(counts, counts) - counts * (log_rate + 1) + log_rate.exp())


@dataclass(frozen=True)
class _Classes(TaskKind):
    """One of some classes, scored by the surprise at the true one."""

    error: ClassVar[str] = "log_loss"
    needs_classes: ClassVar[bool] = True

    def trivial(self, shares: Numbers) -> float:
        """Entropy of the classes, in nats."""
        found = shares[shares > 0]
        return float(-(found * np.log(found)).sum())


@kinds.register("binary", title="Yes or no", term="binary classification")
@dataclass(frozen=True)
class Binary(_Classes):
    """Predict one of two classes; cross-entropy on one output, the log-odds of the second class.

    Loss: log(1 + exp(z)) - y z for log-odds z and label y of 0 or 1, in nats.
    """

    def n_outputs(self, classes: int) -> int:
        return 1

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = outputs.squeeze(-1)
        loss = torch.nn.functional.softplus(logits) - logits * targets
        return loss, (torch.sigmoid(logits) - targets).unsqueeze(-1)


@kinds.register("multiclass", title="One of several classes", term="multiclass classification")
@dataclass(frozen=True)
class Multiclass(_Classes):
    """Predict one of three or more classes; cross-entropy on the softmax of one output a class.

    Loss: -log of softmax(outputs) at the true class, in nats.
    """

    def n_outputs(self, classes: int) -> int:
        return classes

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        surprise = -torch.log_softmax(outputs, -1)
        truth = targets.long().unsqueeze(-1)
        slope = torch.exp(-surprise).scatter_add(-1, truth, -torch.ones_like(surprise[..., :1]))
        return torch.gather(surprise, -1, truth).squeeze(-1), slope


@kinds.register("ordinal", title="One of several steps in order", term="ordinal regression")
@dataclass(frozen=True)
class Ordinal(TaskKind):
    """Predict a class on a scale, such as a grade; a guess that is one step off is less wrong than one that is two.

    Climbing the scale: output k is the log-odds of going on beyond class k, once class k is reached, so the classes'
    probabilities are proper in any network. Loss: minus the log of the true class's probability.
    Reference: Tutz, "Sequential models in categorical regression", CSDA 1991 (continuation ratios); for networks Shi,
    Cao, Raschka, "Deep neural networks for rank-consistent ordinal regression", Pattern Anal. Appl. 2023 (CORN).
    """

    error: ClassVar[str] = "ranked_probability"
    needs_classes: ClassVar[bool] = True
    ordered: ClassVar[bool] = True

    def n_outputs(self, classes: int) -> int:
        return classes - 1

    def trivial(self, shares: Numbers) -> float:
        """Ranked probability score of the classes' own shares."""
        below = np.cumsum(shares)[:-1]
        return float((below * (1 - below)).mean())

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        beyond, truth = torch.arange(outputs.shape[-1], device=outputs.device), targets.unsqueeze(-1)
        reached, passed = (beyond <= truth).to(outputs.dtype), (beyond < truth).to(outputs.dtype)  # [..., O]
        loss = (torch.nn.functional.softplus(outputs) * reached - outputs * passed).sum(-1)
        return loss, torch.sigmoid(outputs) * reached - passed


@dataclass(frozen=True)
class TaskSpec:
    """One thing to predict. `classes` are the names behind the codes 0, 1, ... of a target, lowest first on a scale."""

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
