"""Kinds of tasks that predict one of several classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mtl_core.lazy import torch
from mtl_core.tasks.base import Numbers, TaskKind, kinds


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
