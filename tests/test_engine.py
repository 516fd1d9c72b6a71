"""Laws of the training engine: one replica or many, cut or whole, live knobs, masks, early stopping."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import mtl_core.models
import mtl_core.weighting  # noqa: F401 - registers every method
from mtl_core.changes import Change
from mtl_core.data.base import Dataset
from mtl_core.data.prepare import Prepared
from mtl_core.data.synthetic import Relatedness
from mtl_core.events import Event, Progress, Replica, UnitFinished
from mtl_core.experiment import Experiment, Plan, Training, Unit, replica_seeds, shape_for
from mtl_core.models.base import Trunk, sharings
from mtl_core.models.hard import Hard
from mtl_core.optimisers import Adam, StochasticGradientDescent, optimisers
from mtl_core.tasks import TaskSpec
from mtl_core.training.engine import Slice, advance, calm, prepared_for, run
from mtl_core.training.stack import Stack
from mtl_core.weighting.base import weightings
from mtl_core.weighting.by_loss import Fixed

TASKS = ("size", "kind", "sign")


def mixed_table(rows: int = 90, seed: int = 0) -> Dataset:
    """Three kinds of tasks that share a signal, with missing labels in each."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((rows, 5))
    signal = np.tanh(inputs @ rng.standard_normal((5, 3)))
    targets = pd.DataFrame(
        {
            "size": signal[:, 0] * 50 + 7,
            "kind": signal.argmax(1).astype(float),
            "sign": (signal[:, 1] > 0).astype(float),
        }
    )
    targets = targets.mask(rng.random(targets.shape) < 0.1)
    tasks = (
        TaskSpec("size", "regression"),
        TaskSpec("kind", "multiclass", ("a", "b", "c")),
        TaskSpec("sign", "binary", ("no", "yes")),
    )
    features = pd.DataFrame(inputs, columns=[f"x{i}" for i in range(5)])
    return Dataset("mixed", "Mixed", features, targets, tasks)


TABLE = mixed_table()


def experiment(**knobs: object) -> Experiment:
    settings: dict[str, object] = {
        "trunk": Trunk(width=6),
        "training": Training(steps=12, batch_size=16, evaluate_every=4),
        "plan": Plan(folds=3, equal_parameters=False),
    }
    return Experiment(Relatedness(), TASKS, **(settings | knobs))  # type: ignore[arg-type]


def units(plan: Experiment) -> tuple[Unit, ...]:
    return plan.units(shape_for(plan, TABLE))


def train(plan: Experiment, unit: Unit, prepared: Prepared | None = None) -> list[Progress]:
    done = advance(plan, unit, prepared or prepared_for(plan, TABLE), TABLE.tasks, None)
    return [event for event in done.events if isinstance(event, Progress)]


