"""Whatever is registered also works on a graphics card: nothing is made on the processor by mistake, or in double
precision. There is no card where the tests run; `tests/elsewhere.py` has the rules of one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import mtl_core.meta
import mtl_core.models
import mtl_core.weighting  # noqa: F401 - registers every method
from mtl_core import devices
from mtl_core.data.base import Dataset
from mtl_core.data.synthetic_images import TwoDigits
from mtl_core.events import Progress, UnitFinished
from mtl_core.experiment import Experiment, Plan, Training, Unit, shape_for
from mtl_core.meta import track
from mtl_core.meta.adaptation import Adaptation
from mtl_core.meta.budget import Budget
from mtl_core.meta.families import families
from mtl_core.meta.generated import Relatives
from mtl_core.meta.learners import learners
from mtl_core.metrics import metrics
from mtl_core.models.base import Trunk, sharings
from mtl_core.optimisers import Adam, optimisers
from mtl_core.registry import InvalidInput
from mtl_core.training.engine import Slice, advance, prepared_for
from mtl_core.weighting.base import weightings
from mtl_core.weighting.by_loss import Fixed
from tests import test_engine, test_kinds
from tests.elsewhere import CARD, Card

SHORT = Training(steps=5, batch_size=16, evaluate_every=2)
PICTURES = TwoDigits(rows=60)


def train(plan: Experiment, unit: Unit, dataset: Dataset, on_card: bool, cuts: tuple[int, ...] = (99,)) -> list[Slice]:
    """Slices of a unit, from the start to its end."""
    prepared, chosen = prepared_for(plan, dataset), dataset.choose(plan.tasks)
    found: list[Slice] = []
    for cut in cuts:
        state = found[-1].state if found else None
        if on_card:
            with Card():
                found.append(advance(plan, unit, prepared, chosen.tasks, state, max_steps=cut, device=CARD))
        else:
            found.append(advance(plan, unit, prepared, chosen.tasks, state, max_steps=cut, device=torch.device("cpu")))
    return found


def facts(slices: list[Slice]) -> list[dict[str, object]]:
    told = [event.to_json() for each in slices for event in each.events]
    return [{key: value for key, value in each.items() if "seconds" not in key} for each in told]


def assert_same_on_the_card(plan: Experiment, unit: Unit, dataset: Dataset = test_engine.TABLE) -> None:
    here, there = (train(plan, unit, dataset, on_card) for on_card in (False, True))
    assert here[-1].done
    assert facts(here) == facts(there)


@pytest.mark.parametrize("name", list(sharings))
def test_every_sharing_type_gives_the_processors_numbers_on_a_card(name: str) -> None:
    plan = test_engine.experiment(sharings=(sharings[name](),), training=SHORT)
    assert_same_on_the_card(plan, test_engine.units(plan)[0])


@pytest.mark.parametrize("name", list(weightings))
def test_every_weighting_gives_the_processors_numbers_on_a_card(name: str) -> None:
    plan = test_engine.experiment(weighting=weightings[name](), training=SHORT)
    assert_same_on_the_card(plan, test_engine.units(plan)[0])


@pytest.mark.parametrize("name", list(optimisers))
def test_every_optimiser_gives_the_processors_numbers_on_a_card(name: str) -> None:
    plan = test_engine.experiment(optimiser=optimisers[name](weight_decay=0.1), training=replace(SHORT, patience=1))
    assert_same_on_the_card(plan, test_engine.units(plan)[0])


def test_every_kind_of_task_and_every_metric_gives_the_processors_numbers_on_a_card() -> None:
    plan = replace(test_kinds.PLAN, training=SHORT)
    for unit in test_kinds.UNITS:
        assert_same_on_the_card(plan, unit, test_kinds.TABLE)
    last = train(plan, test_kinds.UNITS[0], test_kinds.TABLE, on_card=True)[-1].events[-1]
    assert isinstance(last, UnitFinished)
    assert set(last.scores) == set(metrics)


def test_weights_of_tasks_and_of_classes_work_on_a_card() -> None:
    balanced = replace(SHORT, class_weights="balanced", batch_size=0)
    plan = test_engine.experiment(weighting=Fixed((1.0, 4.0, 0.5)), training=balanced)
    assert_same_on_the_card(plan, test_engine.units(plan)[0])


@pytest.mark.parametrize("name", list(sharings))
def test_pictures_give_the_processors_numbers_on_a_card(name: str) -> None:
    plan = Experiment(
        PICTURES,
        ("left digit", "right digit"),
        (sharings[name](),),
        trunk=Trunk(width=8, depth=1, convolutions=1),
        training=replace(SHORT, steps=2),
        plan=Plan(folds=2, equal_parameters=False),
    )
    dataset = PICTURES.load()
    unit = plan.units(shape_for(plan, dataset))[0]
    assert_same_on_the_card(plan, unit, dataset)


def test_a_run_goes_on_where_there_is_no_card_and_back() -> None:
    plan = test_engine.experiment(weighting=weightings["gradnorm"](), training=SHORT, optimiser=Adam(0.05))
    unit = test_engine.units(plan)[0]
    prepared, told = prepared_for(plan, test_engine.TABLE), list[Slice]()
    for cut, on_card in ((1, True), (2, False), (99, True)):
        state = told[-1].state if told else None
        with Card():
            device = CARD if on_card else torch.device("cpu")
            part = advance(plan, unit, prepared, test_engine.TABLE.tasks, state, max_steps=cut, device=device)
        told.append(part)
    assert facts(told) == facts(train(plan, unit, test_engine.TABLE, on_card=False))
    assert any(isinstance(event, Progress) for event in told[0].events)


def compare(asked: Adaptation, places: tuple[tuple[int, bool], ...]) -> list[dict[str, object]]:
    """What all learners say, in slices of so many moves, each on the card or not."""
    told: list[dict[str, object]] = []
    for unit in asked.units:
        slices = list[Slice]()
        for cut, on_card in places:
            state = slices[-1].state if slices else None
            with Card():
                device = CARD if on_card else torch.device("cpu")
                slices.append(track.advance(asked, unit, asked.family, state, max_steps=cut, device=device))
            if slices[-1].done:
                break
        assert slices[-1].done
        told += facts(slices)
    return told


PREPARING = Budget(steps=5, tasks=3, shots=4, queries=3, folds=2, unseen=4, asked=5, evaluate_every=2)


@pytest.mark.parametrize("name", list(learners))
@pytest.mark.parametrize("family", list(families))
def test_every_learner_gives_the_processors_numbers_on_a_card(name: str, family: str) -> None:
    asked = Adaptation(families[family](), (learners[name](),), Trunk(width=6), PREPARING, (3,), 2)
    with Card():
        prepared = track.Track.begin(asked, asked.units[0], asked.family, CARD).preparation
        assert {each.device for each in prepared.parameters.values()} == {CARD}
        assert {each.device for each in prepared.tensors(prepared.family.draw(prepared.starts, "", 2, 3))} == {CARD}
    assert compare(asked, ((99, True),)) == compare(asked, ((99, False),))


def test_a_comparison_of_learners_goes_on_where_there_is_no_card_and_back() -> None:
    asked = Adaptation(Relatives(), tuple(learners[name]() for name in learners), Trunk(width=6), PREPARING, (3,), 2)
    moved = compare(asked, ((2, True), (3, False), (4, True), (99, False)))
    assert moved == compare(asked, ((99, False),))


def test_a_comparison_of_learners_says_where_it_is_computed_and_is_refused_where_that_is_not_there() -> None:
    missing = next(name for name in ("mps", "cuda") if name not in devices.available())
    asked = Adaptation(Relatives(), (learners["maml"](),), budget=replace(PREPARING, device=missing))
    assert Adaptation.from_json(asked.to_json()) == asked
    with pytest.raises(InvalidInput, match=f"'{missing}' was asked for, and the machine that trains has only"):
        track.advance(asked, asked.units[0], asked.family, None)


def test_the_cards_rules_are_rules() -> None:
    with Card():
        there = torch.from_numpy(np.ones((2, 3), np.float32)).to(CARD)
        assert (there + torch.ones((2, 3), device=CARD)).cpu().sum() == 12
        assert (
            torch.tensor([1.0, 2.0, 3.0], device=CARD).cpu().tolist()
            == there.new_tensor([1.0, 2.0, 3.0]).cpu().tolist()
        )
        with pytest.raises(RuntimeError, match="two"):
            there + torch.ones(2, 3)
        with pytest.raises(TypeError, match="double"):
            there.double()
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()


def test_auto_is_the_best_that_is_there_and_what_is_not_there_is_refused() -> None:
    here = devices.available()
    assert here[-1] == "cpu"
    assert devices.pick("auto").type == here[0]
    assert devices.pick("cpu") == torch.device("cpu")
    for name in set(devices.CHOICES) - {"auto", *here}:
        with pytest.raises(InvalidInput, match=f"'{name}' was asked for, and the machine that trains has only"):
            devices.pick(name)


def test_an_experiment_says_where_it_is_computed_and_refuses_what_it_does_not_know() -> None:
    plan = test_engine.experiment(training=replace(SHORT, device="cpu"))
    assert Experiment.from_json(plan.to_json()) == plan
    with pytest.raises(InvalidInput, match=r"Training\.device must be one of auto, cuda, mps, cpu; got 'tpu'"):
        Training(device="tpu")
