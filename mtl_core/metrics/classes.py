"""Scores of classes, and of classes in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.metrics.base import Metric, Weights, masked_mean, metrics


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

    def score(
        self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        mask = ~torch.isnan(targets)
        codes = torch.where(mask, targets, torch.zeros_like(targets)).long()
        chosen = torch.gather(log_probabilities(outputs), -1, codes.unsqueeze(-1)).squeeze(-1)
        return masked_mean(-chosen, mask, weights)


@metrics.register("error_rate", title="Wrong answers", term="classification error")
@dataclass(frozen=True)
class ErrorRate(Metric):
    """Share of the rows whose most probable class is wrong."""

    kinds: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    percent: ClassVar[bool] = True

    def score(
        self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        mask = ~torch.isnan(targets)
        guess = log_probabilities(outputs).argmax(-1)
        return masked_mean((guess != targets).to(outputs.dtype), mask, weights)


@metrics.register("balanced_error_rate", title="Wrong answers, classes alike", term="balanced error rate")
@dataclass(frozen=True)
class BalancedErrorRate(Metric):
    """Share of wrong answers in each class, averaged over the classes that the rows have: rare classes count as much.

    One minus the mean recall of the classes.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    percent: ClassVar[bool] = True

    def score(
        self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        guess, n_classes = log_probabilities(outputs).argmax(-1), max(outputs.shape[-1], 2)
        wrong = [masked_mean((guess != c).to(outputs.dtype), targets == c, weights) for c in range(n_classes)]
        return torch.stack(wrong, -1).nanmean(-1)


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

    def score(
        self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        above = torch.arange(outputs.shape[-1], device=outputs.device) < targets[..., None]
        off = ((beyond(outputs) - above.to(outputs.dtype)) ** 2).mean(-1)
        return masked_mean(off, ~torch.isnan(targets), weights)


@metrics.register("steps_off", title="Steps off", term="mean absolute error of the class")
@dataclass(frozen=True)
class StepsOff(Metric):
    """How many steps of the scale lie between the predicted median class and the true one, on average."""

    kinds: ClassVar[frozenset[str]] = frozenset({"ordinal"})

    def score(
        self, outputs: torch.Tensor, targets: torch.Tensor, reference: torch.Tensor, weights: Weights = None
    ) -> torch.Tensor:
        guess = (beyond(outputs) > 0.5).sum(-1)
        return masked_mean((guess - targets).abs(), ~torch.isnan(targets), weights)