def assert_same(one: list[Progress], other: list[Progress], rows: list[int] | None = None, exact: bool = True) -> None:
    assert [event.step for event in one] == [event.step for event in other]
    for a, b in zip(one, other, strict=True):
        assert a.inside.keys() == b.inside.keys()
        for name in (
            "train",
            "validation",
            "validation_error",
            "test_error",
            "weights",
            "cosine",
            "gradient_norm",
            *a.inside,
        ):
            left, right = (getattr(each, name, each.inside.get(name)) for each in (a, b))
            if left is None or right is None:
                continue
            right = right if rows is None else right[rows]
            if exact:
                np.testing.assert_array_equal(left, right)
            else:
                np.testing.assert_allclose(left, right, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("weighting", list(weightings))
@pytest.mark.parametrize("sharing", ["hard", "cross_stitch"])
def test_sliced_equals_unsliced_bit_for_bit_whatever_decides_the_weights(sharing: str, weighting: str) -> None:
    plan = experiment(sharings=(sharings[sharing](),), weighting=weightings[weighting]())
    unit, prepared = units(plan)[0], prepared_for(plan, TABLE)
    state, events = None, list[Event]()
    for cut in (1, 3, 1, 4, 100):
        part = advance(plan, unit, prepared, TABLE.tasks, state, max_steps=cut)
        state, events = part.state, [*events, *part.events]
    assert part.done
    assert_same(train(plan, unit, prepared), [event for event in events if isinstance(event, Progress)])


@pytest.mark.parametrize("sharing", list(sharings))
def test_sliced_equals_unsliced_bit_for_bit_for_every_sharing_type(sharing: str) -> None:
    plan = experiment(sharings=(sharings[sharing](),))
    unit, prepared = units(plan)[0], prepared_for(plan, TABLE)
    first = advance(plan, unit, prepared, TABLE.tasks, None, max_steps=5)
    rest = advance(plan, unit, prepared, TABLE.tasks, first.state)
    whole = advance(plan, unit, prepared, TABLE.tasks, None)
    events = [event for event in (*first.events, *rest.events) if isinstance(event, Progress)]
    assert_same([event for event in whole.events if isinstance(event, Progress)], events)
    assert whole.events[-1].to_json().keys() == rest.events[-1].to_json().keys()


@pytest.mark.parametrize("weighting", list(weightings))
@pytest.mark.parametrize("sharing", list(sharings))
def test_a_replica_alone_gives_the_numbers_it_gives_in_a_stack(sharing: str, weighting: str) -> None:
    # Not Adam: where a gradient is 0 but for rounding it makes a full step of the rounding's sign.
    gentle = StochasticGradientDescent(learning_rate=0.05)
    plan = experiment(sharings=(sharings[sharing](),), weighting=weightings[weighting](), optimiser=gentle)
    unit, prepared = units(plan)[0], prepared_for(plan, TABLE)
    whole = train(plan, unit, prepared)
    for row in {0, len(unit.replicas) - 1}:
        alone = replace(unit, replicas=(unit.replicas[row],))
        assert_same(train(plan, alone, prepared), whole, [row], exact=False)


@pytest.mark.parametrize("weighting", list(weightings))
def test_a_single_task_network_learns_the_same_whatever_decides_the_weights(weighting: str) -> None:
    plain, other = experiment(), experiment(weighting=weightings[weighting]())
    rows = [i for i, replica in enumerate(units(plain)[0].replicas) if len(replica.tasks) == 1]
    one, two = train(plain, units(plain)[0])[-1], train(other, units(other)[0])[-1]
    np.testing.assert_allclose(one.validation[rows], two.validation[rows], rtol=1e-4)


def test_a_network_trains_like_a_plain_pytorch_loop() -> None:
    """The same network written with torch.nn and torch.optim, on the same batches, one replica."""
    calm()
    plan = experiment(training=Training(steps=20, batch_size=0, evaluate_every=20))
    prepared, unit = prepared_for(plan, TABLE), units(plan)[0]
    stack = Stack(plan, unit, prepared, TABLE.tasks)
    first = {name: each[0].detach().clone() for name, each in stack.parameters.items()}
    hidden, head = [torch.nn.Linear(5, 6), torch.nn.Linear(6, 6)], torch.nn.Linear(6, 5)
    relu = torch.nn.ReLU()
    trunk = torch.nn.Sequential(hidden[0], relu, hidden[1], relu)
    with torch.no_grad():
        for i, layer in enumerate(hidden):
            layer.weight.copy_(first[f"trunk.{i}.weight"].T)
            layer.bias.copy_(first[f"trunk.{i}.bias"][0])
        head.weight.copy_(first["head.weight"])
        head.bias.copy_(first["head.bias"][:, 0])
    fold = unit.replicas[0].fold
    rows = prepared.train[fold][prepared.train[fold] < TABLE.n_rows]
    inputs, targets = torch.tensor(prepared.inputs[fold, rows]), torch.tensor(prepared.targets[fold, rows])
    optimiser = torch.optim.Adam([*trunk.parameters(), *head.parameters()], lr=0.005)
    known = ~torch.isnan(targets)
    for _ in range(20):
        out = head(trunk(inputs))
        loss = torch.nn.functional.mse_loss(out[known[:, 0], 0], targets[known[:, 0], 0])
        loss = loss + torch.nn.functional.cross_entropy(out[known[:, 1], 1:4], targets[known[:, 1], 1].long())
        loss = loss + torch.nn.functional.binary_cross_entropy_with_logits(out[known[:, 2], 4], targets[known[:, 2], 2])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        stack.step()
    np.testing.assert_allclose(stack.parameters["head.weight"][0].detach(), head.weight.detach(), atol=2e-5)
    np.testing.assert_allclose(stack.parameters["trunk.0.weight"][0].detach().T, hidden[0].weight.detach(), atol=2e-5)


def test_together_and_alone_start_equal_and_see_the_same_batches() -> None:
    plan = experiment()
    stack = Stack(plan, units(plan)[0], prepared_for(plan, TABLE), TABLE.tasks)
    pairs = [(r.fold, r.init) for r in stack.unit.replicas]
    twins = [i for i, pair in enumerate(pairs) if pair == pairs[0]]
    assert len(twins) == 1 + len(TASKS)
    for each in stack.parameters.values():
        assert all(torch.equal(each[twins[0]], each[i]) for i in twins)
    for step in (0, 3, 7):
        inputs, _ = stack.batches.at(step)
        assert all(torch.equal(inputs[twins[0]], inputs[i]) for i in twins)


def test_every_training_row_is_seen_once_in_an_epoch_and_no_other() -> None:
    plan = experiment(training=Training(steps=12, batch_size=7, evaluate_every=4))
    prepared = prepared_for(plan, TABLE)
    stack = Stack(plan, units(plan)[0], prepared, TABLE.tasks)
    n_table = prepared.inputs.shape[1]
    for epoch in (0, 1):
        steps = range(epoch * stack.batches.epoch_steps, (epoch + 1) * stack.batches.epoch_steps)
        rows = torch.cat([stack.batches.rows(step) for step in steps], 1).numpy()
        for seen, replica in zip(rows, stack.unit.replicas, strict=True):
            wanted = prepared.train[replica.fold] + replica.fold * n_table
            real = [row for row in seen if row % n_table != n_table - 1]
            assert sorted(real) == sorted(row for row in wanted if row % n_table != n_table - 1)


def test_the_test_rows_choose_nothing() -> None:
    plan = experiment(training=Training(steps=40, evaluate_every=2, patience=3))
    prepared = prepared_for(plan, TABLE)
    targets = prepared.targets.copy()
    for fold, rows in enumerate(prepared.test):
        targets[fold, rows[rows < TABLE.n_rows]] = 0.0
    unit = units(plan)[0]
    one, two = train(plan, unit, prepared), train(plan, unit, replace(prepared, targets=targets))
    assert [event.step for event in one] == [event.step for event in two]
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.validation, b.validation)
        np.testing.assert_array_equal(a.best_step, b.best_step)
        np.testing.assert_array_equal(a.stopped, b.stopped)
    assert not np.array_equal(one[-1].test_error, two[-1].test_error, equal_nan=True)


