"""What differs between kinds of runs: how one is worked on, and what is made of it in the end.

Queue, commands, store, recovery and fairness are the same for all. A further kind is a class here, its line in KINDS,
and its wish and record in `store/records.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mtl_core.data.base import Dataset
from mtl_core.evaluation.compare import compare
from mtl_core.evaluation.history import History
from mtl_core.events import Event, MetaProgress, Progress
from mtl_core.experiment import Experiment, shape_for
from mtl_core.meta.adaptation import Adaptation
from mtl_core.running import words
from mtl_core.running.speed import Speed
from mtl_core.store.records import AdaptationRecord, Record, RunRecord, Wish
from mtl_core.store.runs import Facts

if TYPE_CHECKING:
    from mtl_core.running.course import Course, Stretch
    from mtl_core.running.slices import Job
    from mtl_core.training.engine import Slice

DataKey = tuple[object, ...]
Diverged = Mapping[tuple[int, int], int]
"""(unit, replica's index) -> step at which a number was no longer finite."""


class Kind(Protocol):
    """How runs of one kind are worked on. On a worker: prepare, advance; beside the store: all else."""

    def facts(self, experiment: Any, dataset: Dataset | None) -> Facts:
        """What the store keeps about the data. Raises `InvalidInput` where the experiment does not fit them."""
        ...

    def data_key(self, experiment: Any, fingerprint: str) -> DataKey:
        """Two experiments with the same key are worked on with the same prepared data."""
        ...

    def prepare(self, experiment: Any, dataset: Dataset | None) -> Any:
        """What every slice reads."""
        ...

    def advance(self, job: Job, prepared: Any, state: bytes | None) -> Slice: ...

    def moves(self, experiment: Any) -> int:
        """Moves of a stack from its start to its end. A slice is cut between two moves, and counts them."""
        ...

    def made(self, experiment: Any, stretch: Stretch) -> int | None:
        """Steps, as people count them, that a stack has made; None for one that makes none."""
        ...

    def next_point(self, experiment: Any, moves: int) -> int:
        """Moves up to the next point of the curves."""
        ...

    def diverged_in(self, event: Event) -> Sequence[int]:
        """Replicas whose numbers are not finite, as this event says."""
        ...

    def diverged_words(self, record: Any, experiment: Any, found: Diverged) -> list[str]:
        """One sentence for each way of learning."""
        ...

    def verdict(
        self, record: Any, experiment: Any, events: Sequence[Event], dataset: Dataset | None, finished: bool
    ) -> dict[str, Any] | None:
        """What is kept as the run's answer, as JSON; None where its events say all."""
        ...

    def corrected(self, speed: Speed, course: Course) -> Speed:
        """What a finished run teaches about this machine."""
        ...


class Training:
    """Tasks learned together and alone."""

    def facts(self, experiment: Experiment, dataset: Dataset | None) -> Facts:
        assert dataset is not None
        shape = shape_for(experiment, dataset)
        experiment.units(shape)
        tasks = dataset.choose(experiment.tasks).tasks
        return Facts(tasks, shape.inputs, dataset.title, dataset.fingerprint)

    def data_key(self, experiment: Experiment, fingerprint: str) -> DataKey:
        plan = experiment.plan
        drawn = experiment.data if plan.new_data else None
        return (fingerprint, experiment.tasks, plan.folds, plan.seed, drawn, experiment.training.scale_targets)

    def prepare(self, experiment: Experiment, dataset: Dataset | None) -> Any:
        from mtl_core.training.engine import prepared_for

        assert dataset is not None
        return prepared_for(experiment, dataset)

    def advance(self, job: Job, prepared: Any, state: bytes | None) -> Slice:
        from mtl_core.training.engine import advance

        limits: dict[str, Any] = {"budget_seconds": job.budget_seconds, "max_steps": job.max_steps}
        return advance(job.experiment, job.unit, prepared, job.tasks, state, **limits)  # type: ignore[arg-type]

    def moves(self, experiment: Experiment) -> int:
        return experiment.steps

    def made(self, experiment: Experiment, stretch: Stretch) -> int:
        return stretch.step

    def next_point(self, experiment: Experiment, moves: int) -> int:
        every = experiment.training.evaluate_every
        return (moves // every + 1) * every

    def diverged_in(self, event: Event) -> Sequence[int]:
        return [int(i) for i in np.flatnonzero(event.diverged)] if isinstance(event, Progress) else []

    def diverged_words(self, record: RunRecord, experiment: Experiment, found: Diverged) -> list[str]:
        return words.diverged(experiment, record.shape, found)

    def verdict(
        self,
        record: RunRecord,
        experiment: Experiment,
        events: Sequence[Event],
        dataset: Dataset | None,
        finished: bool,
    ) -> dict[str, Any] | None:
        history = History(experiment, record.tasks, record.shape)
        history.add(events)
        return None if history.is_empty else compare(history, dataset, finished=finished).to_json()

    def corrected(self, speed: Speed, course: Course) -> Speed:
        assert course.dataset is not None
        assert isinstance(course.record, RunRecord)
        assert isinstance(course.experiment, Experiment)
        return speed.corrected(course.experiment, course.record.units, course.dataset.n_rows, course.seconds)


class Adapting:
    """Learners that are prepared on many tasks and measured on new ones."""

    def facts(self, experiment: Adaptation, dataset: Dataset | None) -> Facts:
        if dataset is None:
            return Facts((), 0, experiment.family.title, "")
        experiment.family.check(dataset, experiment.budget.folds)
        return Facts((), 0, dataset.title, dataset.fingerprint)

    def data_key(self, experiment: Adaptation, fingerprint: str) -> DataKey:
        return (fingerprint, experiment.family, experiment.budget.folds, experiment.budget.seed)

    def prepare(self, experiment: Adaptation, dataset: Dataset | None) -> Any:
        return experiment.family.ready(dataset, experiment.budget.folds, experiment.budget.seed)

    def advance(self, job: Job, prepared: Any, state: bytes | None) -> Slice:
        from mtl_core.meta.track import advance

        limits: dict[str, Any] = {"budget_seconds": job.budget_seconds, "max_steps": job.max_steps}
        return advance(job.experiment, job.unit, prepared, state, **limits)  # type: ignore[arg-type]

    def moves(self, experiment: Adaptation) -> int:
        return experiment.moves

    def made(self, experiment: Adaptation, stretch: Stretch) -> int | None:
        if not experiment.learners[stretch.unit.index].trains:
            return None
        return experiment.steps if stretch.done else experiment.meta_steps(stretch.step)

    def next_point(self, experiment: Adaptation, moves: int) -> int:
        return experiment.next_point(moves)

    def diverged_in(self, event: Event) -> Sequence[int]:
        return [int(i) for i in np.flatnonzero(~np.isfinite(event.loss))] if isinstance(event, MetaProgress) else []

    def diverged_words(self, record: AdaptationRecord, experiment: Adaptation, found: Diverged) -> list[str]:
        return words.diverged_learners(experiment, found)

    def verdict(
        self,
        record: AdaptationRecord,
        experiment: Adaptation,
        events: Sequence[Event],
        dataset: Dataset | None,
        finished: bool,
    ) -> dict[str, Any] | None:
        return None

    def corrected(self, speed: Speed, course: Course) -> Speed:
        assert isinstance(course.experiment, Adaptation)
        return speed.learned(course.experiment, [each.seconds for each in course.stretches])


KINDS: dict[str, Kind] = {Experiment.kind: Training(), Adaptation.kind: Adapting()}


def kind_of(asked: Wish | Record) -> Kind:
    """How this wish, or this run, is worked on."""
    return KINDS[asked.experiment.kind if isinstance(asked, Record) else asked.kind]
