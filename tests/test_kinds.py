"""Every kind of task trains: together with all others, the same as alone, and better than a constant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mtl_core.data.base import Dataset
from mtl_core.data.bundled import SolarFlare
from mtl_core.data.synthetic import Relatedness
from mtl_core.evaluation.summaries import trivial_error
from mtl_core.events import Progress, UnitFinished
from mtl_core.experiment import Experiment, Plan, Training, Unit, shape_for
from mtl_core.metrics import for_kind, metrics
from mtl_core.models.base import Trunk
from mtl_core.tasks import TaskSpec, kinds
from mtl_core.training.engine import advance, prepared_for

CLASSES = {"binary": ("no", "yes")}
KINDS = tuple(kinds)


def table() -> Dataset:
    """A task of every kind from one signal, some labels missing."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((240, 3))
    signal = inputs @ np.array([1.0, -0.7, 0.4])
    steps = np.digitize(signal, [-1.0, 0.0, 1.0]).astype(float)
    labels = {
        "regression": 40 * signal + 3,
        "median": 40 * signal + rng.standard_cauchy(240),
        "huber": 9 * signal + rng.standard_cauchy(240),
        "count": rng.poisson(np.exp(signal)).astype(float),
        "binary": (signal > 0).astype(float),
        "multiclass": steps,
        "ordinal": steps,
        "ranking": steps,
        "listwise": steps,
        "box": np.exp(signal),
    }
    targets = pd.DataFrame({kind: labels[kind] for kind in KINDS})
    targets = targets.mask(rng.random(targets.shape) < 0.1)
    four = ("lowest", "low", "high", "highest")
    tasks = tuple(TaskSpec(k, k, CLASSES.get(k, four) if kinds[k].needs_classes else ()) for k in KINDS)
    begin = np.stack([signal, inputs[:, 0]], 1)
    boxes = {"box": np.concatenate([begin, begin + np.exp(0.2 * signal)[:, None] * [3, 4]], 1)}
    features, lists = pd.DataFrame(inputs, columns=["a", "b", "c"]), rng.permutation(240) // 6
    return Dataset("all", "All kinds", features, targets, tasks, groups=lists, queries=lists, boxes=boxes)


TABLE = table()
PLAN = Experiment(
    Relatedness(),
    KINDS,
    trunk=Trunk(width=16),
    training=Training(steps=200, batch_size=32, evaluate_every=50),
    plan=Plan(folds=2, equal_parameters=False),
)
UNITS = PLAN.units(shape_for(PLAN, TABLE))


def events(unit: Unit) -> tuple[list[Progress], UnitFinished]:
    found = advance(PLAN, unit, prepared_for(PLAN, TABLE), TABLE.tasks, None).events
    return [each for each in found if isinstance(each, Progress)], next(
        each for each in found if isinstance(each, UnitFinished)
    )


def test_every_kind_of_task_is_learned_better_than_a_constant_and_scored_by_each_of_its_metrics() -> None:
    for unit in UNITS:
        progress, finished = events(unit)
        for t, task in enumerate(TABLE.tasks):
            learned = [r for r, replica in enumerate(unit.replicas) if t in replica.tasks]
            assert (progress[-1].test_error[learned, t] < 0.9 * trivial_error(task, TABLE)).all(), task.name
            for name in metrics:
                known = np.isfinite(finished.scores[name][learned, t])
                assert known.all() if name in for_kind(task.kind) else not known.any()


def test_a_task_alone_gives_the_same_numbers_as_in_the_stack_whatever_its_kind() -> None:
    whole = UNITS[0]
    progress, _ = events(whole)
    for r, replica in enumerate(whole.replicas):
        if replica.fold or len(replica.tasks) > 1:
            continue
        alone, _ = events(replace(whole, replicas=(replica,)))
        for a, b in zip(alone, progress, strict=True):
            np.testing.assert_allclose(a.train[0], b.train[r], rtol=2e-3, atol=2e-4)
            np.testing.assert_allclose(a.test_error[0], b.test_error[r], rtol=2e-3, atol=2e-4)


def test_counts_without_any_event_among_the_training_rows_keep_their_own_unit() -> None:
    assert kinds["count"]().units(np.array([0.0, np.nan, 0.0]), True) == (0.0, 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_goes_to_json_and_back(kind: str) -> None:
    task = TABLE.tasks[KINDS.index(kind)]
    assert TaskSpec.from_json(task.to_json()) == task


def test_solar_flares_are_counts() -> None:
    assert {task.kind for task in SolarFlare().load().tasks} == {"count"}
