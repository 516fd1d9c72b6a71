"""The run manager: hands slices of all runs to the workers, writes what comes back, does what people ask.

One thread owns everything; workers, loaders and verdicts report through a queue. All that matters happens between
two slices: a pause, a turned knob, fairness, recovery. A run's facts, states and course are written in one
transaction a slice, so whatever process dies, the store says the truth and training goes on from there.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from mtl_core.registry import InvalidInput
from mtl_core.running import endings, words
from mtl_core.running.course import KEEP_SECONDS, Course, Stretch, course_of
from mtl_core.running.kinds import kind_of
from mtl_core.running.slices import Missing, Part
from mtl_core.running.speed import Speed
from mtl_core.running.turns import Crew, Turns, in_turn
from mtl_core.running.workers import Outcome, WorkerLost
from mtl_core.store import runs
from mtl_core.store.database import StoreFull
from mtl_core.store.journal import Command, Journal, RunGone

log = logging.getLogger(__name__)

TRIES = 3
LOOK_SECONDS = 0.02
BEAT_SECONDS = 1.0


class Manager:
    """Serve a store until told to stop: `while ...: manager.tick()`."""

    def __init__(self, journal: Journal, crew: Crew, speed: Speed) -> None:
        self.journal, self.speed, self.turns = journal, speed, Turns(crew)
        self.courses: dict[str, Course] = {}
        self.speed_changed = True
        self.reports: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.helpers = ThreadPoolExecutor(2, "helper")
        self.last_beat = 0.0
        for run in journal.unfinished():
            self._adopt(run)

    def tick(self) -> None:
        """One look at everything; returns after `LOOK_SECONDS` at the latest when there is nothing to do."""
        try:
            self._listen(LOOK_SECONDS)
            self._obey()
            self._dispatch()
            self._beat()
        except StoreFull as error:
            self._give_up_all(str(error))

    def close(self) -> None:
        """Wait shortly for the slices in flight and keep what they gave; the runs go on at the next start."""
        end = time.monotonic() + 1.0
        while self.turns.busy and time.monotonic() < end:
            self._listen(0.05)
        for course in list(self.courses.values()):  # one that was deleted meanwhile leaves
            self._write(course, saved=course.unstored())
        self.helpers.shutdown(wait=False, cancel_futures=True)

    # --- what comes back ------------------------------------------------------------------------------------
    def _listen(self, seconds: float) -> None:
        try:
            self.reports.get(timeout=seconds)()
            while True:
                self.reports.get_nowait()()
        except queue.Empty:
            return

    def _absorb(self, course: Course, stretch: Stretch, address: str, outcome: Outcome) -> None:
        """A slice has ended, one way or another."""
        self.turns.came_back(course, stretch, address)
        if self.courses.get(course.id) is not course:
            return
        if isinstance(outcome, Part):
            self._keep(course, stretch, address, outcome)
        elif isinstance(outcome, Missing):
            self.turns.has_data(course, address, not outcome.dataset)
            if outcome.state:
                stretch.fall_back()
        elif isinstance(outcome, WorkerLost):
            self._retry(course, stretch, address)
        else:
            self._fail(course, stretch, outcome)
        self._settle(course)

    def _keep(self, course: Course, stretch: Stretch, address: str, part: Part) -> None:
        stretch.take(part, address)
        self.turns.has_data(course, address, True)
        columns = course.progress()
        if course.notes_diverged(stretch, part):
            said = kind_of(course.record).diverged_words(course.record, course.experiment, course.diverged)
            columns["diverged"] = runs.dumps(said)
        self._write(course, facts=part.facts, saved=course.unstored(waits=KEEP_SECONDS), **columns)

    def _retry(self, course: Course, stretch: Stretch, address: str) -> None:
        """Its worker is gone: go on elsewhere from the last state, unless this stack keeps killing workers."""
        log.warning("run %s, stack %d: worker %s was lost", course.id, stretch.unit.index, address)
        self.turns.lost(address)
        stretch.tries += 1
        stretch.fall_back()
        if stretch.tries >= TRIES:
            self._end(course, "failed", words.lost(stretch.unit, stretch.tries))

    def _fail(self, course: Course, stretch: Stretch, error: Exception) -> None:
        log.error("run %s, stack %d", course.id, stretch.unit.index, exc_info=error)
        expected = isinstance(error, InvalidInput)
        self._end(course, "failed", str(error) if expected else words.unexpected(stretch.unit, error))

    def _settle(self, course: Course) -> None:
        """Once nothing of a run is in flight: turn its knobs, end it, or pause it."""
        if course.is_busy or course.is_ending or course.id not in self.courses:
            return
        if course.pending:
            course.remark = course.turn_knobs()
            self._write(course, message=course.remark, experiment=runs.dumps(course.experiment.to_json()))
        if course.is_done and course.has_data:
            self._end(course, "finished", course.remark)
        elif course.wanted == "stop":
            self._end(course, "stopped", course.remark)
        elif course.wanted == "pause" or (course.wanted == "step" and course.has_reached_goal):
            course.wanted = "pause"
            course.marks.clear()
            self._write(course, status="paused", saved=course.unstored())

    # --- what people ask ------------------------------------------------------------------------------------
    def _obey(self) -> None:
        commands = self.journal.inbox()
        for command in commands:
            self._do(command)
        if commands:
            self.journal.done(commands)

    def _do(self, command: Command) -> None:
        if command.word == "submit" or (command.word == "resume" and command.run not in self.courses):
            self._adopt(command.run)
        course = self.courses.get(command.run)
        if course is None or course.is_ending:
            return
        if command.word == "forget":
            del self.courses[command.run]
            return
        if command.word == "change":
            payload = command.payload
            course.pending[payload["part"], payload["knob"]] = payload["value"]
        elif command.word == "step":
            course.want_step()
            self._write(course, status="running")
        elif command.word in ("pause", "stop"):
            course.wanted = command.word
        elif command.word == "resume":
            course.wanted = "run"
            self._write(course, status="running" if course.has_begun else "queued", message="", ended=None)
        self._settle(course)

    def _adopt(self, run: str) -> None:
        """Take a run in from the store, where it was left."""
        try:
            record = self.journal.record(run)
            if record is None or run in self.courses or record.status == "finished":
                return
            self.courses[run] = course_of(record, self.journal.saved(run), self.journal.finished_units(run))
        except Exception as error:  # one run that is not understood must not keep the others from training
            log.warning("run %s", run, exc_info=error)
            self.journal.end(run, "failed", f"this run cannot go on: {_sentence(error)}")

    # --- what goes out --------------------------------------------------------------------------------------
    def _dispatch(self) -> None:
        for course in in_turn(self.courses.values()):
            if not course.has_data and not course.is_loading:
                course.is_loading = True
                self._aside(partial(endings.load, course.record), partial(self._loaded, course))
        while (found := self.turns.next_slice(self.courses.values())) is not None:
            course, stretch, address = found
            if not course.has_begun:
                course.has_begun = True
                self._write(course, status="running", started=time.time())
            self.turns.send(course, stretch, address, partial(self._report, course, stretch, address))

    def _report(self, course: Course, stretch: Stretch, address: str, outcome: Outcome) -> None:
        """Called from another thread."""
        self.reports.put(partial(self._absorb, course, stretch, address, outcome))

    def _loaded(self, course: Course, found: Any) -> None:
        course.is_loading = False
        if isinstance(found, Exception):
            self._end(course, "failed", _sentence(found))
        else:
            course.dataset, course.has_data = found, True
            self._settle(course)  # its last slice may have ended just before an engine did, and its verdict is due

    # --- how a run ends -------------------------------------------------------------------------------------
    def _end(self, course: Course, status: str, message: str = "") -> None:
        """Work out the verdict aside, then write the last word."""
        if course.is_ending:
            return
        course.is_ending = True
        self._write(course, saved=[] if status == "finished" else course.unstored())
        about = (self.journal.database, course.record, course.experiment, course.dataset, status == "finished")
        self._aside(partial(endings.verdict, *about), partial(self._ended, course, status, message))

    def _ended(self, course: Course, status: str, message: str, found: Any) -> None:
        if self.courses.pop(course.id, None) is None:
            return
        if isinstance(found, Exception):
            log.error("run %s: no verdict", course.id, exc_info=found)
            message, found = message or f"there is no verdict: {_sentence(found)}", None
        self.journal.end(course.id, status, message, comparison=found)
        if status == "finished" and course.has_data and course.was_trained_here:
            self.speed = kind_of(course.record).corrected(self.speed, course)
            self.speed_changed = True

    def _give_up_all(self, message: str) -> None:
        """The disk is full: whatever trains ends here, readable, and waits for nobody."""
        log.error(message)
        running = [run for run, course in self.courses.items() if course.wanted != "pause" or course.is_busy]
        self.courses = {run: course for run, course in self.courses.items() if run not in running}
        self.journal.fail_for_want_of_room(running, message)

    # --- small helpers --------------------------------------------------------------------------------------
    def _write(self, course: Course, **what: Any) -> None:
        try:
            self.journal.write(course.id, **what)
        except RunGone:
            self.courses.pop(course.id, None)

    def _aside(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do something in a helper thread; its result or its error comes back to this thread."""

        def report(future: Future[Any]) -> None:
            if not future.cancelled():
                self.reports.put(partial(then, future.exception() or future.result()))

        self.helpers.submit(work).add_done_callback(report)

    def _beat(self) -> None:
        if time.monotonic() - self.last_beat < BEAT_SECONDS:
            return
        self.last_beat = time.monotonic()
        self.turns.look_around()
        facts: dict[str, Any] = {"speed": runs.dumps(self.speed.to_json())} if self.speed_changed else {}
        self.journal.claim.beat(ready=1, workers=len(self.turns.addresses), **facts)
        self.speed_changed = False
        self.journal.database.hold_reserve()


def _sentence(error: Exception) -> str:
    return (
        str(error) if isinstance(error, InvalidInput) else f"an error in the program ({type(error).__name__}: {error})"
    )
