"""The manager with slices worked on in this process: what happens between two slices never shows in the numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update

from mtl_core.api import Lab
from mtl_core.events import Event
from mtl_core.experiment import Experiment, Training
from mtl_core.optimisers import Adam, StochasticGradientDescent
from mtl_core.running import course, slices, turns
from mtl_core.running.caches import ByteLimited
from mtl_core.running.endings import dataset_of
from mtl_core.running.manager import Manager
from mtl_core.running.slices import Job, Missing, Part, work
from mtl_core.running.speed import Speed
from mtl_core.running.workers import Outcome, WorkerLost
from mtl_core.store import runs, tables
from mtl_core.store.claims import Claim
from mtl_core.store.database import Database
from mtl_core.store.journal import Journal
from mtl_core.weighting.by_loss import Fixed
from tests.told import assert_same, facts, told, uncut


class Crew:
    """Two workers in this thread; `spoil` may put another outcome in the place of a slice's."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.spoil: Callable[[Job], Exception | None] = lambda job: None

    def addresses(self) -> list[str]:
        return ["a", "b"]

    def look_after(self) -> None:
        """Threads of this kind are never lost."""

    def submit(self, job: Job, address: str, then: Callable[[Outcome], None]) -> None:
        self.jobs.append(job)
        then(self.spoil(job) or work(job))


class Bench:
    """A store, a lab on it and a manager that works when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.lab = Lab(f"sqlite:///{folder / 'runs.sqlite'}")
        self.database = Database(self.lab.url)
        self.claim, self.crew = Claim(self.database), Crew()
        assert self.claim.take()
        self.manager = self.new_manager()

    def new_manager(self) -> Manager:
        return Manager(Journal(self.database, self.claim), self.crew, Speed(1e-4, 1e-9))

    def work(self, until: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not until():
            assert time.monotonic() < end, "worked in vain"
            self.manager.tick()

    def finish(self, run: str) -> None:
        self.work(lambda: self.lab.run(run).has_ended)

    def reaches(self, run: str, step: int) -> None:
        self.work(lambda: self.lab.run(run).step >= step)

    def becomes(self, run: str, status: str) -> None:
        self.work(lambda: self.lab.run(run).status == status)

    def said(self, run: str) -> dict[tuple[int, int, str], Event]:
        return told(self.database, run)

    def close(self) -> None:
        self.manager.close()
        self.claim.release()
        self.database.close()
        self.lab.close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Slices here are one step long, so that there is something between them."""
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path))
    monkeypatch.setattr(course, "FIRST_BUDGET", 0.0)
    monkeypatch.setattr(course, "BUDGET", 0.0)
    place = Bench(tmp_path)
    yield place
    place.close()


# --- the numbers ------------------------------------------------------------------------------------------------
def test_a_run_in_slices_says_what_an_uncut_one_says(bench: Bench, small: Experiment) -> None:
    run = bench.lab.submit(small)
    bench.finish(run)
    record = bench.lab.run(run)
    assert (record.status, record.step, record.message, record.diverged) == ("finished", 40, "", ())
    assert len(bench.crew.jobs) == 80
    assert_same(bench.said(run), uncut(small))


def test_pause_step_and_resume_leave_no_trace_in_the_numbers(bench: Bench, small: Experiment) -> None:
    run = bench.lab.submit(small)
    bench.reaches(run, 5)
    bench.lab.command(run, "pause")
    bench.becomes(run, "paused")
    at, jobs = bench.lab.run(run).step, len(bench.crew.jobs)
    for _ in range(3):
        bench.manager.tick()
    assert (bench.lab.run(run).step, len(bench.crew.jobs)) == (at, jobs)
    bench.lab.command(run, "step")
    bench.work(lambda: bench.lab.run(run).status == "paused" and bench.lab.run(run).step == 10)
    assert {step for _, step, _ in bench.said(run)} == {0, 10}
    bench.lab.command(run, "step")
    bench.work(lambda: bench.lab.run(run).status == "paused" and bench.lab.run(run).step == 20)
    bench.lab.command(run, "resume")
    bench.finish(run)
    assert_same(bench.said(run), uncut(small))


def test_a_run_handed_in_paused_waits_at_its_first_step(bench: Bench, small: Experiment) -> None:
    run = bench.lab.submit(small, paused=True)
    for _ in range(3):
        bench.manager.tick()
    assert (bench.lab.run(run).status, bench.crew.jobs) == ("paused", [])
    bench.lab.command(run, "resume")
    bench.finish(run)
    assert bench.lab.run(run).status == "finished"


