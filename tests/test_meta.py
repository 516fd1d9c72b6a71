"""Meta-learning: gradients against plain loops and finite differences, laws of stacks, and the sinusoids of MAML."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import Ridge

import mtl_core.meta  # noqa: F401 - registers every family and learner
from mtl_core.data.base import Dataset, sources
from mtl_core.events import Event, Look, Measured, MetaProgress, dumps, loads
from mtl_core.meta.adaptation import Adaptation
from mtl_core.meta.budget import Budget
from mtl_core.meta.by_adapting import AlmostNoInnerLoop, FirstOrder, ModelAgnostic, Reptile
from mtl_core.meta.by_trunk import Pretraining, RidgeHead, Scratch
from mtl_core.meta.comparison import compare
from mtl_core.meta.engine import Preparation, errors
from mtl_core.meta.families import Family, Starts, families
from mtl_core.meta.generated import Relatives, Sinusoids
from mtl_core.meta.groups import Groups, groups_of
from mtl_core.meta.history import MetaHistory
from mtl_core.meta.learners import Learner, learners
from mtl_core.meta.network import Network, Part, Task, ridge_outputs
from mtl_core.meta.result import Course, course, curves, duels
from mtl_core.meta.shown import command_of, shown_of
from mtl_core.meta.track import advance
from mtl_core.models.base import Parameters, Trunk
from mtl_core.registry import InvalidInput
from mtl_core.tasks import TaskSpec

TRUNK = Trunk(width=7, activation="tanh")
SMALL = Budget(steps=6, tasks=4, shots=5, queries=3, folds=3, unseen=8, asked=9)
ADAPTING = [ModelAgnostic(inner_rate=0.1, inner_steps=2), FirstOrder(inner_rate=0.1, inner_steps=2)]
ADAPTING += [AlmostNoInnerLoop(inner_rate=0.1, inner_steps=2)]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def problem(learner: Learner, family: Family | None = None) -> tuple[Network, Parameters, Task]:
    """A network's parameters and a meta-step's tasks in double precision."""
    made = Preparation.begin(learner, family or Sinusoids(), TRUNK, SMALL)
    task = made.task(0)
    support, query = (Part(part.inputs.double(), part.targets.double()) for part in (task.support, task.query))
    doubled = {name: each.detach().double().requires_grad_() for name, each in made.parameters.items()}
    return made.network, doubled, Task(support, query, task.size)


def plain(parameters: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Squared error of one network on one task, written out."""
    hidden = torch.tanh(torch.tanh(x @ parameters["trunk.0.weight"] + parameters["trunk.0.bias"][0])
                        @ parameters["trunk.1.weight"] + parameters["trunk.1.bias"][0])  # fmt: skip
    return ((hidden @ parameters["head.weight"][0] + parameters["head.bias"][0] - y) ** 2).mean()


