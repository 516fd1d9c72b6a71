"""What a data set holds, in numbers for the Data page: its tasks, and how their targets go together."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from mtl_core.data.splits import Split, splits
from mtl_core.tasks import TaskSpec


def describe(dataset: Dataset) -> pd.DataFrame:
    """A row a task: task, kind (plain words), unit, labels (count), missing (share, 0 to 1); mean, deviation,
    minimum and maximum of a number (NaN otherwise); classes with their shares of the labels (text, else empty)."""
    return pd.DataFrame([_task_row(dataset.targets[task.name], task) for task in dataset.tasks])


def target_correlations(dataset: Dataset) -> pd.DataFrame:
    """How closely each two tasks' targets go together [T, T], on the rows that have both labels; NaN where unknown.

    Which measure stands in a cell says `association_measures`. Spearman's correlation lies in [-1, 1], the others
    in [0, 1]; the diagonal is 1.
    """
    return _square(dataset, _association, 1.0)


def association_measures(dataset: Dataset) -> pd.DataFrame:
    """Name of the measure in each cell of `target_correlations` [T, T].

    Numbers and two-class tasks: Spearman's rank correlation (the second class counts as higher). A number and several
    classes: correlation ratio on ranks. Several classes and any classes: Cramér's V.
    """
    return _square(dataset, lambda a, b, _: measure(a, b), "")


def label_coverage(dataset: Dataset) -> pd.DataFrame:
    """Share of the rows that carry both labels [T, T], 0 to 1; on the diagonal the share that carries one."""
    known = dataset.targets.notna().to_numpy(float)
    names = [task.name for task in dataset.tasks]
    return pd.DataFrame(known.T @ known / max(len(known), 1), index=names, columns=names)


def split_sizes(dataset: Dataset, folds: int, seed: int) -> pd.DataFrame:
    """A row a task: labels in the training, validation and test rows, in the fold with the least and with the most."""
    found = splits(dataset, folds, seed)
    return pd.DataFrame(
        [_sizes(task.name, dataset.targets[task.name].notna().to_numpy(), found) for task in dataset.tasks]
    )


def measure(a: TaskSpec, b: TaskSpec) -> str:
    if len(a.classes) <= 2 and len(b.classes) <= 2:
        return "Spearman correlation"
    return "Cramér's V" if a.classes and b.classes else "correlation ratio"


def _task_row(labels: pd.Series, task: TaskSpec) -> dict[str, object]:
    known = labels.dropna()
    facts: dict[str, object] = {"task": task.name, "kind": task.method.title, "unit": task.unit}
    facts |= {"labels": len(known), "missing": float(labels.isna().mean())}
    numbers = pd.Series(dtype=float) if task.classes else known.astype(float)
    facts |= {"mean": numbers.mean(), "deviation": numbers.std(ddof=0)}
    facts |= {"minimum": numbers.min(), "maximum": numbers.max()}
    shares = [f"{name} {(known == code).mean():.0%}" for code, name in enumerate(task.classes) if len(known)]
    return facts | {"classes": ", ".join(shares)}


def _sizes(name: str, known: NDArray[np.bool_], found: list[Split]) -> dict[str, object]:
    facts: dict[str, object] = {"task": name}
    for part in ("train", "validation", "test"):
        counts = [int(known[getattr(split, part)].sum()) for split in found]
        facts |= {f"{part} least": min(counts), f"{part} most": max(counts)}
    return facts


def _square(dataset: Dataset, cell: Callable[[TaskSpec, TaskSpec, pd.DataFrame], Any], diagonal: Any) -> pd.DataFrame:
    names = [task.name for task in dataset.tasks]
    table = pd.DataFrame(diagonal, index=names, columns=names)
    for a, b in itertools.combinations(dataset.tasks, 2):
        both = dataset.targets[[a.name, b.name]].dropna()
        table.loc[a.name, b.name] = table.loc[b.name, a.name] = cell(a, b, both)
    return table


def _association(a: TaskSpec, b: TaskSpec, both: pd.DataFrame) -> float:
    if len(both) < 2 or (both.nunique() < 2).any():
        return float("nan")
    name = measure(a, b)
    if name == "Spearman correlation":
        return float(both.rank().corr().to_numpy()[0, 1])
    if name == "correlation ratio":
        classes, number = (a.name, b.name) if a.classes else (b.name, a.name)
        return _correlation_ratio(both[classes], both[number].rank())
    from scipy.stats.contingency import association

    return float(association(pd.crosstab(both[a.name], both[b.name]).to_numpy(), method="cramer"))


def _correlation_ratio(classes: pd.Series, values: pd.Series) -> float:
    """sqrt(variance between the classes' means / variance of all values)."""
    between = values.groupby(classes).transform("mean").var(ddof=0)
    return float(np.sqrt(between / values.var(ddof=0)))