def test_a_turned_knob_takes_effect_at_one_step_in_all_stacks_and_is_part_of_the_record(
    bench: Bench, small: Experiment
) -> None:
    asked = replace(small, weighting=Fixed((1.0, 1.0)))
    run = bench.lab.submit(asked)
    bench.reaches(run, 7)
    bench.lab.change(run, "weighting", "weights_of_tasks", [1.0, 3.0])
    bench.lab.change(run, "optimiser", "learning_rate", 0.5)
    bench.lab.change(run, "optimiser", "learning_rate", 0.02)
    bench.finish(run)
    turned = bench.lab.run(run).experiment
    assert [(each.part, each.value) for each in turned.changes] == [("weighting", [1.0, 3.0]), ("optimiser", 0.02)]
    assert len({each.step for each in turned.changes}) == 1
    assert 7 <= turned.changes[0].step < 40
    assert_same(bench.said(run), uncut(turned))
    with pytest.raises(AssertionError):
        assert_same(bench.said(run), uncut(asked))


def test_a_knob_turned_while_paused_takes_effect_when_the_run_goes_on(bench: Bench, small: Experiment) -> None:
    run = bench.lab.submit(small, paused=True)
    bench.lab.change(run, "optimiser", "learning_rate", 0.05)
    bench.work(lambda: bool(bench.lab.run(run).experiment.changes))
    bench.lab.command(run, "resume")
    bench.finish(run)
    assert [each.step for each in bench.lab.run(run).experiment.changes] == [0]
    turned, plain = bench.said(run), uncut(replace(small, optimiser=Adam(learning_rate=0.05)))
    assert facts(turned[0, 40, "progress"]) == facts(plain[0, 40, "progress"])


def test_a_knob_turned_back_before_it_took_effect_was_not_turned(bench: Bench, small: Experiment) -> None:
    rate, asked = Adam().learning_rate, replace(small, optimiser=Adam(), weighting=Fixed())
    run = bench.lab.submit(asked, paused=True)
    bench.lab.change(run, "optimiser", "learning_rate", 0.05)
    bench.work(lambda: bool(bench.lab.run(run).experiment.changes))
    bench.lab.change(run, "optimiser", "learning_rate", rate)
    bench.work(lambda: not bench.lab.run(run).experiment.changes)
    bench.lab.change(run, "optimiser", "learning_rate", rate)
    bench.lab.change(run, "weighting", "weights_of_tasks", [1.0, 2.0])
    bench.work(lambda: bool(bench.lab.run(run).experiment.changes))
    assert [each.part for each in bench.lab.run(run).experiment.changes] == ["weighting"]


def test_a_knob_turned_after_the_last_step_of_a_stack_is_said_to_be_too_late(bench: Bench, small: Experiment) -> None:
    late = course.course_of(bench.lab.run(bench.lab.submit(small)), saved={}, finished={0: 40})
    late.pending["optimiser", "learning_rate"] = 0.05
    assert "too late to have an effect" in late.turn_knobs()
    assert (late.experiment.to_json()["changes"], late.pending) == ([], {})


def test_another_manager_goes_on_where_the_first_was_cut_off(
    bench: Bench, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "KEEP_SECONDS", 0.0)
    run, other = bench.lab.submit(small), bench.lab.submit(small, paused=True)
    bench.reaches(run, 12)
    forget_everything(monkeypatch)
    bench.manager = bench.new_manager()  # the first one is gone without a word, as after kill -9
    jobs = len(bench.crew.jobs)
    bench.finish(run)
    assert any(job.state is not None and job.step > 0 for job in bench.crew.jobs[jobs : jobs + 2])
    assert bench.lab.run(other).status == "paused"
    assert_same(bench.said(run), uncut(small))


def test_a_run_that_had_trained_but_has_no_verdict_yet_gets_it_from_the_next_manager(
    bench: Bench, small: Experiment
) -> None:
    run = bench.lab.submit(small)
    bench.reaches(run, small.training.steps)
    assert not bench.lab.run(run).has_ended
    bench.manager = bench.new_manager()
    bench.finish(run)
    assert bench.lab.run(run).status == "finished"
    assert_same(bench.said(run), uncut(small))


