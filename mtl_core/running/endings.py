"""What takes longer than a look: reading a run's data, and working out its verdict. Done aside of the manager."""

from __future__ import annotations

import logging
from functools import lru_cache

from mtl_core.data.base import Dataset, Source
from mtl_core.evaluation.compare import compare
from mtl_core.evaluation.history import History
from mtl_core.events import loads
from mtl_core.experiment import Experiment
from mtl_core.registry import InvalidInput
from mtl_core.store import runs
from mtl_core.store.database import Database
from mtl_core.store.records import RunRecord

log = logging.getLogger(__name__)


@lru_cache(maxsize=4)
def dataset_of(source: Source) -> Dataset:
    """The data of a source, kept for the next run on it."""
    return source.load()


def load(record: RunRecord) -> Dataset:
    """The data that a run was handed in with. Raises `InvalidInput` when it is gone or has changed."""
    dataset = dataset_of(record.experiment.data)
    if dataset.fingerprint != record.data_fingerprint:
        dataset_of.cache_clear()
        dataset = dataset_of(record.experiment.data)
    if dataset.fingerprint != record.data_fingerprint:
        raise InvalidInput(f"the data {record.data_title!r} has changed since this run was handed in; start a new run")
    return dataset


def history_of(database: Database, record: RunRecord, experiment: Experiment) -> History:
    """Everything a run has said so far."""
    history = History(experiment, record.tasks, record.shape)
    history.add(loads(text) for _, text in runs.said(database, record.id))
    return history


def verdict(
    database: Database, record: RunRecord, experiment: Experiment, dataset: Dataset | None, finished: bool
) -> str | None:
    """The comparison as JSON text; None when nothing is there to compare."""
    history = history_of(database, record, experiment)
    if history.is_empty:
        return None
    return runs.dumps(compare(history, dataset, finished=finished).to_json())
