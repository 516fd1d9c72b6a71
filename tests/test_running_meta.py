"""Comparisons of learners on the same store, manager and workers as every other run."""

from __future__ import annotations

import csv
import io
import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mtl_core.meta  # noqa: F401 - registers every family and learner
from mtl_core.api import AdaptationRecord, Lab
from mtl_core.changes import Change
from mtl_core.data.table import Upload, load_upload, store_upload
from mtl_core.events import Event, dumps
from mtl_core.experiment import Experiment
from mtl_core.meta.adaptation import Adaptation
from mtl_core.meta.budget import Budget
from mtl_core.meta.by_adapting import ModelAgnostic
from mtl_core.meta.by_trunk import RidgeHead, Scratch
from mtl_core.meta.generated import Relatives, Sinusoids
from mtl_core.meta.groups import Groups, recipe_of
from mtl_core.meta.shown import command_of, told
from mtl_core.meta.track import Track, advance
from mtl_core.models.base import Trunk
from mtl_core.registry import InvalidInput
from mtl_core.running import course, manager
from mtl_core.running.endings import dataset_of
from mtl_core.running.slices import Job, work
from mtl_core.running.speed import Speed
from mtl_core.running.workers import WorkerLost
from mtl_core.store import runs
from tests.test_running import Bench
from tests.test_running_engine import engine_pid, engine_process, own_lab, workers
from tests.waiting import wait_until

BUDGET = Budget(steps=12, tasks=3, shots=4, queries=3, folds=3, unseen=6, asked=5, evaluate_every=4)
SMALL = Adaptation(
    Relatives(inputs=3), (ModelAgnostic(), RidgeHead(), Scratch()), Trunk(width=5, depth=1), BUDGET, (3, 5), 2
)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Slices here are one move long, so that there is something between them."""
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path))
    monkeypatch.setattr(course, "FIRST_BUDGET", 0.0)
    monkeypatch.setattr(course, "BUDGET", 0.0)
    place = Bench(tmp_path)
    yield place
    place.close()


def finish(bench: Bench, run: str) -> AdaptationRecord:
    bench.work(lambda: bench.lab.record(run).has_ended)
    return bench.lab.adaptation(run)


def said(lab: Lab, run: str) -> list[str]:
    """Everything the run said, in an order that does not depend on who said it first."""
    return sorted(text for _, text in runs.said(lab.database, run))


def uncut(asked: Adaptation) -> list[str]:
    """The same in one piece for each learner, by the engine alone."""
    dataset = None if asked.data is None else dataset_of(asked.data)
    family = asked.family.ready(dataset, asked.budget.folds, asked.budget.seed)
    events: list[Event] = [event for unit in asked.units for event in advance(asked, unit, family, None).events]
    return sorted(map(dumps, events))


@pytest.fixture
def shops(tmp_path: Path) -> Groups:
    """Twelve shops of nine rows, uploaded: sales follow the price, at a level of the shop's own."""
    random = np.random.default_rng(0)
    shop, price = np.repeat(np.arange(12), 9), random.uniform(1, 5, 108)
    frame = pd.DataFrame({"shop": [f"shop {each}" for each in shop], "price": price.round(2)})
    frame["sales"] = (3 * price + shop + random.normal(0, 0.1, 108)).round(2)
    fingerprint = store_upload(frame.to_csv(index=False).encode(), "shops.csv")
    return Groups(Upload(fingerprint, recipe_of(*load_upload(fingerprint), "shop", "sales").to_text()), "sales")


# --- the numbers ------------------------------------------------------------------------------------------------
def test_a_comparison_in_slices_says_what_an_uncut_one_says(bench: Bench) -> None:
    run = bench.lab.submit(SMALL)
    record = finish(bench, run)
    assert (record.status, record.message, record.diverged) == ("finished", "", ())
    assert record.step == record.steps == SMALL.steps
    assert len(bench.crew.jobs) > 2 * SMALL.steps
    assert said(bench.lab, run) == uncut(SMALL)


def test_pause_and_resume_leave_no_trace_in_the_numbers(bench: Bench) -> None:
    run = bench.lab.submit(SMALL)
    bench.work(lambda: bench.lab.record(run).step >= 5)
    bench.lab.command(run, "pause")
    bench.work(lambda: bench.lab.record(run).status == "paused")
    at, jobs = bench.lab.record(run).step, len(bench.crew.jobs)
    for _ in range(3):
        bench.manager.tick()
    assert (bench.lab.record(run).step, len(bench.crew.jobs)) == (at, jobs)
    bench.lab.command(run, "resume")
    assert finish(bench, run).status == "finished"
    assert said(bench.lab, run) == uncut(SMALL)


