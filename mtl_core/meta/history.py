"""What a comparison of learners has said so far: events go in, curves and errors come out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.evaluation.spread import spread
from mtl_core.events import Event, Look, Measured, MetaProgress
from mtl_core.meta.adaptation import Adaptation
from mtl_core.meta.result import Course, Found

TIDY = ("learner", "replica", "meta_step", "labels", "step", "quantity", "value")


class MetaHistory:
    """Folds events into curves as they come; adding one twice changes nothing."""

    def __init__(self, adaptation: Adaptation) -> None:
        self.experiment = adaptation
        self._losses: dict[tuple[int, int], MetaProgress] = {}
        self._looks: dict[tuple[int, int], Look] = {}
        self._measured: dict[int, Measured] = {}

    def add(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Measured):
                self._measured[event.unit] = event
            elif isinstance(event, Look):
                self._looks[event.unit, event.step] = event
            elif isinstance(event, MetaProgress):
                self._losses[event.unit, event.step] = event

    # --- how far --------------------------------------------------------------------------------------------
    @property
    def is_empty(self) -> bool:
        """True before the first point of a curve."""
        return not self._losses and self.looked is None

    @property
    def is_final(self) -> bool:
        """Every learner has been measured on all unseen tasks."""
        return len(self._measured) == len(self.experiment.learners)

    @property
    def meta_step(self) -> int:
        """Meta-steps that every learner has made, as far as they have told."""
        reached = [self._reached(i) for i, each in enumerate(self.experiment.learners) if each.trains]
        return min(reached, default=self.experiment.budget.steps)

    @property
    def looked(self) -> int | None:
        """Meta-step of the last look that all learners had: there they are compared. None before the first."""
        units = range(len(self.experiment.learners))
        common = [step for step in self.experiment.looks if all(self._look(unit, step) for unit in units)]
        return self.experiment.budget.steps if self.is_final else max(common, default=None)

    @property
    def tasks(self) -> int:
        """Unseen tasks of each replica that `found` rests on, at most."""
        return self.experiment.budget.unseen if self.is_final else self.experiment.look_tasks

    # --- what came out --------------------------------------------------------------------------------------
    def losses(self) -> pd.DataFrame:
        """Query losses while learners are prepared: learner, step, mean, low, high, n (over the replicas)."""
        parts = []
        for unit, learner in enumerate(self.experiment.learners):
            steps, values = self._curve(unit)
            parts.append(spread(steps, values).assign(learner=learner.name))
        return pd.concat(parts, ignore_index=True)[["learner", "step", "mean", "low", "high", "n"]]

    def found(self) -> Found:
        """Errors on new tasks: the answer once all are measured, else of the last look that all have had."""
        if self.is_final:
            chosen: list[Look] = [self._measured[unit] for unit in sorted(self._measured)]
        elif self.looked is not None:
            looks = [self._look(unit, self.looked) for unit in range(len(self.experiment.learners))]
            chosen = [each for each in looks if each is not None]
        else:
            chosen = []
        return {
            (self.experiment.learners[look.unit].name, int(shots)): Course(look.errors[shots], look.best[shots])
            for look in chosen
            for shots in look.errors
        }

    def frame(self) -> pd.DataFrame:
        """Every known number, one a row: learner, replica, meta_step, labels, step, quantity, value.

        quantity: "loss" (query loss while learning), "provisional error" and "error" (on unseen tasks, after `step`
        steps on so many labels), "best step". labels and step are -1 where they do not apply.
        """
        losses = self._losses.values()
        parts = [_rows(self._name(each.unit), each.step, -1, -1, "loss", each.loss) for each in losses]
        for look in [*self._looks.values(), *self._measured.values()]:
            word = "error" if isinstance(look, Measured) else "provisional error"
            for shots, errors in look.errors.items():
                where = self._name(look.unit), look.step, int(shots)
                parts += [_rows(*where, step, word, column) for step, column in enumerate(errors.T)]
                parts.append(_rows(*where, -1, f"best step ({word})", look.best[shots]))
        table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(TIDY))
        known = table[np.isfinite(table["value"].astype(float))]
        return known.sort_values(["learner", "quantity", "labels", "meta_step", "step", "replica"], ignore_index=True)

    # --- inside ---------------------------------------------------------------------------------------------
    def _name(self, unit: int) -> str:
        return self.experiment.learners[unit].name

    def _reached(self, unit: int) -> int:
        return max((step for number, step in self._losses if number == unit), default=0)

    def _look(self, unit: int, step: int) -> Look | None:
        """A learner that is not prepared is the same at every meta-step."""
        at = step if self.experiment.learners[unit].trains else 0
        return self._looks.get((unit, at))

    def _curve(self, unit: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps [S] and losses [S, R]."""
        found = {step: each.loss for (number, step), each in self._losses.items() if number == unit}
        mine = [(step, found[step]) for step in sorted(found)]
        steps = np.array([step for step, _ in mine], np.int64)
        return steps, np.array([loss for _, loss in mine], float).reshape(len(mine), self.experiment.budget.folds)


def _rows(
    learner: str, meta_step: int, labels: int, step: int, quantity: str, values: NDArray[np.generic]
) -> pd.DataFrame:
    where = {"learner": learner, "replica": range(len(values)), "meta_step": meta_step, "labels": labels, "step": step}
    return pd.DataFrame({**where, "quantity": quantity, "value": np.asarray(values, float)})
