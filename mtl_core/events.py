"""What the engine says: facts as plain numpy, JSON both ways, NaN where a replica lacks the task."""

from __future__ import annotations

import base64
import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Replica:
    """One network of a run: its arm (how it learns), fold, initialisation, and the tasks it learns (indices)."""

    arm: str
    fold: int
    init: int
    tasks: tuple[int, ...]


@dataclass(frozen=True)
class Event:
    """Base of all facts. `unit` is the index of the stack of replicas (`experiment.Unit`) that speaks."""

    kind: ClassVar[str] = ""
    is_last: ClassVar[bool] = False
    """Its stack has nothing more to say."""
    unit: int

    def to_json(self) -> dict[str, Any]:
        facts = {f.name: _encode(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return {"kind": self.kind, **facts}


@dataclass(frozen=True)
class Progress(Event):
    """State of one stack after `step` steps. R replicas, T tasks, in the order of the unit's replicas.

    train, validation: mean loss [R, T], on the training rows of the last batch(es) and on the validation rows.
    train_error, validation_error: the task's metric (an error, lower is better) [R, T].
    test_error: metric on the test rows at the replica's best validation step so far [R, T]; reported, never used.
    best_step: that step [R, T] (one for all tasks of a replica, unless its tasks share nothing).
    weights: loss weights in force [R, T]. cosine: gradient cosine [R, T, T] or None.
    gradient_norm: length of each task's gradient on the shared parameters [R, T] or None.
    inside: what the sharing type shows of itself (gate shares, stitch matrices), name -> [R, rows, columns]; the rows
    are the tasks', equally many each, or one row for all tasks.
    stopped: the replica has ended early [R]; diverged: it was stopped because a number was not finite [R].
    seconds: training time of this stack so far.
    """

    kind: ClassVar[str] = "progress"
    step: int
    train: Floats
    validation: Floats
    validation_error: Floats
    test_error: Floats
    weights: Floats
    best_step: NDArray[np.int64]
    stopped: NDArray[np.bool_]
    diverged: NDArray[np.bool_]
    seconds: float
    cosine: Floats | None = None
    gradient_norm: Floats | None = None
    inside: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class UnitFinished(Event):
    """The last word of a stack: every metric on the test rows at the best validation step.

    scores: metric name -> [R, T] (NaN where the metric does not apply or the replica lacks the task).
    parameters: numbers in one network. predict_seconds: time to predict one row, mean over replicas.
    """

    kind: ClassVar[str] = "finished"
    is_last: ClassVar[bool] = True
    step: int
    scores: dict[str, Floats] = field(default_factory=dict)
    parameters: int = 0
    predict_seconds: float = 0.0


@dataclass(frozen=True)
class MetaProgress(Event):
    """A learner after `step` meta-steps. loss: mean query loss of each replica [R] since the point before."""

    kind: ClassVar[str] = "meta-progress"
    step: int
    loss: Floats


@dataclass(frozen=True)
class Look(Event):
    """What a learner makes of new tasks after `step` meta-steps, while it is still being prepared.

    errors: number of labels -> mean squared error of each replica after 0, 1, ... steps on its unseen tasks [R, S + 1],
    infinite where one has diverged. best: number of labels -> the number of steps that did best on tasks as for
    training [R]. tasks: how many unseen tasks of each replica were asked for.
    """

    kind: ClassVar[str] = "look"
    step: int
    tasks: int
    errors: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    best: dict[str, NDArray[np.int64]] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured(Look):
    """The last word on a learner: the same on all unseen tasks, once it is prepared."""

    kind: ClassVar[str] = "measured"
    is_last: ClassVar[bool] = True


EVENTS: dict[str, type[Event]] = {cls.kind: cls for cls in (Progress, UnitFinished, MetaProgress, Look, Measured)}
LAST_WORDS = tuple(name for name, cls in EVENTS.items() if cls.is_last)


def dumps(event: Event) -> str:
    return json.dumps(event.to_json(), separators=(",", ":"), allow_nan=False)


def loads(text: str) -> Event:
    facts = json.loads(text)
    cls = EVENTS[facts.pop("kind")]
    return cls(**{key: _decode(value) for key, value in facts.items()})


def _encode(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        raw = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"dtype": value.dtype.str, "shape": list(value.shape), "base64": raw}
    if isinstance(value, dict):
        return {"entries": {key: _encode(item) for key, item in value.items()}}
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict) and "base64" in value:
        raw = np.frombuffer(base64.b64decode(value["base64"]), dtype=value["dtype"])
        return raw.reshape(value["shape"])
    if isinstance(value, dict):
        return {key: _decode(item) for key, item in value["entries"].items()}
    return value
