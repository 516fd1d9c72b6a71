"""One run in training, as the manager holds it in memory: where its stacks stand and what people want of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from mtl_core.changes import Change
from mtl_core.data.base import Dataset
from mtl_core.experiment import Unit
from mtl_core.meta.adaptation import LearnerUnit
from mtl_core.registry import InvalidInput
from mtl_core.running.kinds import Kind, kind_of
from mtl_core.running.slices import Job, Part
from mtl_core.store.journal import Saved
from mtl_core.store.records import Record, Wish

FIRST_BUDGET = 0.01
"""Seconds of a stack's first slice: little more than its first point, which somebody waits for."""
BUDGET = 0.25
"""Seconds of every other slice: the longest that a pause or a turned knob waits."""
SMALL_STATE = 1 << 20
"""Bytes up to which a state comes back from its worker after every slice; larger ones about once a second."""
KEEP_SECONDS = 1.0
RATE_WINDOW = 4.0
FORECAST_SECONDS, FORECAST_SHARE = 2.0, 0.02
"""Training time and share of the run below which a rate would be the rate of its first slices, far too slow."""


@dataclass
class Stretch:
    """Where one stack stands; `step` counts moves (see `Kind.moves`).

    `saved` is the newest state that came back; its worker may hold a newer one.
    """

    unit: Unit | LearnerUnit
    step: int = 0
    saved: Saved | None = None
    holder: str = ""
    busy: bool = False
    done: bool = False
    tries: int = 0
    pace: int = 0
    seconds: float = 0.0
    state_bytes: int = 0
    came_back: float = 0.0
    stored_step: int = 0
    stored_at: float = 0.0

    def fall_back(self) -> None:
        """To the newest state at hand; what is trained again gives the same facts, which are kept once."""
        self.holder, self.step = "", self.saved.step if self.saved else 0

    def take(self, part: Part, address: str) -> None:
        self.pace, self.step, self.done = part.step - self.step, part.step, part.done
        self.holder, self.tries, self.state_bytes = address, 0, part.state_bytes
        self.seconds += part.seconds
        if part.state is not None:
            self.saved, self.came_back = Saved(self.unit.index, part.step, part.state), time.monotonic()

    def unstored(self, *, waits: float = 0.0) -> Saved | None:
        """The newest state if the store lacks it and its last was stored at least `waits` seconds ago."""
        if self.saved is None or self.saved.step <= self.stored_step or time.monotonic() - self.stored_at < waits:
            return None
        self.stored_step, self.stored_at = self.saved.step, time.monotonic()
        return self.saved