def test_what_a_worker_forgot_is_sent_again(bench: Bench, small: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    run = bench.lab.submit(small)
    bench.reaches(run, 9)
    forget_everything(monkeypatch)
    bench.finish(run)
    assert_same(bench.said(run), uncut(small))


def forget_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a fresh worker process."""
    monkeypatch.setattr(slices, "_prepared", ByteLimited(1 << 30))
    monkeypatch.setattr(slices, "_states", ByteLimited(1 << 30))


def test_a_job_without_data_or_state_is_answered_with_what_is_missing(
    bench: Bench, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.lab.submit(small)
    bench.reaches(run, 3)
    job = bench.crew.jobs[-1]
    assert (job.dataset, job.state) == (None, None)
    forget_everything(monkeypatch)
    assert work(job) == Missing(dataset=True, state=True)
    again = work(replace(job, dataset=dataset_of(small.data), step=0))
    assert isinstance(again, Part)
    assert again.step >= 1


# --- runs side by side --------------------------------------------------------------------------------------------
def test_runs_take_turns(bench: Bench, small: Experiment) -> None:
    first, second = bench.lab.submit(small), bench.lab.submit(small)
    bench.reaches(first, 15)
    order = [job.run for job in bench.crew.jobs if job.step > 0]
    assert set(order) == {first, second}
    assert abs(order.count(first) - order.count(second)) <= 3
    assert bench.lab.run(second).step >= 12


def test_stacks_of_a_run_stay_together(bench: Bench, small: Experiment) -> None:
    run = bench.lab.submit(small)
    bench.reaches(run, 20)
    steps = {unit: max(job.step for job in bench.crew.jobs if job.unit.index == unit) for unit in (0, 1)}
    assert abs(steps[0] - steps[1]) <= 2


def test_later_runs_wait_in_the_queue(bench: Bench, small: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "ACTIVE_RUNS", 2)
    first, second, third = (bench.lab.submit(small) for _ in range(3))
    bench.reaches(second, 3)
    assert (bench.lab.run(third).status, bench.lab.run(third).position) == ("queued", 1)
    bench.lab.command(first, "pause")
    bench.becomes(third, "running")
    assert bench.lab.run(first).status == "paused"


# --- ends -----------------------------------------------------------------------------------------------------------
def test_a_finished_run_has_a_stored_verdict_and_no_states(bench: Bench, small: Experiment) -> None:
    run = bench.lab.submit(small)
    bench.finish(run)
    assert runs.comparison(bench.database, run) is not None
    assert not bench.manager.journal.saved(run)
    assert [each.task for each in bench.lab.comparison(run).verdicts] == ["task 1", "task 2"]
    assert bench.lab.run(run).ended is not None


def test_a_stopped_run_keeps_what_it_said_and_can_go_on(bench: Bench, small: Experiment) -> None:
    run = bench.lab.submit(small)
    bench.reaches(run, 12)
    bench.lab.command(run, "stop")
    bench.becomes(run, "stopped")
    assert bench.lab.comparison(run).provisional
    assert bench.lab.run(run).step < 40
    bench.lab.command(run, "resume")
    bench.becomes(run, "finished")
    assert_same(bench.said(run), uncut(small))


def test_a_deleted_run_is_dropped_while_it_trains(bench: Bench, small: Experiment) -> None:
    run, other = bench.lab.submit(small), bench.lab.submit(small)
    bench.reaches(run, 3)
    bench.lab.delete(run)
    bench.finish(other)
    assert not runs.said(bench.database, run)
    assert run not in bench.manager.courses


def test_networks_that_diverge_are_named_and_the_run_goes_on(bench: Bench, small: Experiment) -> None:
    run = bench.lab.submit(replace(small, optimiser=StochasticGradientDescent(learning_rate=1e6)))
    bench.finish(run)
    record = bench.lab.run(run)
    assert record.status == "finished"
    titles = [sentence.split(":")[0] for sentence in record.diverged]
    assert titles == ["One trunk for all (hard sharing)", "Alone, width 2"]
    places = "; ".join(f"fold {fold}, initialisation 1, step 10" for fold in (1, 2, 3))
    assert "5 networks were stopped at the last good step because a number was no longer finite" in record.diverged[0]
    assert f"({places}; and 2 more)" in record.diverged[0]


# --- accidents --------------------------------------------------------------------------------------------------
def test_a_lost_worker_costs_one_slice_and_no_number(bench: Bench, small: Experiment) -> None:
    lost: list[Job] = []

    def spoil(job: Job) -> Exception | None:
        if job.step in (6, 17) and job.step not in {each.step for each in lost}:
            lost.append(job)
            return WorkerLost("gone")
        return None

    bench.crew.spoil = spoil
    run = bench.lab.submit(small)
    bench.finish(run)
    assert len(lost) == 2
    assert len(bench.crew.jobs) == 82
    assert_same(bench.said(run), uncut(small))


def test_a_stack_that_keeps_killing_workers_is_named_and_the_others_go_on(bench: Bench, small: Experiment) -> None:
    bad, good = bench.lab.submit(small), bench.lab.submit(small)
    bench.crew.spoil = lambda job: WorkerLost("gone") if job.run == bad and job.step == 5 else None
    bench.finish(bad)
    bench.finish(good)
    record = bench.lab.run(bad)
    assert record.status == "failed"
    assert "the worker process was lost 3 times while it trained" in record.message
    assert not bench.lab.history(bad).is_empty
    assert bench.lab.run(good).status == "finished"


def test_an_error_in_a_slice_ends_the_run_with_one_sentence(bench: Bench, small: Experiment) -> None:
    bench.crew.spoil = lambda job: RuntimeError("the sum\nis wrong") if job.step == 5 else None
    run = bench.lab.submit(small)
    bench.finish(run)
    record = bench.lab.run(run)
    assert record.status == "failed"
    assert record.message.endswith("stopped because of an error in the program (RuntimeError: the sum)")
    assert not bench.lab.history(run).is_empty


def test_a_run_that_is_not_understood_fails_alone(bench: Bench, small: Experiment) -> None:
    bad, good = bench.lab.submit(small, paused=True), bench.lab.submit(small)
    nonsense = runs.dumps({**small.to_json(), "changes": [{"nonsense": 1}]})
    with bench.database.writing() as connection:
        connection.execute(update(tables.runs).where(tables.runs.c.id == bad).values(experiment=nonsense))
    bench.finish(good)
    with bench.database.reading() as connection:
        rows = connection.execute(tables.runs.select().where(tables.runs.c.id == bad)).mappings().all()
    assert rows[0]["status"] == "failed"
    assert rows[0]["message"].startswith("this run cannot go on:")


def test_data_that_changed_since_a_run_was_handed_in_ends_it(bench: Bench, small: Experiment) -> None:
    run = bench.lab.submit(small)
    with bench.database.writing() as connection:
        connection.execute(update(tables.runs).values(data_fingerprint="other"))
    bench.finish(run)
    assert bench.lab.run(run).status == "failed"
    assert "has changed since this run was handed in" in bench.lab.run(run).message


def test_a_full_disk_ends_the_run_with_a_sentence_and_its_data_stay_readable(bench: Bench, small: Experiment) -> None:
    run = bench.lab.submit(replace(small, training=Training(steps=100_000, evaluate_every=1)))
    bench.reaches(run, 3)
    with bench.database.reading() as connection:
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    bench.database.close()

    def limit(connection: Any, record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + 20}").close()

    event.listen(bench.database.engine, "connect", limit)
    bench.finish(run)
    record = bench.lab.run(run)
    assert (record.status, "is full; free disk space" in record.message) == ("failed", True)
    assert len(bench.said(run)) > 3
    assert not bench.lab.history(run).is_empty
    assert not bench.manager.courses


# --- small parts ----------------------------------------------------------------------------------------------------
def test_a_memory_with_a_limit_forgets_what_was_not_used_for_longest() -> None:
    memory: ByteLimited[str, int] = ByteLimited(100)
    memory.put("a", 1, 40)
    memory.put("b", 2, 40)
    assert memory.get("a") == 1
    memory.put("c", 3, 40)
    assert (memory.get("a"), memory.get("b"), memory.get("c")) == (1, None, 3)
    memory.put("large", 4, 1000)
    assert (memory.get("a"), memory.get("large")) == (None, 4)


def test_there_is_no_forecast_before_a_run_has_shown_its_pace(
    bench: Bench, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.lab.submit(small)
    bench.reaches(run, 5)
    held = bench.manager.courses[run]

    def told_after(seconds: float) -> tuple[float | None, float | None]:
        monkeypatch.setattr(time, "monotonic", lambda: seconds)
        columns = held.progress()
        return columns["rate"], columns["seconds_left"]

    held.marks.clear()
    held.marks.append((0.0, 0.0))
    assert told_after(1.5) == (None, None)
    mean = sum(each.step for each in held.stretches) / len(held.stretches)
    assert told_after(2.5) == pytest.approx((mean / 2.5, (40 - mean) / (mean / 2.5)))
    held.experiment = replace(small, training=Training(steps=1000))
    assert told_after(3.0) == (None, None)


def test_an_estimate_is_corrected_by_what_a_run_took(bench: Bench, small: Experiment) -> None:
    units = small.units(bench.lab.run(bench.lab.submit(small)).shape)
    speed = Speed(1e-3, 1e-9)
    guess = speed.seconds(small, units, rows=60, workers=1)
    once = speed.corrected(small, units, 60, 3 * guess)
    assert once.seconds(small, units, 60, 1) == pytest.approx(3 * guess)
    assert once.corrected(small, units, 60, guess).seconds(small, units, 60, 1) == pytest.approx(2 * guess)
    assert once.seconds(small, units, 60, 2) == pytest.approx(1.5 * guess)
    assert Speed.from_json(once.to_json()) == once
