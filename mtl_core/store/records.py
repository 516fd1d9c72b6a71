"""One run as people see it, read from its row. A run is of a kind; what all kinds have in common is a `Record`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import RowMapping

import mtl_core.data
import mtl_core.meta
import mtl_core.models
import mtl_core.weighting  # noqa: F401 - the methods that an experiment's JSON names are registered by these imports
from mtl_core.experiment import Experiment, Unit
from mtl_core.meta.adaptation import Adaptation, LearnerUnit
from mtl_core.models.base import Shape
from mtl_core.registry import InvalidInput
from mtl_core.tasks import TaskSpec

STATUSES = ("queued", "running", "paused", "finished", "stopped", "failed")
ENDED = ("finished", "stopped", "failed")


Wish = Experiment | Adaptation
"""What can be handed in: whole and immutable, with `kind`, `data`, `steps`, `changes`, `to_json` and `from_json`."""


@dataclass(frozen=True)
class Record:
    """A run of any kind and how far it is.

    step: of the slowest stack, out of `steps`. position: place in the queue from 1, None once it has begun.
    steps_per_second, seconds_left: None when not running, or when just begun. diverged: sentences that name networks
    which were stopped because a number was not finite. tasks, inputs: the tasks of every network and its encoded
    inputs; none and 0 where learners meet ever new tasks.
    """

    id: str
    name: str
    note: str
    status: str
    message: str
    experiment: Wish
    tasks: tuple[TaskSpec, ...]
    inputs: int
    data_title: str
    data_fingerprint: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    step: int
    steps: int
    position: int | None
    steps_per_second: float | None
    seconds_left: float | None
    diverged: tuple[str, ...]

    @property
    def units(self) -> tuple[Unit, ...] | tuple[LearnerUnit, ...]:
        """The stacks that workers advance."""
        raise NotImplementedError

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True)
class RunRecord(Record):
    """A run that learns tasks together and alone."""

    experiment: Experiment

    @property
    def units(self) -> tuple[Unit, ...]:
        return self.experiment.units(self.shape)

    @property
    def shape(self) -> Shape:
        """What every network of this run fits."""
        return Shape(
            self.inputs,
            tuple(task.n_outputs for task in self.tasks),
            self.experiment.trunk,
            self.experiment.data.image_shape,
        )


@dataclass(frozen=True)
class AdaptationRecord(Record):
    """A run that prepares learners on many tasks and measures them on new ones."""

    experiment: Adaptation

    @property
    def units(self) -> tuple[LearnerUnit, ...]:
        return self.experiment.units


KINDS: dict[str, tuple[type[Experiment] | type[Adaptation], Callable[..., Record]]] = {
    Experiment.kind: (Experiment, RunRecord),
    Adaptation.kind: (Adaptation, AdaptationRecord),
}
"""Kind of run -> what is handed in, and its record."""


def record(row: RowMapping | Mapping[str, Any], position: int | None) -> Record:
    """A row of the table `runs`. Raises `InvalidInput` when what was handed in is not understood (any more)."""
    if row["kind"] not in KINDS:
        raise InvalidInput(f"this run is of a kind {row['kind']!r} that this version does not know; update first")
    experiment = parse_wish(row["kind"], row["experiment"])
    running = row["status"] == "running"
    return KINDS[row["kind"]][1](
        **{name: row[name] for name in _PLAIN},
        experiment=experiment,
        tasks=parse_tasks(row["tasks"]),
        **{name: _time(row[name]) for name in ("created", "started", "ended")},
        step=min(row["step"], experiment.steps),  # of learners, older versions counted the pieces of looks as well
        steps=experiment.steps,
        position=position,
        steps_per_second=row["rate"] if running else None,
        seconds_left=row["seconds_left"] if running else None,
        diverged=tuple(json.loads(row["diverged"])),
    )


@lru_cache(maxsize=512)
def parse_wish(kind: str, text: str) -> Wish:
    return KINDS[kind][0].from_json(json.loads(text))


@lru_cache(maxsize=512)
def parse_tasks(text: str) -> tuple[TaskSpec, ...]:
    return tuple(TaskSpec.from_json(each) for each in json.loads(text))


_PLAIN = ("id", "name", "note", "status", "message", "inputs", "data_title", "data_fingerprint")


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
