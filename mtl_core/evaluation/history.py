"""What a run has said so far: events go in, curves and scores come out.

Sizes: S recorded steps, n networks (folds x initialisations), T tasks. A number that is not known, or that belongs
to a task which a network does not learn, is NaN here; exports and verdicts leave it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.evaluation.record import INSIDE, Record
from mtl_core.evaluation.spread import PAIRS, magnitude_similarity, spread, table
from mtl_core.events import Event
from mtl_core.experiment import Arm, Experiment, Unit
from mtl_core.models.base import Shape
from mtl_core.tasks import TaskSpec

Doubles = NDArray[np.float64]
Steps = NDArray[np.int64]

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Place:
    """Where networks of one arm that learn one task stand: a unit and, in it, their positions, folds and inits."""

    unit: int
    positions: NDArray[np.intp]
    folds: NDArray[np.intp]
    inits: NDArray[np.intp]


class History:
    """Folds events into arrays as they come; adding one twice changes nothing.

    arms, units: as the experiment plans them. records: one for each unit. places: for each (arm, task index), where
    its networks stand.
    """

    def __init__(self, experiment: Experiment, tasks: tuple[TaskSpec, ...], shape: Shape) -> None:
        self.experiment = experiment
        self.tasks = tasks
        self.shape = shape
        self.arms: tuple[Arm, ...] = experiment.arms(shape)
        self.units: tuple[Unit, ...] = experiment.units(shape)
        self.records = tuple(Record() for _ in self.units)
        self.places = _places(self.units)

    def add(self, events: Iterable[Event]) -> None:
        for event in events:
            self.records[event.unit].add(event)

    @property
    def is_empty(self) -> bool:
        """True before the first point of a curve."""
        return not any(record.count for record in self.records)

    def arm(self, key: str) -> Arm:
        return next(arm for arm in self.arms if arm.key == key)

    # --- curves ---------------------------------------------------------------------------------------------
    def summary(self, arm: str, task: int, quantity: str) -> pd.DataFrame:
        """A curve over folds and initialisations: step, mean, low, high, n (networks in that mean).

        quantity: "train" or "validation" (mean losses), or "validation_error" (the task's metric). A network that
        diverged leaves the curve there.
        """
        return spread(*self._curves(arm, task, quantity, (task,)))

    def weights(self, arm: str) -> pd.DataFrame:
        """Loss weights in force: step, task (its index), mean, low, high, n."""
        return table([self.summary(arm, t, "weights").assign(task=t) for t in range(len(self.tasks))], ("task",))

    def cosine(self, arm: str) -> pd.DataFrame:
        """Cosines of two tasks' gradients on the shared parameters: step, a, b, mean, low, high, n.

        a < b are indices of tasks. Empty for networks alone and for sharing types without shared parameters.
        """
        parts = [
            spread(*self._curves(arm, a, "cosine", (a, b))).assign(a=a, b=b)
            for a, b in combinations(range(len(self.tasks)), 2)
        ]
        return table(parts, PAIRS)

    def gradient_norms(self, arm: str) -> pd.DataFrame:
        """Lengths of the tasks' gradients on the shared parameters: step, task, mean, low, high, n; empty as above."""
        tasks = range(len(self.tasks))
        return table([spread(*self._curves(arm, t, "gradient_norm", (t,))).assign(task=t) for t in tasks], ("task",))

    def magnitude_similarity(self, arm: str) -> pd.DataFrame:
        """How alike in length two tasks' gradients are, from 0 to 1: step, a, b, mean, low, high, n."""
        parts = []
        for a, b in combinations(range(len(self.tasks)), 2):
            steps, lengths = self._curves(arm, a, "gradient_norm", ())
            if lengths.size:
                lengths = magnitude_similarity(lengths[..., a], lengths[..., b])
            parts.append(spread(steps, lengths).assign(a=a, b=b))
        return table(parts, PAIRS)

    def inside(self, arm: str, *, last: bool = False) -> pd.DataFrame:
        """What a sharing type shows of itself: step, name, row, column, mean, low, high, n.

        Gate shares, stitch matrices and the like, as `Progress.inside` has them. last: only the last step.
        """
        names = dict.fromkeys(
            name for place in self.places.get((arm, 0), ()) for name in self.records[place.unit].shown
        )
        parts = []
        for name in names:
            steps, values = self._curves(arm, 0, name, ())  # [S, n, rows, columns]
            if last:
                steps, values = steps[-1:], values[-1:]
            cells = np.moveaxis(values, 1, -1)  # [S, rows, columns, n]
            at = np.stack(np.unravel_index(np.arange(cells[..., 0].size), cells.shape[:-1]), 1)
            found = spread(np.arange(len(at)), cells.reshape(len(at), -1))
            where = at[found["step"]]
            found = found.assign(step=steps[where[:, 0]], row=where[:, 1], column=where[:, 2])
            parts.append(found.assign(name=name.removeprefix(INSIDE)))
        return table(parts, ("name", "row", "column"))

    # --- scores of single networks --------------------------------------------------------------------------
    def reached(self, arm: str) -> Steps:
        """How far each network has come, [folds, inits, T]: its last recorded step, a huge number once it is done."""
        return self._scatter(arm, self._reached_by, -1)

    def test_errors(self, arm: str, until: Steps | None = None) -> Doubles:
        """Each task's error on the test rows at the best validation step so far, [folds, inits, T].

        NaN where it is not yet known and where the network diverged. until [folds, inits, T]: the last step that
        counts, so that networks which are not equally far can be compared at the same step.
        """
        limit = np.full(self._size, NEVER) if until is None else until
        return self._scatter(arm, lambda place, task: self._errors_at(place, task, limit), np.nan)

    def scores(self, arm: str, metric: str) -> Doubles:
        """A metric on the test rows once the networks are done, [folds, inits, T]; NaN where it does not apply."""
        return self._scatter(arm, lambda place, task: self._score(place, task, metric), np.nan)

    def seconds(self, arm: str) -> float:
        """Training time of an arm: its share, by number of networks, of the time of the stacks it stands in."""
        shares = [np.mean([replica.arm == arm for replica in unit.replicas]) for unit in self.units]
        return float(sum(share * record.seconds for share, record in zip(shares, self.records, strict=True)))

    def predict_seconds(self, arm: str) -> float | None:
        """Time to predict all tasks of one row: one pass together, one for each task alone; None before the end."""
        units = {place.unit for t in range(len(self.tasks)) for place in self.places.get((arm, t), ())}
        known = [record.finished.predict_seconds for i in units if (record := self.records[i]).finished]
        passes = 1 if self.arm(arm).together else len(self.tasks)
        return float(np.mean(known)) * passes if known else None

    def diverged(self) -> list[tuple[str, int, int, int]]:
        """Networks that were stopped because a number was not finite: (arm, fold, init, step)."""
        found = []
        for unit, record in zip(self.units, self.records, strict=True):
            if not record.count:
                continue
            steps, (flags,) = record.read("diverged")
            for i in np.flatnonzero(flags.any(0)):
                replica = unit.replicas[i]
                found.append((replica.arm, replica.fold, replica.init, int(steps[flags[:, i].argmax()])))
        return found

    def frame(self) -> pd.DataFrame:
        """Every known number, one a row; see `tidy`."""
        from mtl_core.evaluation.tidy import tidy

        return tidy(self)

    # --- inside ---------------------------------------------------------------------------------------------
    @property
    def _size(self) -> tuple[int, int, int]:
        return self.experiment.plan.folds, self.experiment.plan.inits, len(self.tasks)

    def _curves(self, arm: str, task: int, name: str, index: tuple[int, ...]) -> tuple[Steps, Doubles]:
        """Steps [S] and every network's values [S, n, ...]; index picks the task, the pair of tasks, or () all."""
        read = [(place, *self.records[place.unit].read(name, "diverged")) for place in self.places.get((arm, task), ())]
        read = [(place, own, values) for place, own, values in read if values[0].size]
        if not read:
            return np.zeros(0, np.int64), np.zeros((0, 0))
        steps = np.unique(np.concatenate([own for _, own, _ in read]))
        columns = []
        for place, own, (values, diverged) in read:
            chosen: Any = (slice(None), place.positions, *index)
            found = values[chosen].astype(float)
            found[diverged[:, place.positions]] = np.nan
            block = np.full((len(steps), *found.shape[1:]), np.nan)
            block[np.searchsorted(steps, own)] = found
            if self.records[place.unit].finished:  # ended early: its last point stays
                block[steps > own[-1]] = block[np.searchsorted(steps, own[-1])]
            columns.append(block)
        return steps, np.concatenate(columns, 1)

    def _scatter(self, arm: str, pick: Callable[[Place, int], Any], fill: float) -> NDArray[Any]:
        """What `pick` finds for each network and task, at its place in [folds, inits, T]."""
        out = np.full(self._size, fill)
        for task in range(len(self.tasks)):
            for place in self.places.get((arm, task), ()):
                if self.records[place.unit].count:
                    out[place.folds, place.inits, task] = pick(place, task)
        return out

    def _reached_by(self, place: Place, task: int) -> int:
        record = self.records[place.unit]
        return int(NEVER) if record.finished else record.last_step

    def _errors_at(self, place: Place, task: int, limit: Steps) -> Doubles:
        steps, (errors, diverged) = self.records[place.unit].read("test_error", "diverged")
        rows = np.searchsorted(steps, limit[place.folds, place.inits, task], side="right") - 1
        values = errors[rows, place.positions, task].astype(float)
        unusable = (rows < 0) | diverged[rows, place.positions] | ~np.isfinite(values)
        return np.where(unusable, np.nan, values)

    def _score(self, place: Place, task: int, metric: str) -> Doubles:
        finished = self.records[place.unit].finished
        if finished is None or metric not in finished.scores:
            return np.full(len(place.positions), np.nan)
        return np.asarray(finished.scores[metric][place.positions, task], float)


def _places(units: tuple[Unit, ...]) -> dict[tuple[str, int], tuple[Place, ...]]:
    found: dict[tuple[str, int], list[Place]] = {}
    for unit in units:
        members: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
        for i, replica in enumerate(unit.replicas):
            for task in replica.tasks:
                members.setdefault((replica.arm, task), []).append((i, replica.fold, replica.init))
        for key, rows in members.items():
            found.setdefault(key, []).append(Place(unit.index, *np.asarray(rows, np.intp).T))
    return {key: tuple(places) for key, places in found.items()}


__all__ = ["NEVER", "History", "Place"]
