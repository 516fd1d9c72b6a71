"""Scores of numbers and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.metrics.base import Metric, Weights, masked_sum, metrics
from mtl_core.tasks.numbers import poisson_deviance


@metrics.register("rrmse", title="Relative error", term="RRMSE")
@dataclass(frozen=True)
class RelativeRootMeanSquaredError(Metric):
    """Error relative to always predicting the training mean; 1 is no better than that, 0 is perfect.

    sqrt(sum (y - prediction)^2 / sum (y - mean of the training targets)^2) over the labelled rows.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"regression"})

    def score(
        self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        mask = ~torch.isnan(targets)
        wrong = masked_sum((outputs.squeeze(-1) - targets) ** 2, mask, weights)
        return torch.sqrt(wrong / masked_sum((targets - reference[..., None]) ** 2, mask, weights))


@metrics.register("r2", title="Explained variance", term="R2")
@dataclass(frozen=True)
class ExplainedVariance(Metric):
    """Share of the variance around the training mean that is predicted; 1 is perfect, below 0 worse than the mean."""

    kinds: ClassVar[frozenset[str]] = frozenset({"regression"})
    lower_is_better: ClassVar[bool] = False

    def score(
        self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        return 1 - RelativeRootMeanSquaredError().score(outputs, targets, reference, weights) ** 2


@metrics.register("rmae", title="Relative absolute error", term="RMAE")
@dataclass(frozen=True)
class RelativeMeanAbsoluteError(Metric):
    """Error relative to always predicting the training median; 1 is no better than that, 0 is perfect.

    sum |y - prediction| / sum |y - median of the training targets| over the labelled rows.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"median", "huber"})

    def score(
        self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        mask = ~torch.isnan(targets)
        wrong = masked_sum((outputs.squeeze(-1) - targets).abs(), mask, weights)
        return wrong / masked_sum((targets - reference[..., None]).abs(), mask, weights)


@metrics.register("relative_deviance", title="Relative error of a rate", term="relative Poisson deviance")
@dataclass(frozen=True)
class RelativePoissonDeviance(Metric):
    """Deviance relative to always predicting the training mean; 1 is no better than that, 0 is perfect.

    sum d(y, rate) / sum d(y, mean of the training targets), d(y, rate) = 2 (y log(y / rate) - y + rate), over the
    labelled rows; the output is log rate. One minus it is the explained deviance (D2 with power 1).
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"count"})

    def score(
        self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        mask = ~torch.isnan(targets)
        wrong = masked_sum(poisson_deviance(targets, outputs.squeeze(-1)), mask, weights)
        return wrong / masked_sum(poisson_deviance(targets, reference.log()[..., None]), mask, weights)
