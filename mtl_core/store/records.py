"""One run as people see it, read from its row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import RowMapping

import mtl_core.data
import mtl_core.models
import mtl_core.weighting  # noqa: F401 - the methods that an experiment's JSON names are registered by these imports
from mtl_core.experiment import Experiment
from mtl_core.models.base import Shape
from mtl_core.tasks import TaskSpec

STATUSES = ("queued", "running", "paused", "finished", "stopped", "failed")
ENDED = ("finished", "stopped", "failed")


@dataclass(frozen=True)
class RunRecord:
    """A run and how far it is.

    step: of the slowest stack, out of `steps`. position: place in the queue from 1, None once it has begun.
    steps_per_second, seconds_left: None when not running, or when just begun. diverged: sentences that name networks
    which were stopped because a number was not finite. inputs: encoded inputs of every network.
    """

    id: str
    name: str
    note: str
    status: str
    message: str
    experiment: Experiment
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
    def shape(self) -> Shape:
        """What every network of this run fits."""
        return Shape(
            self.inputs,
            tuple(task.n_outputs for task in self.tasks),
            self.experiment.trunk,
            self.experiment.data.image_shape,
        )

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


def record(row: RowMapping | Mapping[str, Any], position: int | None) -> RunRecord:
    """A row of the table `runs`. Raises `InvalidInput` when its experiment is not understood (any more)."""
    experiment = parse_experiment(row["experiment"])
    running = row["status"] == "running"
    return RunRecord(
        **{name: row[name] for name in _PLAIN},
        experiment=experiment,
        tasks=parse_tasks(row["tasks"]),
        **{name: _time(row[name]) for name in ("created", "started", "ended")},  # type: ignore[arg-type]
        steps=experiment.training.steps,
        position=position,
        steps_per_second=row["rate"] if running else None,
        seconds_left=row["seconds_left"] if running else None,
        diverged=tuple(json.loads(row["diverged"])),
    )


@lru_cache(maxsize=512)
def parse_experiment(text: str) -> Experiment:
    return Experiment.from_json(json.loads(text))


@lru_cache(maxsize=512)
def parse_tasks(text: str) -> tuple[TaskSpec, ...]:
    return tuple(TaskSpec.from_json(each) for each in json.loads(text))


_PLAIN = ("id", "name", "note", "status", "message", "inputs", "data_title", "data_fingerprint", "step")


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
