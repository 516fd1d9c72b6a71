"""Masked scores of every replica at once; checked against scikit-learn.

outputs [..., B, O] of one task's head, targets [..., B] (NaN = no label), reference [...]: see each metric.
The leading axes are any stack of replicas (and of tasks of one kind).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.registry import Method, Registry


@dataclass(frozen=True)
class Metric(Method):
    """A number that says how well one task is predicted."""

    kinds: ClassVar[frozenset[str]] = frozenset()
    lower_is_better: ClassVar[bool] = True
    percent: ClassVar[bool] = False

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """One number for each leading index [...]; NaN where there is no labelled row.

        reference: for regression the mean of the *training* targets (in the units of `targets`).
        """
        raise NotImplementedError


metrics: Registry[Metric] = Registry("metric")


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the last axis of the entries where mask; NaN where there is none."""
    count = mask.sum(-1)
    total = torch.where(mask, values, torch.zeros_like(values)).sum(-1)
    return torch.where(count > 0, total / count.clamp(min=1), torch.full_like(total, torch.nan))


@metrics.register("rrmse", title="Relative error", term="RRMSE")
@dataclass(frozen=True)
class RelativeRootMeanSquaredError(Metric):
    """Error relative to always predicting the training mean; 1 is no better than that, 0 is perfect.

    sqrt(sum (y - prediction)^2 / sum (y - mean of the training targets)^2) over the labelled rows.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"regression"})

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        mask = ~torch.isnan(targets)
        wrong = masked_mean((outputs.squeeze(-1) - targets) ** 2, mask)
        trivial = masked_mean((targets - reference[..., None]) ** 2, mask)
        return torch.sqrt(wrong / trivial)


@metrics.register("r2", title="Explained variance", term="R2")
@dataclass(frozen=True)
class ExplainedVariance(Metric):
    """Share of the variance around the training mean that is predicted; 1 is perfect, below 0 worse than the mean."""

    kinds: ClassVar[frozenset[str]] = frozenset({"regression"})
    lower_is_better: ClassVar[bool] = False

    def score(self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        return 1 - RelativeRootMeanSquaredError().score(outputs, targets, reference) ** 2


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


def for_kind(kind: str) -> tuple[str, ...]:
    """Names of the metrics that apply to a kind of task."""
    return tuple(name for name in metrics if kind in metrics[name].kinds)
