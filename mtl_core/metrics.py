"""Masked scores of every replica at once; checked against scikit-learn.

outputs [..., B, O] of one task's head, targets [..., B] (NaN = no label), reference [...]: see each metric.
The leading axes are any stack of replicas (and of tasks of one kind).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.registry import Method, Registry
from mtl_core.tasks import poisson_deviance


@dataclass(frozen=True)
class Metric(Method):
    """A number that says how well one task is predicted."""

    kinds: ClassVar[frozenset[str]] = frozenset()
    lower_is_better: ClassVar[bool] = True
    percent: ClassVar[bool] = False

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """One number for each leading index [...]; NaN where there is no labelled row.

        reference: the best constant of the *training* targets, in the units of `targets`: the mean of a number or
        a count, the median where outliers count less.
        """
        raise NotImplementedError


metrics: Registry[Metric] = Registry("metric")


def masked_sum(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Sum over the last axis of the entries where mask. Two sums over no row have the ratio NaN."""
    return torch.where(mask, values, 0.0).sum(-1)


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the last axis of the entries where mask; NaN where there is none."""
    return masked_sum(values, mask) / mask.sum(-1)


@metrics.register("rrmse", title="Relative error", term="RRMSE")
@dataclass(frozen=True)
class RelativeRootMeanSquaredError(Metric):
    """Error relative to always predicting the training mean; 1 is no better than that, 0 is perfect.

    sqrt(sum (y - prediction)^2 / sum (y - mean of the training targets)^2) over the labelled rows.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"regression"})

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        mask = ~torch.isnan(targets)
        wrong = masked_sum((outputs.squeeze(-1) - targets) ** 2, mask)
        return torch.sqrt(wrong / masked_sum((targets - reference[..., None]) ** 2, mask))


@metrics.register("r2", title="Explained variance", term="R2")
@dataclass(frozen=True)
class ExplainedVariance(Metric):
    """Share of the variance around the training mean that is predicted; 1 is perfect, below 0 worse than the mean."""

    kinds: ClassVar[frozenset[str]] = frozenset({"regression"})
    lower_is_better: ClassVar[bool] = False

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        return 1 - RelativeRootMeanSquaredError().score(outputs, targets, reference) ** 2


@metrics.register("rmae", title="Relative absolute error", term="RMAE")
@dataclass(frozen=True)
class RelativeMeanAbsoluteError(Metric):
    """Error relative to always predicting the training median; 1 is no better than that, 0 is perfect.

    sum |y - prediction| / sum |y - median of the training targets| over the labelled rows.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"median", "huber"})

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        mask = ~torch.isnan(targets)
        wrong = masked_sum((outputs.squeeze(-1) - targets).abs(), mask)
        return wrong / masked_sum((targets - reference[..., None]).abs(), mask)


@metrics.register("relative_deviance", title="Relative error of a rate", term="relative Poisson deviance")
@dataclass(frozen=True)
class RelativePoissonDeviance(Metric):
    """Deviance relative to always predicting the training mean; 1 is no better than that, 0 is perfect.

    sum d(y, rate) / sum d(y, mean of the training targets), d(y, rate) = 2 (y log(y / rate) - y + rate), over the
    labelled rows; the output is log rate. One minus it is the explained deviance (D2 with power 1).
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"count"})

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        mask = ~torch.isnan(targets)
        wrong = masked_sum(poisson_deviance(targets, outputs.squeeze(-1)), mask)
        return wrong / masked_sum(poisson_deviance(targets, reference.log()[..., None]), mask)


def log_probabilities(outputs: torch.Tensor) -> torch.Tensor:
    """[..., O] -> [..., C]; one output is the log-odds of class 1 of 2."""
    if outputs.shape[-1] == 1:
        outputs = torch.cat([torch.zeros_like(outputs), outputs], -1)
    return torch.log_softmax(outputs, -1)


@metrics.register("log_loss", title="Surprise", term="log-loss")
@dataclass(frozen=True)
class LogLoss(Metric):
    """Mean surprise at the true class, in nats: minus the log of the probability it was given; 0 is perfect."""

    kinds: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        mask = ~torch.isnan(targets)
        codes = torch.where(mask, targets, torch.zeros_like(targets)).long()
        chosen = torch.gather(log_probabilities(outputs), -1, codes.unsqueeze(-1)).squeeze(-1)
        return masked_mean(-chosen, mask)


@metrics.register("error_rate", title="Wrong answers", term="classification error")
@dataclass(frozen=True)
class ErrorRate(Metric):
    """Share of the rows whose most probable class is wrong."""

    kinds: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    percent: ClassVar[bool] = True

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        mask = ~torch.isnan(targets)
        guess = log_probabilities(outputs).argmax(-1)
        return masked_mean((guess != targets).to(outputs.dtype), mask)


def beyond(outputs: torch.Tensor) -> torch.Tensor:
    """Outputs [..., K - 1] of an ordinal task -> probability of a class above 0, 1, ..., K - 2, in the same shape."""
    return torch.nn.functional.logsigmoid(outputs).cumsum(-1).exp()


@metrics.register("ranked_probability", title="Distance on the scale", term="ranked probability score")
@dataclass(frozen=True)
class RankedProbabilityScore(Metric):
    """How far the predicted probabilities lie from the true step of a scale; 0 is perfect, 1 the wrong end for certain.

    Mean over the K - 1 gaps between classes of (predicted probability of a class above the gap - whether it was)^2.
    Reference: Epstein, "A Scoring System for Probability Forecasts of Ranked Categories", 1969. With two classes it
    is Brier's score of the second.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"ordinal"})

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        above = torch.arange(outputs.shape[-1], device=outputs.device) < targets[..., None]
        return masked_mean(((beyond(outputs) - above.to(outputs.dtype)) ** 2).mean(-1), ~torch.isnan(targets))


@metrics.register("steps_off", title="Steps off", term="mean absolute error of the class")
@dataclass(frozen=True)
class StepsOff(Metric):
    """How many steps of the scale lie between the predicted median class and the true one, on average."""

    kinds: ClassVar[frozenset[str]] = frozenset({"ordinal"})

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        guess = (beyond(outputs) > 0.5).sum(-1)
        return masked_mean((guess - targets).abs(), ~torch.isnan(targets))


def for_kind(kind: str) -> tuple[str, ...]:
    """Names of the metrics that apply to a kind of task."""
    return tuple(name for name in metrics if kind in metrics[name].kinds)
