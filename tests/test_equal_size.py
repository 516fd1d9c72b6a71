"""Sharing types meet each other, and single-task networks, at equal width or at equal numbers of parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import mtl_core.models  # noqa: F401 - fills the registry
from mtl_core.data.synthetic import Relatedness
from mtl_core.experiment import Arm, Experiment, Plan, Unit, shape_for
from mtl_core.models.base import WIDTH_LIMIT, Shape, Trunk, sharings
from mtl_core.models.hard import Hard
from mtl_core.models.sizes import equal_parameter_width
from mtl_core.registry import InvalidInput

TOLERANCE = 0.05
"""How far the numbers of parameters lie apart at most, from width 32 on: a width is a whole number."""
SHAPES = {
    f"{what}, width {width}": Shape(inputs, outputs, Trunk(width=width, convolutions=convolutions), image)
    for width in (8, 32, 64, 256)
    for what, inputs, outputs, convolutions, image in (
        ("two tasks", 4, (1, 1), 0, None),
        ("three tasks", 10, (1, 1, 1), 0, None),
        ("heads of four sizes", 30, (1, 3, 5, 2), 0, None),
        ("pictures", 192, (1, 3), 2, (8, 8, 3)),
    )
}


def arms(name: str, shape: Shape, **plan: Any) -> tuple[Arm, ...]:
    tasks = tuple(f"task {t + 1}" for t in range(shape.n_tasks))
    trunk = replace(shape.trunk, convolutions=0)  # the plan is the same for all data; pictures need pictures
    return Experiment(Relatedness(), tasks, (sharings[name](),), trunk=trunk, plan=Plan(**plan)).arms(shape)


def alone(shape: Shape, width: int) -> int:
    """Numbers of all single-task networks of a width together."""
    trunk = replace(shape.trunk, width=width)
    return sum(Hard().count(replace(shape, outputs=(size,), trunk=trunk)) for size in shape.outputs)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("name", list(sharings))
def test_one_knob_gives_networks_alone_of_the_same_width(name: str, shape: Shape) -> None:
    together, twins = arms(name, shape, equal_width=True, equal_parameters=False)
    assert (together.together, twins.together) == (True, False)
    assert twins.trunk.width == together.trunk.width == shape.trunk.width


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("name", list(sharings))
def test_the_other_gives_networks_alone_that_together_have_as_many_parameters(name: str, shape: Shape) -> None:
    _, twins = arms(name, shape, equal_width=False, equal_parameters=True)
    width, goal = twins.trunk.width, sharings[name]().count(shape)
    assert width == equal_parameter_width(sharings[name](), shape)
    off = abs(alone(shape, width) - goal)
    assert off <= min(abs(alone(shape, each) - goal) for each in (width + 1, max(width - 1, 1)))
    if shape.trunk.width >= 32:
        assert off <= TOLERANCE * goal


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("name", list(sharings))
def test_one_knob_gives_all_sharing_types_as_many_parameters_as_the_networks_alone(name: str, shape: Shape) -> None:
    together, twins = arms(name, shape, equal="parameters", equal_width=False)
    assert twins.trunk.width == shape.trunk.width
    goal, step = alone(shape, shape.trunk.width), sharings[name]().width_step(shape)

    def off(width: int) -> int:
        return abs(sharings[name]().count(replace(shape, trunk=replace(shape.trunk, width=width))) - goal)

    width = together.trunk.width
    assert off(width) <= min(off(width + step), off(max(width - step, step)))
    if shape.trunk.width >= 64 or (shape.trunk.width >= 32 and step == 1):
        assert off(width) <= 2 * TOLERANCE * goal


def test_networks_of_equal_parameters_train_in_one_race_with_one_kind_of_twin() -> None:
    source, tasks = Relatedness(tasks=2, rows=60), ("task 1", "task 2")
    race = tuple(sharings[name]() for name in sharings)
    plan = Experiment(source, tasks, race, trunk=Trunk(width=32), plan=Plan(equal="parameters", equal_width=False))
    shape = shape_for(plan, source.load())
    units: tuple[Unit, ...] = plan.units(shape)
    sizes = {r.arm: unit.sharing.count(unit.shape) for unit in units for r in unit.replicas}
    goal = alone(shape, 32)
    assert {arm for arm in sizes if arm.startswith("alone")} == {"alone:32"}
    assert all(abs(size - goal) <= 2 * TOLERANCE * goal for arm, size in sizes.items() if not arm.startswith("alone"))


def test_a_size_that_no_trunk_can_have_is_refused_in_one_sentence() -> None:
    shape = Shape(4, (1, 1), Trunk(width=WIDTH_LIMIT))
    with pytest.raises(InvalidInput, match="would be wider than 1024 here; choose a smaller width"):
        equal_parameter_width(sharings["mmoe"](), shape)
