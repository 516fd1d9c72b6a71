"""Features that give a target away: learning from them shows nothing, alone or together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mtl_core.tasks import TaskSpec

ROWS = 5000
"""Rows that are looked at first."""
COPY = 0.99999
"""Correlation from which two number columns count as copies of each other, up to unit and rounding."""
ROWS_PER_VALUE = 5
"""A feature with fewer rows for each of its values may fit a class by chance alone."""


def leaks(features: pd.DataFrame, targets: pd.DataFrame, tasks: tuple[TaskSpec, ...]) -> list[str]:
    """A sentence for every feature that by itself determines a task."""
    some = features.iloc[:: max(len(features) // ROWS, 1)]
    return [
        f"Feature {name!r} gives task {task.name!r} away; leave one of them out."
        for task in tasks
        for name in features.columns
        if _gives_away(some[name], task, targets) and _gives_away(features[name], task, targets)
    ]


def _gives_away(feature: pd.Series, task: TaskSpec, targets: pd.DataFrame) -> bool:
    """In these rows. What holds in all rows holds in some, which are looked at first."""
    return (maps if task.classes else copies)(feature, targets[task.name].loc[feature.index])


def copies(feature: pd.Series, labels: pd.Series) -> bool:
    """Two number columns that are one up to unit and rounding."""
    if not pd.api.types.is_numeric_dtype(feature):
        return False
    values, known = feature.to_numpy(float, na_value=np.nan), labels.to_numpy(float)
    both = ~np.isnan(values) & ~np.isnan(known)
    values, known = values[both], known[both]
    if len(known) < 3 or np.ptp(values) == 0 or np.ptp(known) == 0:
        return False
    return bool(abs(np.corrcoef(values / np.abs(values).max(), known / np.abs(known).max())[0, 1]) > COPY)


def maps(feature: pd.Series, labels: pd.Series) -> bool:
    """Every value of the feature stands beside one class only."""
    both = labels.notna().to_numpy() & feature.notna().to_numpy()
    values, classes = feature.to_numpy()[both], labels.to_numpy()[both]
    distinct = pd.unique(values)
    if len(distinct) < 2 or len(classes) < ROWS_PER_VALUE * len(distinct):
        return False
    return len(pd.DataFrame({"value": values, "class": classes}).drop_duplicates()) == len(distinct)