def test_a_lost_worker_costs_at_most_one_slice_of_each_learner(bench: Bench) -> None:
    lost: list[Job] = []

    def spoil(job: Job) -> Exception | None:
        """Every learner loses one worker, in the middle of a look and of preparing alike."""
        if job.step < 3 + 2 * job.unit.index or any(job.unit.index == each.unit.index for each in lost):
            return None
        lost.append(job)
        return WorkerLost("gone")

    bench.crew.spoil = spoil
    run = bench.lab.submit(SMALL)
    assert finish(bench, run).status == "finished"
    assert len(lost) == 3
    spent = [(job.unit.index, job.step) for job in bench.crew.jobs]
    assert len(spent) - len(set(spent)) == len(lost)
    assert said(bench.lab, run) == uncut(SMALL)


def test_another_manager_goes_on_where_the_first_was_cut_off(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "KEEP_SECONDS", 0.0)
    run = bench.lab.submit(SMALL)
    bench.work(lambda: bench.lab.record(run).step >= 7)
    before = {job.unit.index: job.step for job in bench.crew.jobs}
    bench.manager, bench.crew.jobs[:] = bench.new_manager(), []
    assert finish(bench, run).status == "finished"
    again = {job.unit.index: job.step for job in reversed(bench.crew.jobs)}
    assert {unit: (step, before[unit]) for unit, step in again.items() if step < before[unit]} == {}
    assert said(bench.lab, run) == uncut(SMALL)


def test_a_stopped_comparison_keeps_what_the_last_look_said(bench: Bench) -> None:
    run = bench.lab.submit(replace(SMALL, budget=replace(BUDGET, steps=400)))
    bench.work(lambda: bench.lab.adapting(run).meta_step >= 240)
    bench.lab.command(run, "stop")
    assert finish(bench, run).status == "stopped"
    history = bench.lab.adapting(run)
    assert (history.is_final, history.looked) == (False, 200)
    assert {name for name, _ in history.found()} == {"maml", "ridge", "scratch"}


def test_groups_of_an_uploaded_table_go_the_same_way(bench: Bench, shops: Groups) -> None:
    asked = replace(SMALL, family=shops)
    run = bench.lab.submit(asked)
    record = finish(bench, run)
    assert (record.status, record.data_title, record.experiment) == ("finished", "shops", asked)
    assert said(bench.lab, run) == uncut(asked)
    sent = [job for job in bench.crew.jobs if job.dataset is not None]
    assert len(sent) <= 2  # a worker keeps the table


def test_too_many_labels_fail_in_a_sentence(bench: Bench, shops: Groups) -> None:
    def as_a_worker_does(job: Job) -> Exception | None:
        try:
            work(job)
        except InvalidInput as problem:
            return problem
        return None

    bench.crew.spoil = as_a_worker_does
    record = finish(bench, bench.lab.submit(replace(SMALL, family=shops, shots=(40,))))
    assert record.status == "failed"
    assert "no new task has more than 40 labelled rows" in record.message


def test_a_table_without_enough_groups_is_refused_before_it_runs(bench: Bench, shops: Groups) -> None:
    with pytest.raises(InvalidInput, match="12 groups of 4 or more labelled rows, too few for 9 folds"):
        bench.lab.submit(replace(SMALL, family=shops, budget=replace(BUDGET, folds=9)))


def test_a_learner_that_diverges_is_named(bench: Bench) -> None:
    wild = replace(SMALL, family=Sinusoids(), learners=(ModelAgnostic(inner_rate=10.0, inner_steps=20), Scratch()))
    record = finish(bench, bench.lab.submit(wild))
    assert record.status == "finished"
    assert any("no longer finite" in sentence for sentence in record.diverged)


# --- knobs and single steps -------------------------------------------------------------------------------------
def test_a_turned_knob_takes_effect_at_one_meta_step_of_all_learners_and_the_record_gives_the_same_numbers(
    bench: Bench,
) -> None:
    run = bench.lab.submit(SMALL)
    bench.work(lambda: bench.lab.record(run).step >= 5)
    bench.lab.change(run, "budget", "learning_rate", 0.5)
    bench.lab.change(run, "maml", "inner_rate", 0.3)
    bench.lab.change(run, "maml", "inner_rate", 0.2)
    bench.lab.change(run, "ridge", "strength", 10.0)
    assert finish(bench, run).status == "finished"
    turned = bench.lab.adaptation(run).experiment
    assert {(each.part, each.knob): each.value for each in turned.changes} == {
        ("budget", "learning_rate"): 0.5,
        ("maml", "inner_rate"): 0.2,
        ("ridge", "strength"): 10.0,
    }
    (at,) = {each.step for each in turned.changes}
    assert 5 <= at < BUDGET.steps
    assert said(bench.lab, run) == uncut(turned)
    history = bench.lab.adapting(run)
    assert command_of(history.experiment) == "mtl-lab adapt experiment.json"
    assert [each["step"] for each in told(history.experiment, history.found())["changes"]] == [at] * 3
    again = bench.lab.submit(turned)
    assert finish(bench, again).status == "finished"
    assert said(bench.lab, again) == said(bench.lab, run)
    assert Adaptation.from_json(json.loads(bench.lab.export_json(run))["experiment"]) == turned
    assert said(bench.lab, run) != uncut(SMALL)