def test_the_test_error_belongs_to_the_best_validation_step() -> None:
    plan = experiment(training=Training(steps=60, evaluate_every=3), optimiser=Adam(learning_rate=0.05))
    events = train(plan, units(plan)[0])
    last = events[-1]
    lost = np.stack([np.nanmean(event.validation, 1) for event in events])
    np.testing.assert_array_equal(last.best_step[:, 0], np.array([event.step for event in events])[lost.argmin(0)])


def test_a_patient_replica_stops_and_keeps_its_best_step_while_others_go_on() -> None:
    plan = experiment(
        training=Training(steps=400, evaluate_every=2, patience=4),
        optimiser=Adam(learning_rate=0.03, weight_decay=0.01),
    )
    done = advance(plan, units(plan)[0], prepared_for(plan, TABLE), TABLE.tasks, None)
    events = [event for event in done.events if isinstance(event, Progress)]
    early = next(event for event in events if event.stopped.any() and not event.stopped.all())
    stopped = early.stopped
    assert done.done
    assert done.step < 400
    np.testing.assert_array_equal(events[-1].test_error[stopped], early.test_error[stopped])
    np.testing.assert_array_equal(events[-1].best_step[stopped], early.best_step[stopped])
    assert events[-1].step > early.step


def test_a_learning_rate_that_diverges_stops_that_replica_at_a_good_step_and_spares_the_others() -> None:
    calm()
    plan = experiment(training=Training(steps=30, evaluate_every=3))
    unit, prepared = units(plan)[0], prepared_for(plan, TABLE)
    stack = Stack(plan, unit, prepared, TABLE.tasks)
    untouched = train(plan, unit, prepared)[-1]
    run(stack, max_steps=7)
    stack.parameters["trunk.0.weight"].detach()[1] = torch.inf
    last = [event for event in run(stack) if isinstance(event, Progress)][-1]
    assert last.diverged.tolist() == [i == 1 for i in range(len(unit.replicas))]
    assert last.best_step[1].max() <= 6
    assert np.isfinite(last.test_error[1][~np.isnan(untouched.test_error[1])]).all()
    others = [i for i in range(len(unit.replicas)) if i != 1]
    np.testing.assert_array_equal(last.test_error[others], untouched.test_error[others])
    assert all(torch.isfinite(each).all() for each in stack.parameters.values())


