"""What leaves the lab can be read elsewhere and says everything that decided the numbers."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mtl_core.changes import Change
from mtl_core.data.base import sources
from mtl_core.data.synthetic import Relatedness
from mtl_core.evaluation.compare import compare
from mtl_core.evaluation.history import History
from mtl_core.evaluation.report import (
    data_apart,
    differences,
    harmless,
    history_csv,
    machine,
    run_json,
    settings_in_words,
    verdict_rows,
)
from mtl_core.events import UnitFinished
from mtl_core.experiment import Experiment, Plan, Training, shape_for
from mtl_core.models.base import Trunk, sharings
from mtl_core.models.hard import Hard
from mtl_core.optimisers import Adam, StochasticGradientDescent
from mtl_core.tasks import TaskSpec
from mtl_core.weighting.by_loss import Fixed

EXPERIMENT = Experiment(
    Relatedness(tasks=2, rows=60, inputs=3),
    ("task 1", "task 2"),
    trunk=Trunk(width=4, depth=1),
    training=Training(steps=20, evaluate_every=10),
    plan=Plan(folds=5, inits=1),
)
WILD = ('=1+1, "quoted"', "体重 <b>$x$</b>\nline")


@pytest.fixture(scope="module")
def history() -> History:
    """A real run whose tasks carry names that a person could have typed."""
    from mtl_core.training.engine import advance, prepared_for

    dataset = EXPERIMENT.data.load()
    shape, prepared = shape_for(EXPERIMENT, dataset), prepared_for(EXPERIMENT, dataset)
    named = tuple(TaskSpec(name, "regression") for name in WILD)
    made = History(EXPERIMENT, named, shape)
    for unit in made.units:
        made.add(advance(EXPERIMENT, unit, prepared, dataset.tasks, None).events)
    return made


def test_the_csv_gives_back_the_tidy_table_whatever_the_tasks_are_called(history: History) -> None:
    table = pd.read_csv(io.StringIO(history_csv(history)))
    pd.testing.assert_frame_equal(table, harmless(history.frame()), check_dtype=False)
    assert {name.removeprefix("'") for name in table["task"]} == set(WILD)
    assert {"train", "validation", "test_error", "weights", "final rrmse", "final r2"} <= set(table["quantity"])


def test_a_run_as_json_holds_the_experiment_the_answer_and_the_machine(history: History) -> None:
    comparison = compare(history)
    text = json.dumps(run_json(EXPERIMENT, comparison, name="mine", status="finished"), allow_nan=False)
    read = json.loads(text)
    assert Experiment.from_json(read["experiment"]) == EXPERIMENT
    assert read["name"] == "mine"
    assert len(read["comparison"]["verdicts"]) == 4
    assert read["machine"]["mtl_lab"] == machine()["mtl_lab"]


def test_rows_carry_the_verdict_and_the_price_of_both_sides(history: History) -> None:
    rows = verdict_rows(compare(history))
    assert [(row["sharing"], row["baseline"], row["task"]) for row in rows] == [
        ("hard", baseline, task) for baseline in ("equal_width", "equal_parameters") for task in WILD
    ]
    first = rows[0]
    assert {"alone", "together", "gain", "low", "high", "verdict", "metric", "folds", "inits"} <= set(first)
    assert first["parameters_together"] < first["parameters_alone"]
    assert (first["networks_together"], first["networks_alone"]) == (5, 10)
    assert first["predict_seconds_alone"] > 0


def test_a_run_that_has_only_begun_can_be_exported() -> None:
    begun = History(EXPERIMENT, tuple(EXPERIMENT.data.load().tasks), shape_for(EXPERIMENT, EXPERIMENT.data.load()))
    begun.add([UnitFinished(0, 0)])
    json.dumps(run_json(EXPERIMENT, compare(begun, finished=False)), allow_nan=False)
    assert history_csv(begun).splitlines() == ["arm,together,task,fold,init,step,quantity,value"]


def test_an_experiment_does_not_differ_from_itself() -> None:
    assert differences(EXPERIMENT, Experiment.from_json(EXPERIMENT.to_json())) == []


@pytest.mark.parametrize(
    ("other", "setting", "a", "b"),
    [
        (replace(EXPERIMENT, trunk=Trunk(width=2000 // 2, depth=1)), "Network: Width", "4", "1,000"),
        (replace(EXPERIMENT, plan=Plan(folds=7, inits=1)), "Plan: Folds", "5", "7"),
        (replace(EXPERIMENT, plan=Plan(folds=5, inits=1, equal_width=False)), "Plan: Equal width", "yes", "no"),
        (replace(EXPERIMENT, optimiser=Adam(learning_rate=0.1)), "Optimiser: Learning rate", "0.005", "0.1"),
        (replace(EXPERIMENT, tasks=("task 2",)), "Tasks", "task 1, task 2", "task 2"),
        (
            replace(EXPERIMENT, changes=(Change(100, "optimiser", "learning_rate", 0.01),)),
            "Changed during the run",
            "",
            "step 100: optimiser learning rate = 0.01",
        ),
    ],
)
def test_one_changed_setting_is_one_difference(other: Experiment, setting: str, a: str, b: str) -> None:
    found = differences(EXPERIMENT, other)
    assert [(each.setting, each.a, each.b) for each in found] == [(setting, a, b)]
    assert [(each.setting, each.a, each.b) for each in differences(other, EXPERIMENT)] == [(setting, b, a)]


def test_data_that_differ_are_told_apart_by_their_dials() -> None:
    mine = Relatedness(tasks=2, rows=60, inputs=3)
    other = replace(EXPERIMENT, data=replace(mine, relatedness=0.25, rows=90))
    words = data_apart(replace(EXPERIMENT, data=mine), other)
    assert f"relatedness: {mine.relatedness} against 0.25" in words.lower()
    assert "60 against 90" in words
    penguins = sources["penguins"]()
    words = data_apart(EXPERIMENT, replace(EXPERIMENT, data=penguins))
    assert words == f"{EXPERIMENT.data.label()} against {penguins.label()}"
    assert data_apart(EXPERIMENT, EXPERIMENT) == "the rows themselves"


def test_another_method_differs_in_its_name_and_in_knobs_that_only_one_has() -> None:
    other = replace(EXPERIMENT, optimiser=StochasticGradientDescent(), weighting=Fixed((1.0, 2.0)))
    found = {each.setting: (each.a, each.b) for each in differences(EXPERIMENT, other)}
    assert found["Optimiser"] == ("Adam", "Gradient descent (SGD)")
    assert found["Optimiser: Momentum"] == ("", "0.9")
    assert found["Loss weights: Weight"] == ("", "1.0, 2.0")


def test_a_race_differs_from_one_of_its_runners_by_the_others_alone() -> None:
    found = differences(EXPERIMENT, replace(EXPERIMENT, sharings=(*EXPERIMENT.sharings, sharings["mmoe"]())))
    mine = EXPERIMENT.sharings[0]
    assert {each.setting for each in found if each.a} == {"How to share"}
    assert not any(each.setting.startswith(f"{mine.title}:") for each in found)


@pytest.mark.parametrize("name", sharings)
def test_every_sharing_type_can_be_described(name: str) -> None:
    words = settings_in_words(replace(EXPERIMENT, sharings=(sharings[name](), Hard())))
    assert words["How to share"].startswith(sharings[name].label())
    assert all(isinstance(value, str) for value in words.values())


def test_a_diverging_learning_rate_ends_in_sentences_not_in_nan() -> None:
    from mtl_core.training.engine import advance, prepared_for

    hot = replace(EXPERIMENT, optimiser=StochasticGradientDescent(learning_rate=1e6))
    dataset = hot.data.load()
    history = History(hot, dataset.tasks, shape_for(hot, dataset))
    for unit in history.units:
        history.add(advance(hot, unit, prepared_for(hot, dataset), dataset.tasks, None).events)
    comparison = compare(history)
    assert history.diverged()
    assert any("diverged" in note for note in comparison.notes)
    json.dumps(run_json(hot, comparison), allow_nan=False)
    assert np.isfinite(history.frame()["value"]).all()