@dataclass
class Course:
    """A run and its stacks. wanted: "run", "pause", "step" (until `goal`) or "stop"."""

    record: Record
    experiment: Wish
    stretches: list[Stretch]
    wanted: str
    goal: int = 0
    pending: dict[tuple[str, str], Any] = field(default_factory=dict)
    dataset: Dataset | None = None
    has_data: bool = False
    has_begun: bool = False
    was_trained_here: bool = True
    is_loading: bool = False
    is_ending: bool = False
    served: float = 0.0
    remark: str = ""
    diverged: dict[tuple[int, int], int] = field(default_factory=dict)
    marks: deque[tuple[float, float]] = field(default_factory=deque)

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def kind(self) -> Kind:
        return kind_of(self.experiment)

    @property
    def seconds(self) -> float:
        """Training time of all stacks."""
        return sum(each.seconds for each in self.stretches)

    @property
    def is_active(self) -> bool:
        return self.wanted in ("run", "step") and not self.is_ending

    @property
    def is_busy(self) -> bool:
        return any(each.busy for each in self.stretches)

    @property
    def has_reached_goal(self) -> bool:
        return all(each.done or each.step >= self.goal for each in self.stretches)

    @property
    def is_done(self) -> bool:
        return all(each.done for each in self.stretches)

    def next_for(self, address: str) -> Stretch | None:
        """The stack that a free worker should advance: of those furthest behind, one that it holds."""
        if not self.is_active or self.pending or not self.has_data:
            return None
        limit = self.goal if self.wanted == "step" else self.kind.moves(self.experiment) + 1
        waiting = [each for each in self.stretches if not (each.busy or each.done or each.step >= limit)]
        if not waiting:
            return None
        behind = min(each.step + each.pace for each in waiting)
        near = [each for each in waiting if each.step <= behind]
        return min(near, key=lambda each: (each.holder not in ("", address), each.step, each.unit.index))

    def job(self, stretch: Stretch, address: str, sends_data: bool) -> Job:
        """The next slice of a stack for a worker."""
        holds = stretch.holder == address and stretch.step > 0
        if not holds:
            stretch.fall_back()
        small = stretch.state_bytes <= SMALL_STATE
        return Job(
            run=self.id,
            experiment=self.experiment,
            unit=stretch.unit,
            tasks=self.record.tasks,
            fingerprint=self.record.data_fingerprint,
            step=stretch.step,
            state=None if holds or stretch.saved is None else stretch.saved.blob,
            dataset=self.dataset if sends_data else None,
            budget_seconds=FIRST_BUDGET if stretch.step == 0 else BUDGET,
            max_steps=self.goal - stretch.step if self.wanted == "step" else None,
            returns_state=small or time.monotonic() - stretch.came_back >= KEEP_SECONDS,
        )

    def want_step(self) -> None:
        """Bring every stack that is behind to the next point of the curves after the slowest one."""
        slowest = min((each.step for each, _ in self._made if not each.done), default=0)
        self.wanted, self.goal = "step", self.kind.next_point(self.experiment, slowest)

    def turn_knobs(self) -> str:
        """Apply the changes that wait, at the largest step reached; call only when nothing is in flight.

        So every stack applies them at the same step. A sentence comes back when a change can have no effect.
        """
        step = max((made for _, made in self._made), default=self.experiment.steps)
        turned, self.pending = self.pending, {}
        if step >= self.experiment.steps:
            return "a change came too late to have an effect: the first networks were already at their last step"
        try:
            for (part, knob), value in turned.items():
                self.experiment = _with(self.experiment, Change(step, part, knob, value))
        except InvalidInput as error:
            return f"a change was left out: {error}"
        return ""

    def notes_diverged(self, stretch: Stretch, part: Part) -> bool:
        """Remember networks that were stopped because a number was not finite; True if there are new ones."""
        before = len(self.diverged)
        for step, i in part.diverged:
            self.diverged.setdefault((stretch.unit.index, i), step)
        return len(self.diverged) > before

    def progress(self) -> dict[str, Any]:
        """Columns of the run: step of the slowest stack; steps a second and seconds left once they can be told.

        A stack that ended early was not quick: it does not count for the rate.
        """
        steps, moves = self.experiment.steps, self.kind.moves(self.experiment)
        reached = [moves if each.done else each.step for each in self.stretches]
        counted = [each.step for each in self.stretches if not each.done or each.step >= moves] or reached
        mean, now = sum(counted) / len(counted), time.monotonic()
        self.marks.append((now, mean))
        while now - self.marks[0][0] > RATE_WINDOW and len(self.marks) > 2:
            self.marks.popleft()
        (then, before), rate = self.marks[0], None
        is_telling = now - then >= FORECAST_SECONDS and mean >= FORECAST_SHARE * moves
        if is_telling and mean > before:
            rate = (mean - before) / (now - then)
        slowest = min((steps if each.done else made for each, made in self._made), default=steps * self.is_done)
        if rate is None:
            return {"step": slowest, "rate": None, "seconds_left": None}
        return {"step": slowest, "rate": rate * steps / moves, "seconds_left": (moves - mean) / rate}

    @property
    def _made(self) -> list[tuple[Stretch, int]]:
        """Stacks that make steps as people count them, each with those it has made."""
        pairs = ((each, self.kind.made(self.experiment, each)) for each in self.stretches)
        return [(each, made) for each, made in pairs if made is not None]

    def unstored(self, *, waits: float = 0.0) -> Iterable[Saved]:
        found = (each.unstored(waits=waits) for each in self.stretches)
        return [saved for saved in found if saved is not None]


def course_of(record: Record, saved: dict[int, Saved], finished: dict[int, int]) -> Course:
    """A run as the store knows it, ready to go on. Raises `InvalidInput` when it cannot."""
    course = Course(record, record.experiment, [Stretch(unit) for unit in record.units], "run")
    for stretch in course.stretches:
        index = stretch.unit.index
        stretch.saved = saved.get(index)
        stretch.stored_step = stretch.saved.step if stretch.saved else 0
        stretch.done = index in finished
        stretch.step = finished.get(index, stretch.stored_step)
    course.has_begun = record.started is not None
    course.was_trained_here = not course.has_begun
    if record.status == "paused":
        course.wanted = "pause"
    return course


def _with(experiment: Wish, change: Change) -> Wish:
    """A knob that was turned twice between two slices was turned once; back to where it stood, not at all."""
    spot = (change.step, change.part, change.knob)
    kept = tuple(each for each in experiment.changes if (each.step, each.part, each.knob) != spot)
    before = replace(experiment, changes=kept)
    after = before.changed(change)
    stood, stands = (each.at(change.step).parts[change.part] for each in (before, after))
    return before if stands == stood else after
