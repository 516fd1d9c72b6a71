"""Numbers over several tasks: mean gain, mean rank; and the error of a predictor that looks at nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from mtl_core.evaluation.history import History
from mtl_core.tasks import TaskSpec

Scores = Mapping[str, Mapping[str, float]]
"""Task -> metric -> score."""


def trivial_error(task: TaskSpec, dataset: Dataset | None = None) -> float:
    """Error of always predicting the same: 1 for a relative error, the entropy of the classes (nats) for a log-loss,
    their own ranked probability score for steps in order.

    Without a data set, or where it has no label, classes count as equally frequent.
    """
    size = len(task.classes)
    counts = np.zeros(size) if dataset is None or not size else _class_counts(dataset, task.name, size)
    if (counts > 0).sum() < 2:
        counts = np.ones(size)
    return task.method.trivial(counts / max(counts.sum(), 1))


def _class_counts(dataset: Dataset, task: str, size: int) -> NDArray[np.float64]:
    """How many labels each class has, or how much their rows count: [C]."""
    labels = dataset.targets[task].to_numpy()
    known = ~np.isnan(labels)
    weights = None if dataset.row_weights is None else dataset.row_weights[known]
    return np.bincount(labels[known].astype(int), weights, size).astype(np.float64)


def delta_m(alone: Scores, together: Scores, higher_is_better: frozenset[str] = frozenset()) -> float:
    """Mean gain in percent, positive = together is better: metrics are averaged inside a task first.

    Reference: Maninis, Radosavovic, Kokkinos, CVPR 2019, with the sign of Vandenhende et al., TPAMI 2021.
    """
    return float(np.mean([np.mean(gains) for gains in _gains(alone, together, higher_is_better)]))


def flat_mean_gain(alone: Scores, together: Scores, higher_is_better: frozenset[str] = frozenset()) -> float:
    """Mean gain over all metrics of all tasks alike: not delta-m, though some papers print it under that name.

    A task with many metrics counts more. CAGrad (NeurIPS 2021) and Nash-MTL (ICML 2022) print it with the other sign.
    """
    return float(np.mean([gain for gains in _gains(alone, together, higher_is_better) for gain in gains]))


def _gains(alone: Scores, together: Scores, higher_is_better: frozenset[str]) -> list[list[float]]:
    return [
        [
            (100 if metric in higher_is_better else -100) * (together[task][metric] - base) / base
            for metric, base in scores.items()
        ]
        for task, scores in alone.items()
    ]


def mean_ranks(history: History) -> dict[str, float]:
    """Mean rank of each arm over the tasks, 1 = lowest error on every task; arms without all errors are left out."""
    errors = {}
    for arm in history.arms:
        scores = history.test_errors(arm.key).reshape(-1, len(history.tasks))
        if np.isfinite(scores).any(0).all():
            errors[arm.key] = np.nanmean(scores, 0)
    ranks = pd.DataFrame(errors).rank(axis=1).mean(axis=0)
    return {str(arm): float(rank) for arm, rank in ranks.items()}