def test_a_turned_knob_is_felt_from_its_meta_step_on_by_whom_it_concerns() -> None:
    plain = facts_of(SMALL)
    for part, knob, value, concerned in (
        ("budget", "learning_rate", 0.5, {"maml", "ridge"}),
        ("maml", "inner_rate", 0.5, {"maml"}),
        ("ridge", "strength", 50.0, {"ridge"}),
    ):
        turned = facts_of(SMALL.changed(Change(6, part, knob, value)))
        assert turned.keys() == plain.keys()
        differ = [each for each in plain if turned[each] != plain[each]]
        assert {name for name, _, _ in differ} == concerned
        assert min(step for _, step, _ in differ) == 8


def facts_of(asked: Adaptation) -> dict[tuple[str, int, str], str]:
    """Everything said: (learner, meta-step, kind of fact) -> the fact."""
    events = [each for unit in asked.units for each in advance(asked, unit, asked.family, None).events]
    return {(asked.learners[each.unit].name, getattr(each, "step", 0), each.kind): dumps(each) for each in events}


def test_a_knob_turned_before_the_first_meta_step_stood_there_from_the_start() -> None:
    turned = SMALL.changed(Change(0, "maml", "inner_rate", 0.3)).changed(Change(0, "budget", "learning_rate", 0.1))
    plain = turned.in_force()
    assert not plain.changes
    assert plain.learners[0] == ModelAgnostic(inner_rate=0.3)
    assert uncut(turned) == uncut(plain)


def test_a_knob_turned_when_all_are_prepared_is_said_to_be_too_late(bench: Bench) -> None:
    late = course.course_of(bench.lab.record(bench.lab.submit(SMALL)), saved={}, finished={0: 12, 2: 0})
    late.pending["budget", "learning_rate"] = 0.05
    assert "too late to have an effect" in late.turn_knobs()
    assert late.experiment == SMALL


def test_a_learner_that_is_not_prepared_does_not_put_off_a_knob(bench: Bench) -> None:
    early = course.course_of(bench.lab.record(bench.lab.submit(SMALL)), saved={}, finished={2: 0})
    early.pending["budget", "learning_rate"] = 0.05
    assert early.turn_knobs() == ""
    assert [each.step for each in early.experiment.changes] == [0]


def test_a_step_goes_on_to_the_next_point_with_its_look_and_waits_there(bench: Bench) -> None:
    run = bench.lab.submit(SMALL, paused=True)
    points: list[int] = []
    for _ in range(3):
        bench.lab.command(run, "step")
        bench.work(lambda: bench.lab.record(run).status == "paused" and bench.lab.record(run).step > len(points) * 4)
        points.append(bench.lab.record(run).step)
        history = bench.lab.adapting(run)
        assert set(history.losses().groupby("learner")["step"].max()) == {points[-1]}
        assert history.looked == max(each for each in SMALL.looks if each <= points[-1])
    assert points == [4, 8, 12]
    bench.lab.command(run, "step")
    assert finish(bench, run).status == "finished"
    assert said(bench.lab, run) == uncut(SMALL)


@pytest.mark.parametrize("steps", [1, 3, 12, 950])
def test_moves_and_meta_steps_are_told_from_each_other(steps: int) -> None:
    """As the learner itself counts them."""
    asked = replace(SMALL, learners=(RidgeHead(),), budget=replace(BUDGET, steps=steps, tasks=1))
    track, made = Track.begin(asked, asked.units[0], asked.family), []
    while not track.done:
        assert asked.meta_steps(track.moves) == track.preparation.step
        made.append(track.preparation.step)
        track.move()
    assert asked.moves == track.moves
    goal = 0
    while (goal := asked.next_point(goal)) < asked.moves:
        assert made[goal] % BUDGET.evaluate_every == 0 or made[goal] == steps
        assert made[goal + 1] == min(made[goal] + 1, steps)
    assert goal == asked.moves


