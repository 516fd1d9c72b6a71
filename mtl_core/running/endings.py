"""What takes longer than a look: reading a run's data, and working out its verdict. Done aside of the manager."""

from __future__ import annotations

import logging
from functools import lru_cache

from mtl_core.data.base import Dataset, Source
from mtl_core.events import loads
from mtl_core.registry import InvalidInput
from mtl_core.running.kinds import kind_of
from mtl_core.store import runs
from mtl_core.store.database import Database
from mtl_core.store.records import Record, Wish

log = logging.getLogger(__name__)


@lru_cache(maxsize=4)
def dataset_of(source: Source) -> Dataset:
    """The data of a source, kept for the next run on it."""
    return source.load()


def load(record: Record) -> Dataset | None:
    """The data that a run was handed in with, if it has any. Raises `InvalidInput` when it is gone or has changed."""
    source = record.experiment.data
    if source is None:
        return None
    dataset = dataset_of(source)
    if dataset.fingerprint != record.data_fingerprint:
        dataset_of.cache_clear()
        dataset = dataset_of(source)
    if dataset.fingerprint != record.data_fingerprint:
        raise InvalidInput(f"the data {record.data_title!r} has changed since this run was handed in; start a new run")
    return dataset


def verdict(
    database: Database, record: Record, experiment: Wish, dataset: Dataset | None, finished: bool
) -> str | None:
    """The answer as JSON text; None when there is nothing to answer, or when the events say all."""
    events = [loads(text) for _, text in runs.said(database, record.id)]
    found = kind_of(experiment).verdict(record, experiment, events, dataset, finished)
    return None if found is None else runs.dumps(found)