def test_a_wild_learning_rate_ends_with_named_replicas_and_finite_scores() -> None:
    plan = experiment(
        training=Training(steps=200, evaluate_every=5), optimiser=StochasticGradientDescent(learning_rate=1e5)
    )
    done = advance(plan, units(plan)[0], prepared_for(plan, TABLE), TABLE.tasks, None)
    last = [event for event in done.events if isinstance(event, Progress)][-1]
    assert last.diverged.any()
    assert done.done
    finished = done.events[-1]
    assert isinstance(finished, UnitFinished)
    assert np.isfinite(last.test_error[~np.isnan(last.weights)]).all()


def test_a_knob_turned_at_a_step_acts_from_that_step_on() -> None:
    still = experiment(sharings=(Hard(),), weighting=weightings["fixed"]())
    change = Change(6, "weighting", "weights_of_tasks", [5.0, 0.0, 1.0])
    turned = still.changed(change).changed(Change(9, "optimiser", "learning_rate", 0.05))
    unit, prepared = units(still)[0], prepared_for(still, TABLE)
    quiet, moved = train(still, unit, prepared), train(turned, unit, prepared)
    assert_same(quiet[:2], moved[:2])
    assert moved[2].weights[0].tolist() == [5.0, 0.0, 1.0]
    assert not np.allclose(quiet[2].validation[0], moved[2].validation[0])
    alone = next(i for i, replica in enumerate(unit.replicas) if len(replica.tasks) == 1)
    np.testing.assert_array_equal(quiet[2].validation[alone], moved[2].validation[alone])
    state, events = None, list[Event]()
    for cut in (6, 3, 50):
        part: Slice = advance(turned, unit, prepared, TABLE.tasks, state, max_steps=cut)
        state, events = part.state, [*events, *part.events]
    assert_same(moved, [event for event in events if isinstance(event, Progress)])


def test_weights_that_were_set_before_the_run_are_in_force_from_the_first_point_on() -> None:
    plan = experiment(weighting=Fixed((1.0, 4.0, 0.5)))
    assert [event.weights[0].tolist() for event in train(plan, units(plan)[0])] == [[1.0, 4.0, 0.5]] * 4


def test_training_leaves_the_processes_small_numbers_alone() -> None:
    plan = experiment()
    train(plan, units(plan)[0])
    assert float(torch.tensor([1e-40]) * 0.5) > 0