# --- beside other runs ------------------------------------------------------------------------------------------
def test_kinds_of_runs_stand_in_one_list_and_are_told_apart(bench: Bench, small: Experiment) -> None:
    lab = bench.lab
    trained, adapted = lab.submit(small), lab.submit(SMALL, "mine", "a note")
    assert [each.id for each in lab.records()] == [adapted, trained]
    assert [each.id for each in lab.runs()] == [trained]
    assert [each.id for each in lab.records(text="mine")] == [adapted]
    assert lab.adaptation(adapted).experiment == SMALL
    assert lab.run(trained).experiment == small
    assert (lab.record(adapted).position, lab.record(adapted).steps) == (2, SMALL.steps)
    for ask, run in ((lab.run, adapted), (lab.history, adapted), (lab.comparison, adapted), (lab.adaptation, trained)):
        with pytest.raises(InvalidInput, match="look at it on the page"):
            ask(run)
    for part, knob, words in (
        ("optimiser", "learning_rate", "'optimiser' cannot change during a run; only budget and maml and ridge"),
        ("budget", "steps", "'steps' cannot change during a run; only learning_rate can"),
        ("scratch", "rate", "'rate' cannot change during a run; only nothing can"),
    ):
        with pytest.raises(InvalidInput, match=words):
            lab.change(adapted, part, knob, 0.1)


def test_a_comparison_can_be_renamed_saved_restored_exported_and_deleted(bench: Bench) -> None:
    lab, run = bench.lab, bench.lab.submit(SMALL)
    finish(bench, run)
    lab.rename(run, "Waves")
    lab.annotate(run, "kept")
    again = lab.restore(lab.archive(run))
    assert (lab.adaptation(again).name, lab.adaptation(again).note) == ("Waves", "kept")
    assert said(lab, again) == said(lab, run)
    exported = json.loads(lab.export_json(run))
    assert Adaptation.from_json(exported["experiment"]) == SMALL
    assert {row["learner"] for row in exported["result"]["judged"]} == {"maml", "ridge", "scratch"}
    rows = list(csv.DictReader(io.StringIO(lab.export_csv(run))))
    assert {row["quantity"] for row in rows} >= {"loss", "error", "provisional error"}
    lab.delete(run)
    assert [each.id for each in lab.records()] == [again]


def test_a_run_of_each_kind_takes_its_turn(bench: Bench, small: Experiment) -> None:
    both = bench.lab.submit(small), bench.lab.submit(SMALL)
    for run in both:
        bench.work(lambda run=run: bench.lab.record(run).has_ended)  # type: ignore[misc]
    first = [job.run for job in bench.crew.jobs[:8]]
    assert set(first) == set(both)
    assert [bench.lab.record(run).status for run in both] == ["finished", "finished"]


def test_the_price_is_learned_from_runs_that_ended() -> None:
    speed = Speed(1e-4, 1e-9)
    before = speed.preparing(SMALL, 1)
    seconds = [4.0, 2.0, 1.0]
    assert speed.learned(SMALL, seconds).preparing(SMALL, 1) == pytest.approx(7.0)
    assert speed.learned(SMALL, seconds).preparing(SMALL, 2) == pytest.approx(4.0)
    assert speed.preparing(replace(SMALL, budget=replace(BUDGET, steps=1200)), 1) > 5 * before


def test_one_run_that_was_slowed_down_does_not_raise_the_price() -> None:
    speed = Speed(1e-4, 1e-9)
    for slowed in (1, 1, 20, 1, 30):
        speed = speed.learned(SMALL, [slowed * each for each in (4.0, 2.0, 1.0)])
        assert speed.preparing(SMALL, 1) == pytest.approx(7.0)
    for _ in range(3):
        speed = Speed.from_json(speed.learned(SMALL, [8.0, 4.0, 2.0]).to_json())
    assert speed.preparing(SMALL, 1) == pytest.approx(14.0)  # a machine that stays slow is believed


def test_what_an_older_version_learned_is_understood() -> None:
    older = {"per_step": 1e-4, "per_product": 1e-9, "ratios": {"learner maml": 2.5}}
    assert Speed.from_json(older).ratios == {"learner maml": [2.5]}


# --- real processes ---------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_no_end_of_a_process_loses_a_comparison_or_shows_in_the_numbers(own_lab: Lab) -> None:
    asked = replace(SMALL, budget=replace(BUDGET, steps=1500), trunk=Trunk(width=16))
    run = own_lab.submit(asked)
    wait_until(lambda: own_lab.record(run).step > 20)
    workers(own_lab)[0].send_signal(signal.SIGKILL)
    at = own_lab.record(run).step
    wait_until(lambda: own_lab.record(run).step > at + 20)

    dead = engine_process(own_lab)
    dead.send_signal(signal.SIGKILL)
    wait_until(lambda: own_lab.engine_ready() and engine_pid(own_lab) != dead.pid)
    wait_until(lambda: own_lab.record(run).has_ended)
    record = own_lab.record(run)
    assert (record.status, record.message) == ("finished", "")
    assert said(own_lab, run) == uncut(asked)
    assert own_lab.seconds_of(asked) is not None


__all__ = ["own_lab"]
