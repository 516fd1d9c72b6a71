"""A trunk that looks at pictures is PyTorch's own layers, network by network, and obeys the laws of every trunk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import mtl_core.models
import mtl_core.weighting
from mtl_core.data.bundled import Digits
from mtl_core.data.synthetic import Relatedness
from mtl_core.data.synthetic_images import Shapes, TwoDigits
from mtl_core.events import Event, Progress
from mtl_core.experiment import Experiment, Plan, Training, Unit, shape_for
from mtl_core.models import layers
from mtl_core.models.base import Shape, Sharing, Trunk, sharings
from mtl_core.models.hard import Hard
from mtl_core.models.sizes import equal_parameter_width
from mtl_core.models.stitch import Sluice
from mtl_core.registry import InvalidInput
from mtl_core.running.speed import Speed
from mtl_core.training.engine import advance, prepared_for
from mtl_core.weighting.base import weightings
from pages.ui.addresses import PICTURES_IN_BATCH, suited

assert mtl_core.models
assert mtl_core.weighting
SEEDS = np.array([3, 14, 15, 92])
SHAPE = Shape(9 * 8 * 3, (1, 3), Trunk(width=16, depth=1, convolutions=2), image=(9, 8, 3))
DATA = TwoDigits(rows=60)
TASKS = ("left digit", "right digit")


def pictures(n_rows: int = 5) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(len(SEEDS), n_rows, SHAPE.inputs))).float()


def plain(parameters: dict[str, torch.Tensor], network: int) -> torch.nn.Sequential:
    """One network of a stack with one trunk, made of PyTorch's layers."""
    steps: list[torch.nn.Module] = [torch.nn.Unflatten(1, (9, 8, 3)), Colours()]
    for i, (n_in, n_out) in enumerate([(3, 4), (4, 8)]):
        look = torch.nn.Conv2d(n_in, n_out, 3, padding=1)
        look.weight.data = parameters[f"trunk.{i}.weight"][network].detach().T.reshape(n_out, n_in, 3, 3).clone()
        look.bias.data = parameters[f"trunk.{i}.bias"][network, 0].detach().clone()  # type: ignore[union-attr]
        steps += [look, torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    dense, head = torch.nn.Linear(8 * 2 * 2, 16), torch.nn.Linear(16, 4)
    dense.weight.data = parameters["trunk.2.weight"][network].detach().T.clone()
    dense.bias.data = parameters["trunk.2.bias"][network, 0].detach().clone()
    head.weight.data = parameters["head.weight"][network].detach().clone()
    head.bias.data = parameters["head.bias"][network, :, 0].detach().clone()
    return torch.nn.Sequential(*steps, torch.nn.Flatten(), dense, torch.nn.ReLU(), head)


class Colours(torch.nn.Module):
    """Pictures as data have them, colours last, to PyTorch's order."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.permute(0, 3, 1, 2)


def test_every_network_of_a_stack_is_pytorchs_own_layers_and_so_are_its_gradients() -> None:
    parameters, seen = layers.start(Hard().layout(SHAPE), SEEDS), pictures()
    found = Hard().forward(parameters, seen, SHAPE)
    slopes = torch.autograd.grad(found.square().sum(), [parameters["trunk.0.weight"], parameters["trunk.2.bias"]])
    for r in range(len(SEEDS)):
        network = plain(parameters, r)
        wanted = network(seen[r])
        torch.testing.assert_close(found[r], wanted, rtol=1e-5, atol=1e-6)
        wanted.square().sum().backward()
        kernel = network[2].weight.grad
        torch.testing.assert_close(slopes[0][r].T.reshape(4, 3, 3, 3), kernel, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(slopes[1][r, 0], network[6 + 3].bias.grad, rtol=1e-4, atol=1e-5)


def test_a_network_has_as_many_numbers_as_pytorchs() -> None:
    parameters = layers.start(Hard().layout(SHAPE), SEEDS)
    assert Hard().count(SHAPE) == sum(each.numel() for each in plain(parameters, 0).parameters())


@pytest.mark.parametrize("name", sharings)
def test_every_sharing_type_looks_at_pictures_alone_as_in_the_stack(name: str) -> None:
    sharing = sharings[name]()
    stack, alone = (layers.start(sharing.layout(SHAPE), seeds) for seeds in (SEEDS, SEEDS[2:3]))
    together = sharing.forward(stack, pictures(), SHAPE)
    torch.testing.assert_close(together[2:3], sharing.forward(alone, pictures()[2:3], SHAPE), rtol=1e-5, atol=1e-6)
    assert together.shape == (4, 5, 4)


def test_a_patch_that_moves_is_seen_wherever_it_is() -> None:
    """With two convolutions, four pixels to the side is the same picture one step on: so are the features."""
    shape = Shape(16 * 16, (1,), Trunk(width=16, depth=1, convolutions=2), image=(16, 16, 1))
    parameters = layers.start(Hard().layout(shape), SEEDS)
    patch, canvas = torch.rand(4, 4), torch.zeros(2, 16, 16)
    canvas[0, 4:8, 4:8], canvas[1, 4:8, 8:12] = patch, patch
    hidden = [(parameters[f"trunk.{i}.weight"], parameters[f"trunk.{i}.bias"]) for i in range(2)]
    seen = layers.passed(canvas.reshape(1, 2, -1).expand(4, -1, -1), hidden, shape, range(2)).view(4, 2, 8, 4, 4)
    torch.testing.assert_close(seen[:, 0, :, 1:3, 1:2], seen[:, 1, :, 1:3, 2:3])


# --- in a run -----------------------------------------------------------------------------------------------------
def plan(sharing: Sharing, **knobs: object) -> Experiment:
    settings: dict[str, object] = {
        "trunk": Trunk(width=8, depth=1, convolutions=2),
        "training": Training(steps=6, batch_size=16, evaluate_every=3),
        "plan": Plan(folds=2, equal_parameters=False),
    }
    return Experiment(DATA, TASKS, (sharing,), **(settings | knobs))  # type: ignore[arg-type]


def units(experiment: Experiment) -> tuple[Unit, ...]:
    return experiment.units(shape_for(experiment, DATA.load()))


def curves(events: list[Event]) -> list[np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
    return [each.validation for each in events if isinstance(each, Progress)]


@pytest.mark.parametrize("name", sharings)
def test_a_run_cut_into_slices_gives_the_same_numbers_bit_for_bit(name: str) -> None:
    experiment, tasks = plan(sharings[name]()), DATA.load().tasks
    prepared, unit = prepared_for(experiment, DATA.load()), units(experiment)[0]
    whole = advance(experiment, unit, prepared, tasks, None)
    first = advance(experiment, unit, prepared, tasks, None, max_steps=2)
    rest = advance(experiment, unit, prepared, tasks, first.state)
    for a, b in zip(curves(list(whole.events)), curves([*first.events, *rest.events]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", weightings)
def test_every_weighting_moves_convolutions_and_a_cut_changes_nothing(name: str) -> None:
    experiment, tasks = plan(Hard(), weighting=weightings[name]()), DATA.load().tasks
    prepared, unit = prepared_for(experiment, DATA.load()), units(experiment)[0]
    whole = advance(experiment, unit, prepared, tasks, None)
    first = advance(experiment, unit, prepared, tasks, None, max_steps=3)
    rest = advance(experiment, unit, prepared, tasks, first.state)
    for a, b in zip(curves(list(whole.events)), curves([*first.events, *rest.events]), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (curves(list(whole.events))[0] != curves(list(whole.events))[-1]).any()


def test_a_twin_alone_gives_the_numbers_that_it_gives_in_the_stack() -> None:
    experiment, tasks = plan(Hard()), DATA.load().tasks
    prepared, unit = prepared_for(experiment, DATA.load()), units(experiment)[0]
    stack = curves(list(advance(experiment, unit, prepared, tasks, None).events))
    for r, replica in enumerate(unit.replicas):
        alone = replace(unit, replicas=(replica,))
        own = curves(list(advance(experiment, alone, prepared, tasks, None).events))
        for a, b in zip(stack, own, strict=True):
            np.testing.assert_allclose(a[[r]], b, rtol=1e-4, atol=1e-5)


def test_the_baseline_of_equal_parameters_is_narrower_and_about_as_large() -> None:
    shape = Shape(144, (10, 10), Trunk(width=32, convolutions=2), image=(12, 12, 1))
    width = equal_parameter_width(Hard(), shape)
    assert width < 32
    one = replace(shape, outputs=(10,), trunk=replace(shape.trunk, width=width))
    assert 2 * Hard().count(one) == pytest.approx(Hard().count(shape), rel=0.06)


def test_stacks_of_wide_looks_are_small_and_those_of_tables_as_ever() -> None:
    def sizes(experiment: Experiment) -> list[int]:
        shape = Shape(1728, (4, 4), experiment.trunk, (24, 24, 3))
        return [len(unit.replicas) for unit in experiment.units(shape)]

    many = {"plan": Plan(folds=10, equal_parameters=False)}
    pictures = Shapes(rows=60)
    flat = Experiment(pictures, ("shape", "colour"), **many)  # type: ignore[arg-type]
    looks = replace(flat, trunk=Trunk(convolutions=2))
    assert sizes(flat) == [30]
    assert sum(sizes(looks)) == 30
    assert max(sizes(looks)) * 24 * 24 * 8 <= 30 * 1024


# --- what does not go together ------------------------------------------------------------------------------------
def test_a_table_has_nothing_to_look_at() -> None:
    with pytest.raises(InvalidInput, match="convolutions need pictures, and these data are none"):
        Experiment(Relatedness(), ("task 1",), trunk=Trunk(convolutions=1))


def test_a_picture_can_be_halved_so_often() -> None:
    Experiment(Digits(), ("digit",), trunk=Trunk(convolutions=3))
    with pytest.raises(InvalidInput, match="8 x 8 pixels cannot be halved 4 times"):
        Experiment(Digits(), ("digit",), trunk=Trunk(convolutions=4))


def test_parts_of_a_sluice_divide_the_channels_too() -> None:
    with pytest.raises(InvalidInput, match="8 parts do not divide a width of 4"):
        Sluice(parts=8).layout(replace(SHAPE, trunk=replace(SHAPE.trunk, width=16)))


def test_a_forecast_counts_every_use_of_a_weight() -> None:
    """A kernel of 9 numbers is used at each of 576 pixels; the forecast of a run is not that of its 9 numbers."""
    data = Shapes(rows=60).load()
    same = Experiment(Shapes(rows=60), ("shape", "colour"), trunk=Trunk(width=16), plan=Plan(equal_parameters=False))
    flat, looks = same, replace(same, trunk=Trunk(width=16, convolutions=1))
    speed = Speed(per_step=0.0, per_product=1.0)
    seconds = [speed.seconds(each, each.units(shape_for(each, data)), 60, 1) for each in (flat, looks)]
    kernel, dense = 4 * 27 * 576, 4 * 144 * 16 + 16 * 16
    assert seconds[1] / seconds[0] == pytest.approx((kernel + dense) / (1728 * 16 + 16 * 16), rel=0.02)


def test_other_data_take_convolutions_off_a_table_and_bring_batches_to_pictures() -> None:
    table = Experiment(Relatedness(), ("task 1",))
    seen = replace(table, **suited(table, DATA))
    assert seen.training.batch_size == PICTURES_IN_BATCH
    looking = replace(seen, data=DATA, tasks=TASKS, trunk=Trunk(convolutions=2))
    assert suited(looking, Digits())["trunk"].convolutions == 2
    assert suited(looking, Relatedness()) == {"trunk": Trunk(), "training": Training()}
    own = replace(looking, training=Training(batch_size=32))
    assert suited(own, Relatedness())["training"].batch_size == suited(own, DATA)["training"].batch_size == 32
