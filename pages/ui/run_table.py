"""The history of runs as one table: a row a run, in words a person reads. Pure: records in, a frame out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtl_core.experiment import Experiment
from mtl_core.meta.adaptation import Adaptation
from pages.ui.shelf import data_words, run_title
from pages.ui.text import KINDS, STATUSES, plural

if TYPE_CHECKING:
    from mtl_core.api import Record
    from mtl_core.evaluation.history import History
    from mtl_core.meta.history import MetaHistory
    from mtl_core.store.records import Wish

COLUMNS = ("name", "status", "kind", "error", "started", "data", "tasks", "sharing", "weighting", "size", "note")


def table(records: Sequence[Record], sparkline: Callable[[Record], list[float]]) -> pd.DataFrame:
    """One row a run, in the order given; `sparkline` gives the error over the steps of a run."""
    rows = [
        {
            "name": run_title(record),
            "status": progress(record),
            "kind": KINDS[record.experiment.kind],
            "data": data_words(record),
            **asked(record.experiment),
            "error": sparkline(record),
            "started": _local(record.started or record.created),
            "note": record.note,
        }
        for record in records
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def asked(experiment: Wish) -> dict[str, str]:
    """The cells that say what was asked for; empty where a kind of run has no such thing."""
    if isinstance(experiment, Adaptation):
        who = ", ".join(unit.called for unit in experiment.units)
        return {"tasks": "ever new ones", "sharing": who, "weighting": "", "size": size(experiment)}
    return {
        "tasks": ", ".join(experiment.tasks),
        "sharing": " | ".join(each.title for each in experiment.sharings),
        "weighting": experiment.weighting.title,
        "size": size(experiment),
    }


def progress(record: Record) -> str:
    """The status in words, with the place in the queue or the share that is done."""
    words = STATUSES[record.status]
    if record.status == "queued" and record.position:
        return f"{words}, place {record.position}"
    if record.status != "finished" and record.step and record.steps:
        return f"{words}, {100 * record.step // record.steps} %"
    return words


def size(experiment: Experiment | Adaptation) -> str:
    """What the answer rests on, in short: folds x initialisations, steps."""
    if isinstance(experiment, Adaptation):
        return f"{plural(experiment.budget.folds, 'repeat')}, {plural(experiment.budget.steps, 'meta-step')}"
    return f"{experiment.plan.folds} x {experiment.plan.inits}, {experiment.training.steps:,} steps"


def validation_errors(history: History) -> list[float]:
    """Mean validation error over the tasks of the first way of learning together, at every recorded step."""
    if history.is_empty:
        return []
    arm = next(each for each in history.arms if each.together).key
    tasks = range(len(history.tasks))
    curves = [history.summary(arm, task, "validation_error").set_index("step")["mean"] for task in tasks]
    means = pd.concat(curves, axis=1).mean(axis=1).replace([np.inf, -np.inf], np.nan).dropna()
    return [float(value) for value in means]


def learners_losses(history: MetaHistory) -> list[float]:
    """Mean loss over the learners at every recorded meta-step."""
    means = history.losses().pivot_table(index="step", columns="learner", values="mean").mean(axis=1)
    return [float(value) for value in means]


def _local(moment: datetime | None) -> datetime | None:
    return moment.astimezone() if moment else None
