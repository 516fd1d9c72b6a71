"""Gradients that are written out are those of the tape, one by one and several at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mtl_core.models  # noqa: F401 - fills the registry
from mtl_core.models import layers
from mtl_core.models.adapters import Adapters
from mtl_core.models.base import Shape, Sharing, Trunk, sharings
from mtl_core.models.experts import MultiGateMixtureOfExperts
from mtl_core.models.extraction import CustomisedGateControl, ProgressiveLayeredExtraction
from mtl_core.models.hard import Hard
from mtl_core.models.stitch import CrossStitch, Sluice
from mtl_core.tasks import TaskSpec
from mtl_core.training import gradients
from mtl_core.training.labels import Labels
from mtl_core.training.losses import grouped, task_losses

SEEDS = np.array([3, 14, 15])
SHAPES = {
    "equal heads": Shape(4, (1, 1, 1), Trunk(width=8, depth=3)),
    "mixed heads": Shape(4, (1, 3, 2), Trunk(width=8, depth=2, activation="tanh")),
    "one layer": Shape(4, (2, 1), Trunk(width=8, depth=1)),
}


VARIANTS = [
    *(sharings[name]() for name in sharings),
    Hard(private_layers=1),
    Hard(private_layers=8),
    Adapters(rank=0),
    CrossStitch(frozen=True),
    Sluice(parts=1),
    Sluice(parts=4),
    CustomisedGateControl(experts=1, own_experts=2),
    CustomisedGateControl(experts=3, own_experts=0),
    MultiGateMixtureOfExperts(experts=1),
    ProgressiveLayeredExtraction(experts=1, own_experts=2),
    ProgressiveLayeredExtraction(experts=3, own_experts=0),
]


@pytest.fixture(params=VARIANTS, ids=repr)
def sharing(request: pytest.FixtureRequest) -> Sharing:
    found: Sharing = request.param
    return found


@pytest.fixture(params=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


def drawn(*size: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=size)).float()


def test_the_pullback_is_the_tapes(sharing: Sharing, shape: Shape) -> None:
    parameters, inputs = layers.start(sharing.layout(shape), SEEDS), drawn(3, 7, 4)
    outputs, pull = sharing.linearise(parameters, inputs, shape)
    wanted = sharing.forward(parameters, inputs, shape)
    torch.testing.assert_close(outputs, wanted.detach())
    above = drawn(3, 7, sum(shape.outputs))
    tape = torch.autograd.grad(wanted, list(parameters.values()), above, materialize_grads=True)
    torch.testing.assert_close(pull(above), list(tape))


def test_several_gradients_at_once_are_those_one_by_one(sharing: Sharing, shape: Shape) -> None:
    parameters, inputs = layers.start(sharing.layout(shape), SEEDS), drawn(3, 7, 4)
    _, pull = sharing.linearise(parameters, inputs, shape)
    above = drawn(3, 7, 5, sum(shape.outputs))
    for found, parameter, *alone in zip(
        pull.each(above), parameters.values(), *(pull(above[:, :, t]) for t in range(5)), strict=True
    ):
        assert found.shape == (3, 5, *parameter.shape[1:])
        torch.testing.assert_close(found, torch.stack(alone, 1))


def test_the_jacobian_holds_the_gradient_of_each_tasks_own_loss() -> None:
    tasks = (TaskSpec("a", "regression"), TaskSpec("b", "multiclass", ("x", "y", "z")), TaskSpec("c", "regression"))
    sharing, shape = Hard(), Shape(4, (1, 3, 1), Trunk(width=8, depth=2))
    parameters, inputs = layers.start(sharing.layout(shape), SEEDS), drawn(3, 7, 4)
    targets = torch.stack([drawn(3, 7), torch.randint(3, (3, 7), generator=torch.manual_seed(0)), drawn(3, 7)], -1)
    targets[1, 2:5, 0] = torch.nan
    learned = torch.tensor([[True, True, True], [True, True, False], [False, True, False]])

    outputs, pull = sharing.linearise(parameters, inputs, shape)
    losses = task_losses(outputs, Labels(targets), grouped(tasks, shape), complete=False)
    names, shared = tuple(parameters), sharing.shared(shape)
    matrix, private = gradients.jacobian(losses, learned, pull, names, shared)

    y = sharing.forward(parameters, inputs, shape)
    labelled = ~torch.isnan(targets[..., 0])
    squared = [(labelled * (y[..., 0] - targets[..., 0].nan_to_num()) ** 2).sum(1) / labelled.sum(1)]
    surprise = torch.nn.functional.cross_entropy(y[..., 1:4].transpose(1, 2), targets[..., 1].long(), reduction="none")
    each = torch.stack([*squared, surprise.mean(1), ((y[..., 4] - targets[..., 2]) ** 2).mean(1)], 1) * learned
    for t in range(3):
        found = torch.autograd.grad(each[:, t].sum(), [parameters[name] for name in shared], retain_graph=True)
        torch.testing.assert_close(matrix[:, t], torch.cat([part.flatten(1) for part in found], 1))
    own = [name for name in names if name not in shared]
    heads = torch.autograd.grad(each.sum(), [parameters[name] for name in own])
    torch.testing.assert_close(list(private.values()), list(heads))