def in_a_loop(learner: ModelAgnostic, parameters: Parameters, task: Task, names: set[str]) -> torch.Tensor:
    """Sum over the replicas of the mean query loss after adaptation, one task and one step after another."""
    total = torch.zeros((), dtype=torch.float64)
    for n in range(len(task.support.inputs)):
        fast = {name: each[n // task.size] for name, each in parameters.items()}
        for _ in range(learner.inner_steps):
            loss = plain(fast, task.support.inputs[n], task.support.targets[n])
            slopes = torch.autograd.grad(loss, [fast[name] for name in sorted(names)], create_graph=True)
            moved = dict(zip(sorted(names), slopes, strict=True))
            if not learner.second_order:
                moved = {name: each.detach() for name, each in moved.items()}
            fast = fast | {name: fast[name] - learner.inner_rate * each for name, each in moved.items()}
        total = total + plain(fast, task.query.inputs[n], task.query.targets[n]) / task.size
    return total


@pytest.mark.parametrize("learner", ADAPTING, ids=lambda each: each.name)
def test_the_meta_gradient_is_that_of_a_plain_loop(learner: ModelAgnostic) -> None:
    network, parameters, task = problem(learner)
    total = in_a_loop(learner, parameters, task, set(learner.moved(network)))
    wanted = torch.autograd.grad(total, list(parameters.values()))
    found, losses = learner.gradients(network, parameters, task)
    for name, each in zip(parameters, wanted, strict=True):
        torch.testing.assert_close(found[name], each, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(losses.sum(), total.detach())


def test_the_meta_gradient_of_maml_is_the_slope_of_the_adapted_loss() -> None:
    learner = ModelAgnostic(inner_rate=0.1, inner_steps=3)
    network, parameters, task = problem(learner)
    found, _ = learner.gradients(network, parameters, task)
    random = torch.Generator().manual_seed(0)
    for name in parameters:
        along = torch.randn(parameters[name].shape, generator=random, dtype=torch.float64)
        ends = []
        for sign in (1, -1):
            moved = parameters | {name: (parameters[name].detach() + sign * 1e-5 * along).requires_grad_()}
            ends.append(float(learner.gradients(network, moved, task)[1].sum()))
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(float((found[name] * along).sum()), rel=1e-5, abs=1e-8)


def test_first_order_maml_leaves_out_the_second_order_and_nothing_else() -> None:
    whole, first = ModelAgnostic(inner_rate=0.1), FirstOrder(inner_rate=0.1)
    network, parameters, task = problem(whole)
    (a, losses), (b, same) = (each.gradients(network, parameters, task) for each in (whole, first))
    torch.testing.assert_close(losses, same)
    assert not torch.allclose(a["trunk.0.weight"], b["trunk.0.weight"], rtol=1e-2)
    tiny, also_tiny = ModelAgnostic(inner_rate=1e-6), FirstOrder(inner_rate=1e-6)
    (a, _), (b, _) = (each.gradients(network, parameters, task) for each in (tiny, also_tiny))
    assert float((a["trunk.0.weight"] - b["trunk.0.weight"]).norm()) < 1e-4 * float(a["trunk.0.weight"].norm())


def test_anil_moves_the_head_only_and_is_maml_on_a_frozen_trunk() -> None:
    learner = AlmostNoInnerLoop(inner_rate=0.05)
    network, parameters, task = problem(learner)
    found = learner.adapt(network, parameters, task.support, task.query.inputs, task.size, 4)
    wide = network.copies(parameters, task.size)
    known, asked = (network.features(wide, part.inputs).detach() for part in (task.support, task.query))
    weight, bias = wide["head.weight"].detach().clone()[:, 0], wide["head.bias"].detach().clone()[:, 0, 0]
    for step in range(5):
        outputs = torch.einsum("nqw,nw->nq", asked, weight) + bias[:, None]
        torch.testing.assert_close(found[step], outputs, rtol=1e-9, atol=1e-11)
        off = torch.einsum("nbw,nw->nb", known, weight) + bias[:, None] - task.support.targets
        weight = weight - 0.05 * 2 * torch.einsum("nb,nbw->nw", off, known) / off.shape[1]
        bias = bias - 0.05 * 2 * off.mean(1)


def test_reptile_points_from_the_mean_of_the_adapted_parameters_to_the_start() -> None:
    learner = Reptile(inner_rate=0.05, inner_steps=3)
    network, parameters, task = problem(learner)
    found, _ = learner.gradients(network, parameters, task)
    ends: dict[str, list[torch.Tensor]] = {name: [] for name in parameters}
    for n in range(len(task.support.inputs)):
        fast = {name: each[n // task.size].detach().requires_grad_() for name, each in parameters.items()}
        x = torch.cat([task.support.inputs[n], task.query.inputs[n]])
        y = torch.cat([task.support.targets[n], task.query.targets[n]])
        for _ in range(3):
            slopes = torch.autograd.grad(plain(fast, x, y), list(fast.values()))
            fast = {
                name: (fast[name] - 0.05 * s).detach().requires_grad_() for name, s in zip(fast, slopes, strict=True)
            }
        for name in fast:
            ends[name].append(fast[name].detach())
    for name, each in parameters.items():
        mean = torch.stack(ends[name]).view(-1, task.size, *each.shape[1:]).mean(1)
        torch.testing.assert_close(found[name], each.detach() - mean, rtol=1e-9, atol=1e-12)


def test_pretraining_follows_the_plain_gradient_of_all_rows() -> None:
    network, parameters, task = problem(Pretraining())
    total = torch.zeros((), dtype=torch.float64)
    for n in range(len(task.support.inputs)):
        own = {name: each[n // task.size] for name, each in parameters.items()}
        total = total + (plain(own, task.support.inputs[n], task.support.targets[n])
                         + plain(own, task.query.inputs[n], task.query.targets[n])) / (2 * task.size)  # fmt: skip
    wanted = torch.autograd.grad(total, list(parameters.values()))
    found, _ = Pretraining().gradients(network, parameters, task)
    for name, each in zip(parameters, wanted, strict=True):
        torch.testing.assert_close(found[name], each, rtol=1e-9, atol=1e-11)


def test_scratch_is_torchs_adam_on_the_labels_of_the_task() -> None:
    learner = Scratch(rate=0.02)
    made = Preparation.begin(learner, Sinusoids(), TRUNK, SMALL)
    task = made.task(0)
    found = learner.adapt(made.network, made.parameters, task.support, task.query.inputs, task.size, 5)
    for n in (0, 5):
        own = {name: each[n // task.size].detach().clone().requires_grad_() for name, each in made.parameters.items()}
        optimiser = torch.optim.Adam(own.values(), lr=0.02)
        for step in range(6):
            left = plain(own, task.query.inputs[n], found[step, n])
            assert float(left.detach()) < 1e-9
            optimiser.zero_grad()
            plain(own, task.support.inputs[n], task.support.targets[n]).backward()
            optimiser.step()


@pytest.mark.parametrize("n_rows", [4, 30])
def test_the_ridge_head_is_scikit_learns_ridge(n_rows: int) -> None:
    random = np.random.default_rng(0)
    known, asked = random.standard_normal((3, n_rows, 6)), random.standard_normal((3, 8, 6))
    targets = random.standard_normal((3, n_rows))
    targets[1, 2:] = np.nan
    found = ridge_outputs(torch.from_numpy(known), torch.from_numpy(targets), torch.from_numpy(asked), 0.3)
    for n in range(3):
        rows = ~np.isnan(targets[n])
        with_one = [np.column_stack([each[n], np.ones(len(each[n]))]) for each in (known, asked)]
        wanted = Ridge(alpha=0.3, fit_intercept=False).fit(with_one[0][rows], targets[n][rows]).predict(with_one[1])
        np.testing.assert_allclose(found[n].numpy(), wanted, rtol=1e-9, atol=1e-11)


# --- laws that every learner keeps ------------------------------------------------------------------------------
@pytest.mark.parametrize("name", learners)
@pytest.mark.parametrize("family", families)
def test_a_replica_alone_learns_what_it_learns_in_the_stack(name: str, family: str) -> None:
    whole = Preparation.begin(learners[name](), families[family](), TRUNK, SMALL)
    alone = Preparation.begin(learners[name](), families[family](), TRUNK, SMALL)
    alone.starts = Starts(alone.starts.seeds[1:2], alone.starts.folds[1:2])
    alone.parameters = {k: v.detach()[1:2].clone().requires_grad_() for k, v in alone.parameters.items()}
    alone.memory = {
        key: [each[1:2].clone() if each.dim() else each.clone() for each in values]
        for key, values in alone.memory.items()
    }
    for each in (whole, alone):
        each.finish()
    np.testing.assert_allclose(errors(whole, 4, 3)[1:2], errors(alone, 4, 3), rtol=2e-4, atol=1e-6)


def assert_same_state(mine: Any, other: Any) -> None:
    """Bit for bit; how torch lays the bytes out in a file is no part of it."""
    if isinstance(mine, bytes):
        assert_same_state(*(torch.load(io.BytesIO(each), weights_only=True) for each in (mine, other)))
    elif isinstance(mine, torch.Tensor):
        assert torch.equal(mine, other)
    elif isinstance(mine, dict | list):
        assert len(mine) == len(other)
        for key in mine if isinstance(mine, dict) else range(len(mine)):
            assert_same_state(mine[key], other[key])
    else:
        assert mine == other


@pytest.mark.parametrize("name", learners)
@pytest.mark.parametrize("cut", [1, 4])
def test_sliced_is_unsliced_bit_for_bit_also_through_bytes(name: str, cut: int) -> None:
    asked = Adaptation(Relatives(), (learners[name](),), TRUNK, SMALL, (3, 5), 3)
    whole = advance(asked, asked.units[0], asked.family, None)
    said, state, reached, done = list[Event](), None, 0, False
    while not done:
        part = advance(asked, asked.units[0], asked.family, state, max_steps=cut)
        assert reached < part.step <= reached + cut
        said += part.events
        state, reached, done = part.state, part.step, part.done
    assert [dumps(each) for each in said] == [dumps(each) for each in whole.events]
    assert_same_state(state, whole.state)
    assert reached == whole.step
    assert reached == asked.moves if asked.learners[0].trains else reached < asked.moves


def test_facts_come_back_from_their_text_as_they_were() -> None:
    asked = Adaptation(Sinusoids(), (RidgeHead(),), TRUNK, SMALL, (3,), 2)
    for event in advance(asked, asked.units[0], asked.family, None).events:
        again = loads(dumps(event))
        assert type(again) is type(event)
        assert dumps(again) == dumps(event)


@pytest.mark.parametrize("name", learners)
def test_a_row_that_a_task_lacks_weighs_nothing(name: str) -> None:
    learner = learners[name]()
    network, parameters, task = problem(learner)
    outcome = []
    for wild in (0.0, 1e3):
        support, query = (Part(part.inputs.clone(), part.targets.clone()) for part in (task.support, task.query))
        for part in (support, query):
            part.inputs[:, -1], part.targets[:, -1] = wild, torch.nan
        asked = query.inputs[:, :-1]
        found = [learner.adapt(network, parameters, support, asked, task.size, 2)]
        if learner.trains:
            found += list(learner.gradients(network, parameters, Task(support, query, task.size))[0].values())
        outcome.append(found)
    for mine, other in zip(*outcome, strict=True):
        assert torch.isfinite(mine).all()
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("family", families)
def test_unseen_tasks_are_others_than_those_trained_on_and_the_same_for_all(family: str) -> None:
    made = [Preparation.begin(each, families[family](), TRUNK, SMALL) for each in (RidgeHead(), ModelAgnostic())]
    (x, y), (again, _) = (each.family.unseen(each.starts, 8, 6) for each in made)
    np.testing.assert_array_equal(x, again)
    trained, _ = made[0].family.draw(made[0].starts, "step.0", 8, 6)
    assert not np.isin(x, trained).any()
    assert x.shape == (3, 8, 6, made[0].family.n_inputs)
    assert y.shape == (3, 8, 6)


def test_sinusoids_are_those_of_the_paper() -> None:
    x, y = Sinusoids().draw(Starts(np.arange(4), np.zeros(4, np.int64)), "step.0", 200, 50)
    assert -5 <= x.min() < -4.9
    assert 4.9 < x.max() <= 5
    basis = np.stack([np.sin(x[..., 0]), np.cos(x[..., 0])], -1).astype(float)  # y = a cos(p) sin x - a sin(p) cos x
    both = np.stack(
        [np.linalg.lstsq(b, t, rcond=None)[0] for b, t in zip(basis.reshape(-1, 50, 2), y.reshape(-1, 50), strict=True)]
    )
    amplitude, phase = np.hypot(*both.T), np.arctan2(-both[:, 1], both[:, 0])
    assert 0.1 <= amplitude.min() < amplitude.max() <= 5.0001
    assert amplitude.mean() == pytest.approx(2.55, abs=0.15)
    assert -1e-4 <= phase.min() < phase.max() <= np.pi + 1e-4


# --- groups of a table ------------------------------------------------------------------------------------------
def shops(n_groups: int = 12, sizes: Callable[[int], int] = lambda g: 5 + g) -> Dataset:
    """A table in which the feature names the group and the row, so that one can see where a row came from."""
    group = np.concatenate([np.full(sizes(g), g) for g in range(n_groups)])
    features = pd.DataFrame({"shop": group.astype(float), "row": np.arange(len(group), dtype=float)})
    targets = pd.DataFrame({"sales": group * 2.0 + np.arange(len(group)) % 3})
    return Dataset("shops", "Shops", features, targets, (TaskSpec("sales", "regression"),), groups=group)


def test_unseen_groups_teach_nothing_and_every_group_is_unseen_once() -> None:
    family = groups_of(shops(), "sales", 4, 0)
    starts = Starts(np.arange(4), np.arange(4))
    seen: list[set[float]] = []
    for fold in range(4):
        x, y = family.unseen(starts, 100, 50)
        unseen = set(x[fold, :, :, 0][~np.isnan(y[fold])].round(4).tolist())
        trained, labels = family.draw(starts, "step.3", 60, 6)
        learned = set(trained[fold, :, :, 0][~np.isnan(labels[fold])].round(4).tolist())
        assert not unseen & learned
        assert len(unseen) == 3
        seen.append(unseen)
    assert family.test_to_train(4) == pytest.approx(1 / 3)


def test_rows_of_a_group_are_drawn_once_and_stay_in_their_group() -> None:
    family = groups_of(shops(), "sales", 4, 0)
    x, y = family.draw(Starts(np.arange(4), np.arange(4)), "step.0", 20, 12)
    for fold in range(4):
        for m in range(20):
            mine = x[fold, m][~np.isnan(y[fold, m])]
            assert len(np.unique(mine[:, 0])) == 1
            assert len(np.unique(mine[:, 1])) == len(mine)


def test_a_comparison_on_groups_ends_in_errors_and_duels() -> None:
    family = groups_of(shops(), "sales", 3, 0)
    asked = Adaptation(family, (RidgeHead(), Scratch()), TRUNK, replace(SMALL, steps=60), (3,), 2)
    heard: list[tuple[str, int]] = []
    found = compare(asked, lambda name, moves: heard.append((name, moves)))
    assert heard[:2] == [("ridge", 50), ("ridge", asked.moves)]
    assert {name for name, _ in heard[2:]} == {"scratch"}
    assert {key: each.errors.shape for key, each in found.items()} == {("ridge", 3): (3, 3), ("scratch", 3): (3, 3)}
    frame = curves(found, family.test_to_train(3))
    assert (frame["low"] <= frame["error"]).all()
    assert (frame["error"] <= frame["high"]).all()
    (duel,) = duels(found, "scratch", family.test_to_train(3))
    assert duel.learner == "ridge"
    assert duel.low <= duel.gain <= duel.high


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": None}, "no column of groups"),
        ({"tasks": (TaskSpec("sales", "binary", ("a", "b")),)}, "not a number"),
    ],
)
def test_a_table_that_is_no_family_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        groups_of(replace(shops(), **change), "sales", 3, 0)


def test_too_few_groups_are_refused_and_small_groups_are_left_out() -> None:
    with pytest.raises(InvalidInput, match="12 groups of 4 or more labelled rows, too few for 7 folds"):
        groups_of(shops(), "sales", 7, 0)
    with pytest.raises(InvalidInput, match="8 groups"):
        groups_of(shops(sizes=lambda g: 3 if g < 4 else 9), "sales", 5, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shots": (0,)}, "1 to 200 labels"),
        ({"shots": (5, 5)}, "counts once; got 5, 5"),
        ({"adapt_steps": 0}, "1 to 1,000 steps"),
        ({"learners": ()}, "must be one; got none"),
        ({"learners": (Scratch(), Scratch(rate=0.1))}, "compared once"),
        ({"trunk": Trunk(convolutions=1)}, "not at pictures"),
    ],
)
def test_a_comparison_that_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        replace(Adaptation(Sinusoids(), (Scratch(),)), **change)


def test_labels_that_leave_nothing_to_ask_about_are_refused() -> None:
    asked = Adaptation(groups_of(shops(), "sales", 3, 0), (Scratch(),), TRUNK, SMALL, (40,), 2)
    with pytest.raises(InvalidInput, match="no new task has more than 40 labelled rows"):
        compare(asked)


def test_a_learner_that_diverges_is_told_without_numbers() -> None:
    wild = Adaptation(Sinusoids(), (ModelAgnostic(inner_rate=10.0), Scratch()), Trunk(width=7), SMALL, (5,), 40)
    found = compare(wild)
    assert np.isinf(found["maml", 5].errors[:, -1]).any()
    frame = curves(found, 0.0)
    assert np.isfinite(frame[["error"]].to_numpy()).all()
    assert not ((frame["learner"] == "maml") & (frame["step"] == 40)).any()
    assert {each.learner for each in duels(found, "scratch", 0.0)} <= {"maml"}


# --- what comes out ---------------------------------------------------------------------------------------------
def test_duels_are_paired_t_tests_on_log_errors_with_holms_correction() -> None:
    from scipy import stats

    random = np.random.default_rng(1)
    best = np.array([2, 0, 1, 1, 0, 2])
    errors = {name: np.exp(random.normal(mean, 0.2, (6, 3))) for name, mean in [("a", 0), ("b", -1), ("c", 0.02)]}
    both = duels({(name, 5): Course(each, best) for name, each in errors.items()}, "a", 0.0)
    logs = {name: np.log(each[range(6), best]) for name, each in errors.items()}
    plain_p = [stats.ttest_rel(logs["a"], logs[name]).pvalue for name in ("b", "c")]
    smaller, larger = sorted(plain_p)
    assert sorted(each.p for each in both) == pytest.approx([min(2 * smaller, 1), max(2 * smaller, larger)])
    assert [each.verdict for each in both] == ["better", "no clear difference"]
    assert both[0].gain == pytest.approx(100 * (1 - np.exp((logs["b"] - logs["a"]).mean())))


def test_a_learner_is_judged_at_the_step_that_was_best_on_other_tasks() -> None:
    unseen = np.array([[[4.0, 1.0, 2.0]], [[4.0, 3.0, 2.0]]])
    guide = np.array([[[9.0, 8.0, 7.0]], [[1.0, np.inf, 2.0]]])
    found = course(unseen, guide)
    assert found.best.tolist() == [2, 0]
    assert found.judged.tolist() == [2.0, 4.0]


# --- a comparison as a run ----------------------------------------------------------------------------------------
def test_a_comparison_goes_to_json_and_back_also_with_the_groups_of_a_table() -> None:
    data = sources.from_json({"name": "relatedness", "tasks": 2})
    for family in (Sinusoids(), Relatives(relatedness=0.25), Groups(data, "task 1")):
        asked = Adaptation(family, (ModelAgnostic(inner_rate=0.2), Scratch()), TRUNK, SMALL, (3, 7), 4)
        assert Adaptation.from_json(json.loads(json.dumps(asked.to_json()))) == asked


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "sinusoid"}, "did you mean 'sinusoids'"),
        ({"family": {"name": "groups", "data": {"name": "penguins"}}}, "groups of a table are written"),
        ({"learners": ["mamal"]}, "did you mean 'maml'"),
        ({"learner": []}, "has no 'learner'; did you mean 'learners'"),
        ({"shots": 5}, "one of its parts has the wrong form"),
        ({"budget": {"steps": 0}}, "steps must lie in"),
    ],
)
def test_json_that_is_no_comparison_is_refused_in_a_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Adaptation.from_json({"family": "sinusoids", "learners": ["maml"], **change})


def told_by(asked: Adaptation) -> list[list[Event]]:
    return [list(advance(asked, unit, asked.family, None).events) for unit in asked.units]


def test_looks_stand_at_even_distances_and_the_last_one_is_the_answer() -> None:
    asked = Adaptation(Sinusoids(), (RidgeHead(), Scratch()), TRUNK, replace(SMALL, steps=40, unseen=30), (3, 5), 2)
    prepared, fresh = told_by(asked)
    assert [each.step for each in prepared if type(each) is Look] == [1, 10, 20, 30]
    assert [each.step for each in prepared if isinstance(each, MetaProgress)] == [1, 20, 40]
    assert [type(each) for each in fresh] == [Look, Measured]
    last = prepared[-1]
    assert isinstance(last, Measured)
    assert (last.tasks, sorted(last.errors)) == (30, ["3", "5"])
    whole = Preparation.begin(RidgeHead(), Sinusoids(), TRUNK, asked.budget)
    whole.finish()
    np.testing.assert_allclose(last.errors["5"], errors(whole, 5, 2).mean(1), rtol=1e-14)


def test_learners_are_compared_where_all_have_been_looked_at_and_in_the_end_on_all_tasks() -> None:
    asked = Adaptation(Sinusoids(), (RidgeHead(), Scratch()), TRUNK, replace(SMALL, steps=40, unseen=30), (3,), 2)
    prepared, fresh = told_by(asked)
    history = MetaHistory(asked)
    assert (history.is_empty, history.looked, history.found()) == (True, None, {})
    half = [each for each in prepared if getattr(each, "step", 0) < 20]
    history.add([*half, *half, fresh[0]])
    assert (history.is_final, history.looked, history.meta_step, history.tasks) == (False, 10, 1, 10)
    shown = shown_of(history, "T", "about")
    assert (shown.is_provisional, shown.meta_step, shown.against) == (True, 10, "scratch")
    assert {each.learner for each in shown.duels} == {"ridge"}
    history.add([*prepared, *fresh])
    assert (history.is_final, history.meta_step, history.tasks) == (True, 40, 30)
    assert not shown_of(history, "T", "about").is_provisional
    found, last = history.found(), prepared[-1]
    assert isinstance(last, Measured)
    np.testing.assert_array_equal(found["ridge", 3].errors, last.errors["3"])
    assert history.losses()["learner"].unique().tolist() == ["ridge"]


def test_the_tidy_table_holds_every_number_once() -> None:
    asked = Adaptation(Sinusoids(), (RidgeHead(), Scratch()), TRUNK, replace(SMALL, steps=40), (3,), 2)
    history = MetaHistory(asked)
    for events in told_by(asked):
        history.add(events)
    frame = history.frame()
    keys = ["learner", "replica", "meta_step", "labels", "step", "quantity"]
    assert not frame.duplicated(keys).any()
    ends = frame[(frame["quantity"] == "error") & (frame["learner"] == "scratch")]
    assert len(ends) == 3 * 3
    assert frame["quantity"].value_counts()["loss"] == 3 * 3


def test_the_command_that_is_shown_asks_for_the_same() -> None:
    from mtl_core.cli.adapting import _comparison, _counts, _knobs

    asked = Adaptation(Relatives(relatedness=0.5), (ModelAgnostic(inner_rate=0.2), Scratch()), TRUNK, SMALL, (3, 7), 4)
    words = shlex.split(command_of(asked))[2:]
    flags = list(zip(words[::2], words[1::2], strict=True))
    given, settings = dict(flags), [value for flag, value in flags if flag == "--set"]
    made = _comparison(
        _knobs(settings), given["--family"], given["--learners"], (None, "", ""), _counts(given["--labels"]),
        int(given["--adapt-steps"]),
    )  # fmt: skip
    assert made == asked


@pytest.mark.slow
def test_the_ridge_head_and_maml_beat_pretraining_and_scratch_on_related_tasks() -> None:
    budget = Budget(steps=600, folds=5, unseen=60)
    names = ("maml", "pretraining", "ridge", "scratch")
    asked = Adaptation(Relatives(), tuple(learners[name]() for name in names), Trunk(width=32), budget, (10,), 5)
    found = compare(asked)
    told = {each.learner: each for each in duels(found, "scratch", 0.0)}
    assert told["ridge"].verdict == "better"
    assert told["ridge"].gain > 70
    (against,) = (each for each in duels(found, "pretraining", 0.0) if each.learner == "maml")
    assert (against.verdict, against.gain > 10) == ("better", True)
