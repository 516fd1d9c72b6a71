"""Every sharing type meets single-task networks of its width, and of its number of parameters; each is one knob."""

from __future__ import annotations

from dataclasses import replace

import pytest

import mtl_core.models  # noqa: F401 - fills the registry
from mtl_core.data.synthetic import Relatedness
from mtl_core.experiment import Arm, Experiment, Plan, equal_parameter_width
from mtl_core.models.base import Shape, Trunk, sharings
from mtl_core.models.hard import Hard

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


def arms(name: str, shape: Shape, **plan: bool) -> tuple[Arm, ...]:
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
