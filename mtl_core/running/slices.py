"""The work of a worker: one slice of one stack, as a function of what it is given.

A worker remembers prepared data and the last state of each stack, so that these travel only when they must:
a job without them is answered with `Missing`, and is sent again with them. Nothing else is kept, so a worker
can vanish at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mtl_core.data.base import Dataset
from mtl_core.events import Event, dumps
from mtl_core.experiment import Unit
from mtl_core.meta.adaptation import LearnerUnit
from mtl_core.running.caches import ByteLimited
from mtl_core.running.kinds import DataKey, Kind, kind_of
from mtl_core.running.speed import clock
from mtl_core.store.journal import Fact
from mtl_core.store.records import Wish
from mtl_core.tasks import TaskSpec

_prepared: ByteLimited[DataKey, Any] = ByteLimited(512 << 20)
_states: ByteLimited[tuple[str, int], tuple[int, bytes]] = ByteLimited(256 << 20)


@dataclass(frozen=True)
class Job:
    """One slice. `state` and `dataset` are None where the worker is believed to have them, or where there are none.

    step: where the stack stands. returns_state: the state is wanted back, not only kept by the worker.
    """

    run: str
    experiment: Wish
    unit: Unit | LearnerUnit
    tasks: tuple[TaskSpec, ...]
    fingerprint: str
    step: int
    state: bytes | None
    dataset: Dataset | None
    budget_seconds: float | None
    max_steps: int | None
    returns_state: bool

    @property
    def data_key(self) -> DataKey:
        return data_key(self.experiment, self.fingerprint)


@dataclass(frozen=True)
class Part:
    """What a slice gave: facts ready to be written, and the next state where it was wanted.

    seconds: time that training took, or would have taken with nothing else on the processor. diverged: (step, replica's
    index) of networks whose numbers were not finite.
    state_bytes: size of the state, whether it came back or not.
    """

    facts: tuple[Fact, ...]
    step: int
    done: bool
    seconds: float
    state: bytes | None
    state_bytes: int
    diverged: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Missing:
    """The worker does not have what the job left out."""

    dataset: bool
    state: bool


def data_key(experiment: Wish, fingerprint: str) -> DataKey:
    """Two experiments with the same key are worked on with the same prepared data."""
    return (experiment.kind, *kind_of(experiment).data_key(experiment, fingerprint))


def work(job: Job) -> Part | Missing:
    """Advance one stack; on a worker."""
    kind, prepared, state = kind_of(job.experiment), _prepared_for(job), _state_for(job)
    if prepared is None or (state is None and job.step > 0):
        return Missing(prepared is None, state is None and job.step > 0)
    now = clock()
    begun = now()
    part = kind.advance(job, prepared, state)
    seconds = now() - begun
    _states.put((job.run, job.unit.index), (part.step, part.state), len(part.state))
    facts = tuple(Fact(event.unit, _step(event), event.kind, dumps(event)) for event in part.events)
    kept = part.state if job.returns_state else None
    return Part(facts, part.step, part.done, seconds, kept, len(part.state), _diverged(kind, part.events))


def _prepared_for(job: Job) -> Any:
    found = _prepared.get(job.data_key)
    if found is None and (job.dataset is not None or job.experiment.data is None):
        found = kind_of(job.experiment).prepare(job.experiment, job.dataset)
        _prepared.put(job.data_key, found, _size(found))
    return found


def _size(prepared: Any) -> int:
    """Bytes of all arrays in it, also of those one level down."""
    parts = list(vars(prepared).values())
    parts += [inner for part in parts for inner in getattr(part, "__dict__", {}).values()]
    return sum(int(getattr(part, "nbytes", 0)) for part in parts)


def _state_for(job: Job) -> bytes | None:
    if job.state is not None:
        return job.state
    step, state = _states.get((job.run, job.unit.index)) or (0, None)
    return state if step == job.step else None


def _step(event: Event) -> int:
    return int(getattr(event, "step", 0))


def _diverged(kind: Kind, events: tuple[Event, ...]) -> tuple[tuple[int, int], ...]:
    """Networks that have diverged by now, each with the first step of this slice that says so."""
    first: dict[int, int] = {}
    for event in events:
        for i in kind.diverged_in(event):
            first.setdefault(i, _step(event))
    return tuple((step, i) for i, step in first.items())
