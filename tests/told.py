"""What a run said, to be held against what the engine alone says in one piece."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mtl_core.events import Event, loads
from mtl_core.experiment import Experiment, shape_for
from mtl_core.running.endings import dataset_of
from mtl_core.store import runs
from mtl_core.store.database import Database
from mtl_core.training.engine import advance, prepared_for

Told = dict[tuple[int, int, str], Event]
"""(unit, step, kind) -> event."""


def told(database: Database, run: str) -> Told:
    return _by_place(loads(text) for _, text in runs.said(database, run))


def facts(event: Event) -> dict[str, Any]:
    """What an event says about the networks; how long it took is not part of it."""
    return {key: value for key, value in event.to_json().items() if "seconds" not in key}


def uncut(experiment: Experiment) -> Told:
    """The same run in one piece, by the engine alone."""
    dataset = dataset_of(experiment.data)
    prepared, chosen = prepared_for(experiment, dataset), dataset.choose(experiment.tasks)
    events: list[Event] = []
    for unit in experiment.units(shape_for(experiment, dataset)):
        events += advance(experiment, unit, prepared, chosen.tasks, None).events
    return _by_place(events)


def assert_same(found: Told, expected: Told) -> None:
    assert found.keys() == expected.keys()
    for key, each in found.items():
        assert facts(each) == facts(expected[key]), key


def _by_place(events: Iterable[Event]) -> Told:
    return {(each.unit, getattr(each, "step", 0), each.kind): each for each in events}
