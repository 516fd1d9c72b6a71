"""Everything one stack of replicas has said so far, as growing arrays that lead with the step.

A page adds a few events twice a second and reads whole curves, so numbers are kept in buffers that double when they
are full, not as a list of events. Readers in other threads always see complete rows: a row counts from the moment
`count` includes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_core.events import Event, Progress, UnitFinished

INSIDE = "inside "
"""Before the names of what a sharing type shows of itself."""
SERIES = ("train", "validation", "validation_error", "test_error", "weights", "stopped", "diverged")
_FIRST_CAPACITY = 32


class Record:
    """The curves of one unit: S recorded steps, R replicas, T tasks."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.finished: UnitFinished | None = None
        self._buffers: dict[str, NDArray[Any]] = {"step": np.zeros(_FIRST_CAPACITY, np.int64)}

    def add(self, event: Event) -> None:
        """Keep one event; the same step twice is the same fact and is kept once."""
        if isinstance(event, UnitFinished):
            self.finished = event
        elif isinstance(event, Progress):
            self.seconds = max(self.seconds, event.seconds)
            self._insert(event)

    def read(self, *names: str) -> tuple[NDArray[np.int64], tuple[NDArray[Any], ...]]:
        """Recorded steps [S], ascending, and for each name its values [S, R, ...]. Views: do not write.

        "cosine", "gradient_norm" and names of `shown` may be asked for at any time; what was never measured has no
        columns: [S, 0, 0, 0].
        """
        count, missing = self.count, np.zeros((self.count, 0, 0, 0), np.float32)
        values = tuple(self._buffers[name][:count] if name in self._buffers else missing for name in names)
        return self._buffers["step"][:count], values

    @property
    def last_step(self) -> int:
        """The largest recorded step, -1 before the first."""
        return int(self._buffers["step"][self.count - 1]) if self.count else -1

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of what the sharing type shows of itself, as `read` knows them."""
        return tuple(name for name in list(self._buffers) if name.startswith(INSIDE))

    def _insert(self, event: Progress) -> None:
        steps = self._buffers["step"][: self.count]
        place = int(np.searchsorted(steps, event.step))
        if place < self.count and steps[place] == event.step:
            return
        row = {"step": np.asarray(event.step)} | {name: getattr(event, name) for name in SERIES}
        row |= {INSIDE + name: values for name, values in event.inside.items()}
        optional = {"cosine": event.cosine, "gradient_norm": event.gradient_norm}
        row |= {name: values for name, values in optional.items() if values is not None}
        self._make_room(row)
        for name, buffer in self._buffers.items():
            if place < self.count:
                buffer[place + 1 : self.count + 1] = buffer[place : self.count].copy()
            buffer[place] = row.get(name, np.nan)
        self.count += 1

    def _make_room(self, row: dict[str, NDArray[Any]]) -> None:
        capacity = len(self._buffers["step"])
        for name, value in row.items():
            if name not in self._buffers:
                self._buffers[name] = _empty(capacity, value)
        if self.count < capacity:
            return
        for name, buffer in list(self._buffers.items()):
            grown = _empty(2 * capacity, buffer[0])
            grown[:capacity] = buffer
            self._buffers[name] = grown


def _empty(capacity: int, like: NDArray[Any]) -> NDArray[Any]:
    values = np.zeros((capacity, *np.shape(like)), np.asarray(like).dtype)
    if values.dtype.kind == "f":
        values.fill(np.nan)
    return values