def test_an_absent_task_moves_nothing_of_its_own() -> None:
    plan = experiment(sharings=(Hard(private_layers=1),))
    shape = shape_for(plan, TABLE)
    unit = Unit(0, Hard(private_layers=1), shape, (Replica("hard", 0, 0, (0, 2)),))
    stack = Stack(plan, unit, prepared_for(plan, TABLE), TABLE.tasks)
    before = {name: each.detach().clone() for name, each in stack.parameters.items()}
    for _ in range(5):
        stack.step()
    after = stack.parameters
    assert torch.equal(after["trunk.1.weight"][:, 1], before["trunk.1.weight"][:, 1])
    assert torch.equal(after["head.weight"][:, 1:4], before["head.weight"][:, 1:4])
    assert not torch.equal(after["trunk.1.weight"][:, 0], before["trunk.1.weight"][:, 0])
    assert not torch.equal(after["head.weight"][:, 4], before["head.weight"][:, 4])


def test_a_missing_label_is_as_if_the_row_were_not_there_for_that_task() -> None:
    plan = experiment(training=Training(steps=10, batch_size=0, evaluate_every=10))
    prepared, unit = prepared_for(plan, TABLE), units(plan)[0]
    inputs = prepared.inputs.copy()
    task = 0
    only = replace(unit, replicas=tuple(r for r in unit.replicas if r.tasks == (task,)))
    inputs[np.isnan(prepared.targets[:, :, task])] = 99.0
    one, two = train(plan, only, prepared), train(plan, only, replace(prepared, inputs=inputs))
    assert np.isnan(prepared.targets[:, :-1, task]).any()
    np.testing.assert_allclose(one[-1].validation[:, task], two[-1].validation[:, task], rtol=1e-5)


def test_another_seed_gives_other_numbers_and_the_same_seed_the_same() -> None:
    plan = experiment()
    one, again = train(plan, units(plan)[0]), train(plan, units(plan)[0])
    other = experiment(plan=Plan(folds=3, equal_parameters=False, seed=1))
    assert_same(one, again)
    assert not np.allclose(one[-1].train, train(other, units(other)[0])[-1].train, equal_nan=True)
    seeds = replica_seeds(plan.plan, units(plan)[0].replicas)
    assert len(set(seeds.tolist())) == plan.plan.folds


@pytest.mark.parametrize("name", list(optimisers))
def test_optimisers_move_as_torch_does(name: str) -> None:
    mine = optimisers[name](learning_rate=0.01, weight_decay=0.1)
    theirs: dict[str, Any] = {
        "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD
    }  # fmt: skip
    assert set(theirs) == set(optimisers)
    values = [torch.randn(3, 4, generator=torch.Generator().manual_seed(1)), torch.ones(3, 1)]
    leaves = [value.clone().requires_grad_() for value in values]
    extra: dict[str, Any] = {"momentum": 0.9} if name == "sgd" else {}
    reference = theirs[name](leaves, lr=0.01, weight_decay=0.1, **extra)
    memory = mine.start(values)
    for i in range(5):
        found = [torch.sin(value * (i + 1)) for value in values]
        for leaf, gradient in zip(leaves, found, strict=True):
            leaf.grad = gradient.clone()
        reference.step()
        mine.move(values, found, memory, mine.rate(i, 5))
    for value, leaf in zip(values, leaves, strict=True):
        torch.testing.assert_close(value, leaf.detach())


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
def test_schedules_start_at_the_learning_rate_and_never_rise(schedule: str) -> None:
    adam = Adam(learning_rate=0.1, schedule=schedule)
    rates = [adam.rate(step, 90) for step in range(91)]
    assert rates[0] == 0.1
    assert all(b <= a for a, b in pairwise(rates))
    assert rates[-1] == pytest.approx({"constant": 0.1, "cosine": 0.0, "step": 0.001}[schedule], abs=1e-12)
