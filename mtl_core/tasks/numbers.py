"""Kinds of tasks that predict a number or a count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.scales import middle, moments
from mtl_core.tasks.base import Numbers, TaskKind, kinds

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

    def units(self, labels: Numbers, scale: bool, weights: Numbers | None = None) -> tuple[float, float]:
        mean, deviation = moments(labels, weights)
        return mean, deviation if scale and deviation else 1.0

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        difference = outputs.squeeze(-1) - targets
        return difference * difference, (2 * difference).unsqueeze(-1)


@dataclass(frozen=True)
class _Robust(Regression):
    """A number whose outliers count less; measured from the median of the training rows, in robust deviations."""

    error: ClassVar[str] = "rmae"

    def units(self, labels: Numbers, scale: bool, weights: Numbers | None = None) -> tuple[float, float]:
        median, spread = middle(labels, weights)
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

    def units(self, labels: Numbers, scale: bool, weights: Numbers | None = None) -> tuple[float, float]:
        return 0.0, moments(labels, weights)[0] or 1.0

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        log_rate = outputs.squeeze(-1)
        return poisson_deviance(targets, log_rate), 2 * (log_rate.exp() - targets).unsqueeze(-1)


def poisson_deviance(counts: torch.Tensor, log_rate: torch.Tensor) -> torch.Tensor:
    """2 (y log(y / rate) - y + rate) of every row."""
    return 2 * (torch.xlogy(counts, counts) - counts * (log_rate + 1) + log_rate.exp())
