"""What goes on inside as events: gradients against autograd, gates and stitches against the networks themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mtl_core.models
import mtl_core.weighting  # noqa: F401 - registers every method
from mtl_core.events import Progress, dumps, loads
from mtl_core.models.base import sharings
from mtl_core.models.stitch import Sluice
from mtl_core.training import inside
from mtl_core.training.engine import prepared_for, run
from mtl_core.training.evaluate import evaluate
from mtl_core.training.stack import Stack
from tests.test_engine import TABLE, TASKS, experiment, units

SHOWING = ("cgc", "cross_stitch", "mmoe", "mtan", "omoe", "ple", "sluice")


def begun(sharing: str, steps: int = 5) -> Stack:
    plan = experiment(sharings=(sharings[sharing](),))
    stack = Stack(plan, units(plan)[0], prepared_for(plan, TABLE), TABLE.tasks)
    run(stack, max_steps=steps)
    return stack


@pytest.mark.parametrize("sharing", list(sharings))
def test_networks_together_show_finite_numbers_and_networks_alone_none(sharing: str) -> None:
    stack = begun(sharing)
    said = evaluate(stack)
    assert bool(said.inside) == (sharing in SHOWING)
    assert stack.n_multi < len(stack.present) or sharing != "hard"  # twins alone are of hard sharing
    for values in (*said.inside.values(), *([] if said.gradient_norm is None else [said.gradient_norm])):
        assert values.dtype == np.float32
        assert np.isfinite(values[: stack.n_multi]).all()
        assert np.isnan(values[stack.n_multi :]).all()


@pytest.mark.parametrize("sharing", ["hard", "mmoe", "cross_stitch"])
def test_lengths_are_those_of_each_tasks_own_gradient_by_autograd(sharing: str) -> None:
    stack = begun(sharing)
    said = evaluate(stack).gradient_norm
    assert said is not None
    inputs, labels = stack.batches.at(stack.step_count)
    part = stack.part(slice(0, 1))
    _, learned, pull = stack.look(part, inputs[:1], labels[:1], slice(0, 1))
    losses, *_ = stack.look(part, inputs[:1], labels[:1], slice(0, 1))
    for task in range(len(TASKS)):
        only = torch.zeros(1, len(TASKS))
        only[0, task] = 1.0
        found = dict(zip(part, pull(losses.pulled(only)), strict=True))
        length = torch.cat([found[name].flatten() for name in stack.shared]).norm()
        assert learned[0, task]
        assert said[0, task] == pytest.approx(float(length), rel=1e-4)


def test_gates_are_the_mean_shares_over_the_first_validation_rows_of_the_networks_fold() -> None:
    stack = begun("mmoe")
    said, batches = evaluate(stack).inside["gates"], stack.batches
    prepared = prepared_for(stack.plan, TABLE)
    n_rows = int((prepared.validation != batches.n_table - 1).sum(1).min())
    assert 0 < n_rows <= inside.ROWS
    for i, replica in enumerate(stack.unit.replicas[: stack.n_multi]):
        rows = prepared.inputs[replica.fold][prepared.validation[replica.fold, :n_rows]]
        logits = (rows @ stack.parameters["gate.weight"][i].detach().numpy().T).reshape(n_rows, len(TASKS), -1)
        shares = np.exp(logits) / np.exp(logits).sum(2, keepdims=True)
        np.testing.assert_allclose(said[i], shares.mean(0), rtol=1e-4)


def test_stitches_are_the_matrices_in_force() -> None:
    stack = begun("cross_stitch")
    said = evaluate(stack).inside
    for name, values in said.items():
        np.testing.assert_array_equal(values[: stack.n_multi], stack.parameters[name].detach()[: stack.n_multi])


def test_looking_inside_changes_nothing() -> None:
    one, other = begun("mmoe"), begun("mmoe")
    inside.look_inside(one)
    for name, values in one.parameters.items():
        assert torch.equal(values, other.parameters[name])


def test_what_is_shown_goes_through_json_and_back() -> None:
    said = evaluate(begun("sluice"))
    back = loads(dumps(said))
    assert isinstance(back, Progress)
    assert back.gradient_norm is not None
    np.testing.assert_array_equal(back.gradient_norm, said.gradient_norm)
    assert back.inside.keys() == said.inside.keys()
    for name, values in said.inside.items():
        np.testing.assert_array_equal(back.inside[name], values)


def test_an_event_carries_a_bounded_number_of_numbers() -> None:
    plan = experiment(sharings=(Sluice(parts=6),))  # two stitches of 18 x 18
    stack = Stack(plan, units(plan)[0], prepared_for(plan, TABLE), TABLE.tasks)
    shown = evaluate(stack).inside
    assert sum(values[0].size for values in shown.values()) <= inside.NUMBERS


def test_the_rows_of_a_task_that_a_network_does_not_learn_are_not_known() -> None:
    stack = begun("cross_stitch")
    stack.present[0, 1] = False
    seen = inside.look_inside(stack).shown["stitch.0"]
    assert np.isnan(seen[0, 1]).all()
    assert np.isfinite(seen[0, [0, 2]]).all()
