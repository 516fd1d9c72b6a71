"""Which worker gets which slice next: runs take turns, and a worker keeps the stacks whose states it holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from mtl_core.running.course import Course, Stretch
from mtl_core.running.kinds import DataKey
from mtl_core.running.slices import Job, data_key
from mtl_core.running.workers import Outcome

ACTIVE_RUNS = 8
"""Runs that take turns; later ones wait in the queue."""


class Crew(Protocol):
    """Whoever works on slices: `Workers`, or a stand-in of the same shape."""

    def addresses(self) -> list[str]: ...

    def look_after(self) -> None: ...

    def submit(self, job: Job, address: str, then: Callable[[Outcome], None]) -> None: ...


class Turns:
    """One slice at a time for each worker; what workers have got so far."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.addresses = crew.addresses()
        self.busy: set[str] = set()
        self._has: set[tuple[str, DataKey]] = set()

    def look_around(self) -> None:
        """Workers come and go, and come back."""
        self.crew.look_after()
        self.addresses = self.crew.addresses()

    def next_slice(self, courses: Iterable[Course]) -> tuple[Course, Stretch, str] | None:
        """What a free worker should do now, or None when nothing waits or nobody is free."""
        waiting = in_turn(courses)
        for address in self.addresses:
            if address in self.busy:
                continue
            for course in waiting:
                stretch = course.next_for(address)
                if stretch is not None:
                    return course, stretch, address
        return None

    def send(self, course: Course, stretch: Stretch, address: str, then: Callable[[Outcome], None]) -> None:
        job = course.job(stretch, address, sends_data=(address, _key(course)) not in self._has)
        course.served, stretch.busy = time.monotonic(), True
        self.busy.add(address)
        self.crew.submit(job, address, then)

    def came_back(self, course: Course, stretch: Stretch, address: str) -> None:
        stretch.busy = False
        self.busy.discard(address)

    def has_data(self, course: Course, address: str, has: bool) -> None:
        """Note that a worker has, or has not, the prepared data of a run."""
        (self._has.add if has else self._has.discard)((address, _key(course)))

    def lost(self, address: str) -> None:
        """A worker is gone, and all it had."""
        self.addresses = [each for each in self.addresses if each != address]
        self._has = {each for each in self._has if each[0] != address}


def in_turn(courses: Iterable[Course]) -> list[Course]:
    """Runs that take turns: the first that were handed in, and of those first the one that waited longest."""
    active = [course for course in courses if course.is_active][:ACTIVE_RUNS]
    return sorted(active, key=lambda course: course.served)


def _key(course: Course) -> DataKey:
    return data_key(course.experiment, course.record.data_fingerprint)
