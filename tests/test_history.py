"""A history gives back what the events said, however they came."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_core.data.synthetic import Relatedness
from mtl_core.evaluation.history import History
from mtl_core.evaluation.spread import magnitude_similarity
from mtl_core.events import Event, Progress, Replica, UnitFinished, dumps, loads
from mtl_core.experiment import Experiment, Plan
from mtl_core.models.base import Shape, Trunk
from mtl_core.tasks import TaskSpec

TASKS = tuple(TaskSpec(f"task {t + 1}", "regression") for t in range(3))
EXPERIMENT = Experiment(Relatedness(tasks=3), tuple(task.name for task in TASKS), plan=Plan(folds=5, inits=4))
SHAPE = Shape(4, (1, 1, 1), Trunk())
STEPS = (0, 20, 40)


def value(replica: Replica, task: int, step: int) -> float:
    """A number that tells where it came from; networks alone are 1000 higher."""
    return (len(replica.tasks) == 1) * 1000 + 100 * replica.fold + 10 * replica.init + task + step / 1000


def progress(history: History, unit: int, step: int, **changed: Any) -> Progress:
    replicas = history.units[unit].replicas
    n_tasks = len(history.tasks)
    values = np.array(
        [[value(r, t, step) if t in r.tasks else np.nan for t in range(n_tasks)] for r in replicas], np.float32
    )
    cosine = np.where(np.eye(n_tasks) > 0, 1.0, -0.5) * np.where([[[len(r.tasks) > 1]] for r in replicas], 1.0, np.nan)
    facts: dict[str, Any] = {"train": values, "validation": values + 1, "validation_error": values + 2}
    facts |= {"test_error": values + 3, "weights": np.ones_like(values), "cosine": cosine.astype(np.float32)}
    lengths = np.where(np.isfinite(cosine[:, 0]), [1.0, math.sqrt(2), 4.0][:n_tasks], np.nan)
    facts |= {"gradient_norm": lengths.astype(np.float32), "inside": shown(history, unit, step)}
    facts |= {"best_step": np.zeros(values.shape, np.int64), "seconds": float(step)}
    facts |= {"stopped": np.zeros(len(replicas), bool), "diverged": np.zeros(len(replicas), bool)}
    return Progress(unit=unit, step=step, **(facts | changed))


def shown(history: History, unit: int, step: int) -> dict[str, Any]:
    """Gates of three tasks over two experts, stitches of two parts a task, and one gate for all tasks."""
    together = np.array([len(r.tasks) > 1 for r in history.units[unit].replicas])[:, None, None]
    sizes = {"gates": (3, 2), "stitch.0": (6, 6), "common": (1, 2)} if len(history.tasks) == 3 else {}
    cells = {name: np.arange(r * c).reshape(r, c) + step / 1000 for name, (r, c) in sizes.items()}
    return {name: np.where(together, each, np.nan).astype(np.float32) for name, each in cells.items()}


def finished(history: History, unit: int) -> UnitFinished:
    last = progress(history, unit, STEPS[-1])
    return UnitFinished(unit, STEPS[-1], {"rrmse": last.test_error, "r2": -last.test_error}, 10, 1e-6)


def empty() -> History:
    return History(EXPERIMENT, TASKS, SHAPE)


def everything(history: History) -> list[Event]:
    curves: list[Event] = [progress(history, u, step) for step in STEPS for u in range(len(history.units))]
    return curves + [finished(history, u) for u in range(len(history.units))]


def full() -> History:
    history = empty()
    history.add(everything(history))
    return history


@cache
def full_frame() -> pd.DataFrame:
    return full().frame()


def test_the_networks_of_this_experiment_fill_several_stacks() -> None:
    assert len(empty().units) > 3


def test_a_history_without_events_is_empty_and_can_be_read() -> None:
    history = empty()
    assert history.is_empty
    assert history.summary("hard", 0, "train").empty
    assert history.weights("hard").empty
    assert history.cosine("hard").empty
    assert history.frame().empty
    assert history.diverged() == []
    assert np.isnan(history.test_errors("hard")).all()
    assert history.predict_seconds("hard") is None


@pytest.mark.parametrize(("quantity", "shift"), [("train", 0), ("validation", 1), ("validation_error", 2)])
@pytest.mark.parametrize("arm", ["hard", "alone:32"])
def test_a_curve_is_the_mean_and_the_quantiles_over_folds_and_inits(arm: str, quantity: str, shift: int) -> None:
    curve = full().summary(arm, 2, quantity)
    tasks = (0, 1, 2) if arm == "hard" else (2,)
    expected = [[value(Replica(arm, f, i, tasks), 2, s) + shift for f in range(5) for i in range(4)] for s in STEPS]
    assert curve["step"].tolist() == list(STEPS)
    assert curve["n"].tolist() == [20] * 3
    np.testing.assert_allclose(curve["mean"], np.mean(expected, 1), rtol=1e-6)
    np.testing.assert_allclose(curve["low"], np.quantile(expected, 0.1, axis=1), rtol=1e-6)
    np.testing.assert_allclose(curve["high"], np.quantile(expected, 0.9, axis=1), rtol=1e-6)


def test_scores_of_networks_alone_are_put_together_task_by_task() -> None:
    history = full()
    for arm, base in [("hard", 0), ("alone:32", 1000)]:
        at = base + 100 * np.arange(5)[:, None, None] + 10 * np.arange(4)[:, None] + np.arange(3) + 0.04 + 3
        np.testing.assert_allclose(history.test_errors(arm), at, rtol=1e-6)
        np.testing.assert_allclose(history.scores(arm, "r2"), -at, rtol=1e-6)
        assert np.isnan(history.scores(arm, "log_loss")).all()


def test_cosines_belong_to_the_networks_together() -> None:
    together = full().cosine("hard")
    assert set(zip(together["a"], together["b"], strict=True)) == {(0, 1), (0, 2), (1, 2)}
    assert (together["mean"] == -0.5).all()
    assert full().cosine("alone:32").empty


def test_lengths_of_gradients_and_how_alike_they_are_belong_to_the_networks_together() -> None:
    norms = full().gradient_norms("hard")
    assert norms[norms["step"] == 20]["mean"].tolist() == pytest.approx([1, math.sqrt(2), 4])
    alike = full().magnitude_similarity("hard").query("step == 20").set_index(["a", "b"])["mean"]
    assert alike[0, 1] == pytest.approx(0.94281, abs=5e-6)  # of (1, 0) and (-1, 1)
    assert alike[0, 2] == pytest.approx(8 / 17)
    assert full().gradient_norms("alone:32").empty
    assert full().magnitude_similarity("alone:32").empty


def test_lengths_of_any_scale_are_compared_without_overflow() -> None:
    one, other = np.array([1e-300, 1e300, 0.0, 0.0]), np.array([3e-300, 3e300, 1.0, 0.0])
    np.testing.assert_allclose(magnitude_similarity(one, other), [0.6, 0.6, 0.0, np.nan])


def test_what_a_sharing_type_shows_comes_back_cell_by_cell() -> None:
    table = full().inside("hard")
    assert table["name"].unique().tolist() == ["gates", "stitch.0", "common"]
    cell = table.query("name == 'stitch.0' and row == 4 and column == 1")
    assert cell["step"].tolist() == list(STEPS)
    np.testing.assert_allclose(cell["mean"], 25 + np.array(STEPS) / 1000, rtol=1e-6)
    assert (cell["n"] == 20).all()
    last = full().inside("hard", last=True)
    pd.testing.assert_frame_equal(last, table[table["step"] == STEPS[-1]].reset_index(drop=True))
    assert full().inside("alone:32").empty


def test_the_tidy_table_gives_each_task_its_own_rows_of_what_is_shown() -> None:
    row = full_frame().query("arm == 'hard' and task == 'task 2' and fold == 0 and init == 0 and step == 0")
    values = row.set_index("quantity")["value"]
    assert values["inside gates[1]"] == 3
    assert values["inside stitch.0[1, 5]"] == 23
    assert values["inside common[1]"] == 1
    assert values["magnitude similarity with task 3"] == pytest.approx(2 * math.sqrt(2) * 4 / 18)
    assert values["cosine with task 3"] == -0.5


def test_events_from_before_these_were_measured_still_load() -> None:
    history = empty()
    facts = [json.loads(dumps(event)) for event in everything(history)]
    for fact in facts:
        fact.pop("gradient_norm", None)
        fact.pop("inside", None)
    history.add(loads(json.dumps(fact)) for fact in facts)
    assert history.gradient_norms("hard").empty
    assert history.magnitude_similarity("hard").empty
    assert history.inside("hard").empty
    old = ~full_frame()["quantity"].str.contains("gradient_norm|inside|magnitude")
    pd.testing.assert_frame_equal(history.frame(), full_frame()[old].reset_index(drop=True))


@given(st.permutations(range(len(everything(empty())))), st.integers(0, 30))
@settings(max_examples=15, deadline=None)
def test_neither_order_nor_repetition_of_events_matters(order: list[int], repeated: int) -> None:
    history = empty()
    events = everything(history)
    history.add(events[i] for i in order)
    history.add(events[:repeated])
    pd.testing.assert_frame_equal(history.frame(), full_frame())


def test_events_that_went_through_json_say_the_same() -> None:
    history = empty()
    history.add(loads(dumps(event)) for event in everything(history))
    pd.testing.assert_frame_equal(history.frame(), full_frame())


def test_many_steps_are_all_kept_and_ascending() -> None:
    history = empty()
    history.add(progress(history, 0, step) for step in range(0, 3000, 10))
    steps, (train,) = history.records[0].read("train")
    assert steps.tolist() == list(range(0, 3000, 10))
    assert train.shape == (300, len(history.units[0].replicas), 3)


def test_a_stack_that_ended_early_keeps_its_last_point() -> None:
    history = empty()
    own = history.places["hard", 0]
    first, others = own[0], own[1:]
    history.add([progress(history, first.unit, 0), finished(history, first.unit)])
    history.add(progress(history, place.unit, step) for place in others for step in STEPS)
    curve = history.summary("hard", 0, "train")
    assert curve["n"].tolist() == [20] * 3
    last = [
        value(Replica("hard", fold, init, (0, 1, 2)), 0, 0 if place is first else STEPS[-1])
        for place in own
        for fold, init in zip(place.folds, place.inits, strict=True)
    ]
    assert curve["mean"].iloc[-1] == pytest.approx(np.mean(last), rel=1e-6)


def test_a_diverged_network_is_named_leaves_the_curve_and_has_no_score() -> None:
    history = empty()
    place = history.places["hard", 1][0]
    gone = history.units[place.unit].replicas[place.positions[0]]
    flags = np.zeros(len(history.units[place.unit].replicas), bool)
    flags[place.positions[0]] = True
    history.add([progress(history, place.unit, 0), progress(history, place.unit, 20, diverged=flags)])
    assert history.diverged() == [("hard", gone.fold, gone.init, 20)]
    assert history.summary("hard", 1, "train")["n"].diff().tolist()[1:] == [-1]
    assert np.isnan(history.test_errors("hard")[gone.fold, gone.init]).all()


def test_networks_can_be_compared_at_a_step_they_all_reached() -> None:
    history = empty()
    place = history.places["hard", 0][0]
    history.add(progress(history, place.unit, step) for step in STEPS)
    reached = history.reached("hard")
    assert set(np.unique(reached[place.folds, place.inits])) == {40}
    earlier = history.test_errors("hard", np.minimum(reached, 25))
    expected = 100 * place.folds + 10 * place.inits + 0.02 + 3
    np.testing.assert_allclose(earlier[place.folds, place.inits, 0], expected, rtol=1e-6)


def test_time_is_shared_out_by_the_number_of_networks() -> None:
    history = full()
    total = sum(history.seconds(arm.key) for arm in history.arms)
    assert total == pytest.approx(STEPS[-1] * len(history.units))
    assert history.seconds("alone:32") > history.seconds("hard") > 0
    assert history.predict_seconds("alone:32") == pytest.approx(3 * (history.predict_seconds("hard") or 0))


def test_the_tidy_table_holds_every_known_number_once() -> None:
    table = full_frame()
    key = ["arm", "task", "fold", "init", "step", "quantity"]
    assert not table.duplicated(key).any()
    assert np.isfinite(table["value"]).all()
    networks = 5 * 4 * 3  # folds x inits x tasks; each task has one network an arm
    one = 5 * 4 * len(STEPS)
    inside = one * (3 + 2 * 3 + 3 * 2 + 6 * 6 + 3 * 2)  # norms, two quantities of 3 pairs, gates, stitches, common gate
    assert len(table) == len(empty().arms) * networks * (5 * len(STEPS) + 2) + inside
    row = table.query("arm == 'hard' and task == 'task 2' and fold == 3 and init == 1 and step == 20")
    assert row.set_index("quantity")["value"]["train"] == pytest.approx(311.02)


def test_one_task_has_one_arm_and_no_pairs() -> None:
    alone = replace(EXPERIMENT, tasks=("task 1",))
    history = History(alone, TASKS[:1], Shape(4, (1,), Trunk()))
    history.add([progress(history, 0, 0)])
    assert [arm.key for arm in history.arms] == ["hard"]
    assert history.cosine("hard").empty
    assert len(history.summary("hard", 0, "train")) == 1
