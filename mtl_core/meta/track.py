"""One learner's way through a comparison, in slices: a learner and a state go in, facts and the next state come out.

As with experiments (`training.engine`): cut anywhere, the numbers are the same bit for bit. A move is a meta-step or a
piece of a look at new tasks; provisional looks stand between meta-steps, the last one is the answer.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mtl_core import devices
from mtl_core.events import Event, Look, Measured, MetaProgress
from mtl_core.lazy import torch
from mtl_core.meta.adaptation import Adaptation, LearnerUnit, Piece
from mtl_core.meta.engine import Preparation, checked, errors_on, new_tasks
from mtl_core.meta.families import Family, Rows
from mtl_core.meta.result import Course, course
from mtl_core.training.engine import Slice, calm

WAITING = 64
"""Losses of so many meta-steps wait at most."""


@dataclass
class Track:
    """Where one learner stands.

    total [R], count: query losses since the last point; those of the last moves wait where they were computed, so that
    no meta-step waits for a card. looked: the meta-step of the last look that is complete. pieces: what the look under
    way has measured so far, errors [R, M, S + 1] each.
    """

    adaptation: Adaptation
    unit: int
    preparation: Preparation
    total: torch.Tensor
    count: int = 0
    looked: int = -1
    moves: int = 0
    done: bool = False
    pieces: list[torch.Tensor] = field(default_factory=list)
    _waiting: list[torch.Tensor] = field(default_factory=list)
    _rows: tuple[tuple[int, bool, bool], Rows] | None = None

    @classmethod
    def begin(
        cls, adaptation: Adaptation, unit: LearnerUnit, family: Family, device: torch.device | None = None
    ) -> Track:
        """family: ready to be drawn from (see `Family.ready`). device: None = the processor."""
        now = adaptation.at(0)
        preparation = Preparation.begin(now.learners[unit.index], family, now.trunk, now.budget, device)
        return cls(adaptation, unit.index, preparation, torch.zeros(now.budget.folds, dtype=torch.float64))

    def move(self) -> Event | None:
        """The next move; what there is to say after it."""
        self.moves += 1
        if self._looks_now or self.preparation.done:
            return self._measure()
        if any(change.step == self.preparation.step for change in self.adaptation.changes):
            self._put_in_force(self.preparation.step)
        self._waiting.append(self.preparation.advance())
        if len(self._waiting) == WAITING:
            self._gather()
        step, last = self.preparation.step, self.adaptation.budget.steps
        if step % self.adaptation.budget.evaluate_every and step not in (1, last):
            return None
        self._gather()
        mean = (self.total / self.count).float().numpy()
        self.total, self.count = torch.zeros_like(self.total), 0
        return MetaProgress(self.unit, step, mean)

    def _put_in_force(self, step: int) -> None:
        """The knobs as they stand at a meta-step. A look shares them with the meta-step that it follows."""
        now = self.adaptation.at(step)
        self.preparation.learner, self.preparation.budget = now.learners[self.unit], now.budget

    def _gather(self) -> None:
        """Add up the losses that wait, in double precision, which not every card knows."""
        for losses in self._waiting:
            self.total, self.count = self.total + losses.cpu().double(), self.count + 1
        self._waiting = []

    @property
    def _looks_now(self) -> bool:
        """A provisional look is due, or under way; a learner that is not prepared has one, at its start."""
        step = self.preparation.step
        is_due = step in self.adaptation.looks or not self.preparation.learner.trains
        return is_due and self.looked < step

    def _measure(self) -> Event | None:
        """The next piece of a look; its facts once all are measured."""
        n_tasks = self.adaptation.look_tasks if self._looks_now else self.adaptation.budget.unseen
        plan = tuple(self.adaptation.pieces(n_tasks))
        piece = plan[len(self.pieces)]
        part, steps = slice(piece.first, piece.last), self.adaptation.adapt_steps
        found = errors_on(self.preparation, self._drawn(piece, n_tasks), part, piece.shots, steps)
        self.pieces.append(torch.from_numpy(np.ascontiguousarray(found)))
        return self._looked(plan, n_tasks) if len(self.pieces) == len(plan) else None

    def _drawn(self, piece: Piece, n_tasks: int) -> Rows:
        key = (piece.shots, piece.unseen, self._looks_now)
        if self._rows is None or self._rows[0] != key:
            asked = self.adaptation.look_rows if self._looks_now else self.adaptation.budget.asked
            self._rows = key, new_tasks(self.preparation, piece.shots, n_tasks, piece.unseen, asked)
        return self._rows[1]

    def _looked(self, plan: tuple[Piece, ...], n_tasks: int) -> Event:
        courses = {str(shots): self._course(plan, shots) for shots in self.adaptation.shots}
        facts = {shots: each.errors for shots, each in courses.items()}, {k: each.best for k, each in courses.items()}
        word, self.pieces = (Look if self._looks_now else Measured), []
        self.done, self.looked = word is Measured, self.preparation.step
        return word(self.unit, self.preparation.step, n_tasks, *facts)

    def _course(self, plan: tuple[Piece, ...], shots: int) -> Course:
        def joined(unseen: bool) -> NDArray[np.float64]:
            parts = [
                part
                for each, part in zip(plan, self.pieces, strict=True)
                if (each.shots, each.unseen) == (shots, unseen)
            ]
            return checked(np.asarray(torch.cat(parts, 1).numpy()), shots)

        return course(joined(True), joined(False))

    # --- to bytes and back ----------------------------------------------------------------------------------
    def dump(self) -> bytes:
        self._gather()
        buffer, mine = io.BytesIO(), {name: getattr(self, name) for name in _KEPT}
        torch.save({**mine, "preparation": self.preparation.dump()}, buffer)
        return buffer.getvalue()

    def load(self, raw: bytes) -> None:
        state = torch.load(io.BytesIO(raw), weights_only=True)
        self.preparation.load(state["preparation"])
        for name in _KEPT:
            setattr(self, name, state[name])
        self._put_in_force(max(self.preparation.step - 1, 0))


_KEPT = ("total", "count", "looked", "moves", "done", "pieces")


def advance(
    adaptation: Adaptation,
    unit: LearnerUnit,
    family: Family,
    state: bytes | None,
    *,
    budget_seconds: float | None = None,
    max_steps: int | None = None,
    device: torch.device | None = None,
) -> Slice:
    """Go on for a while: until done, the time is up, or `max_steps` moves are made; one move at least.

    device: where; None is what the budget says. Raises `InvalidInput` when this machine does not have it.
    """
    begun = time.perf_counter()
    calm()
    try:
        track = Track.begin(adaptation, unit, family, device or devices.pick(adaptation.budget.device))
        if state is not None:
            track.load(state)
        events, first = list[Event](), track.moves
        while not track.done:
            if (said := track.move()) is not None:
                events.append(said)
            if max_steps is not None and track.moves - first >= max_steps:
                break
            if budget_seconds is not None and time.perf_counter() - begun >= budget_seconds:
                break
    finally:
        torch.set_flush_denormal(False)
    return Slice(track.dump(), tuple(events), track.moves, track.done, time.perf_counter() - begun)
