"""A small network for each task of each replica, stacked: plain autograd, so that steps can be differentiated.

Sizes: R replicas, M tasks, N = R * M networks, B rows, F inputs, W width.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtl_core.lazy import torch
from mtl_core.models import layers
from mtl_core.models.base import Layout, Parameters, Shape


@dataclass(frozen=True)
class Part:
    """Rows of the tasks: inputs [N, B, F], targets [N, B]; NaN where a task has no such row."""

    inputs: torch.Tensor
    targets: torch.Tensor


@dataclass(frozen=True)
class Task:
    """What one meta-step sees: rows to adapt on and rows to be judged on, of `size` tasks for each replica."""

    support: Part
    query: Part
    size: int


@dataclass(frozen=True)
class Network:
    """A trunk with a head of one number; parameters are dicts of tensors that lead with R or with N."""

    shape: Shape

    @property
    def layout(self) -> Layout:
        return layers.trunk_layout(self.shape) | layers.head_layout(self.shape)

    @property
    def head(self) -> tuple[str, ...]:
        return "head.weight", "head.bias"

    def copies(self, parameters: Parameters, size: int) -> Parameters:
        """Each replica's parameters for each of its `size` tasks: [R, ...] -> [N, ...], on the tape."""
        wide = {name: each.unsqueeze(1).expand(-1, size, *each.shape[1:]) for name, each in parameters.items()}
        return {name: each.reshape(-1, *each.shape[2:]) for name, each in wide.items()}

    def features(self, parameters: Parameters, inputs: torch.Tensor) -> torch.Tensor:
        """inputs [N, B, F] -> the last hidden layer [N, B, W]."""
        bend = torch.relu if self.shape.trunk.activation == "relu" else torch.tanh
        values = inputs
        for i in range(self.shape.trunk.depth):
            values = bend(torch.baddbmm(parameters[f"trunk.{i}.bias"], values, parameters[f"trunk.{i}.weight"]))
        return values

    def predict(self, parameters: Parameters, inputs: torch.Tensor) -> torch.Tensor:
        """inputs [N, B, F] -> [N, B]."""
        features = self.features(parameters, inputs)
        out = torch.baddbmm(parameters["head.bias"], features, parameters["head.weight"].mT)
        return torch.squeeze(out, -1)

    def loss(self, parameters: Parameters, part: Part) -> torch.Tensor:
        """Mean squared error of every network [N] over the rows that its task has; 0 where it has none."""
        return squared_error(self.predict(parameters, part.inputs), part.targets)


def squared_error(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean over the rows with a target: [..., B] -> [...]; 0 without any."""
    known = ~torch.isnan(targets)
    off = torch.where(known, outputs - torch.where(known, targets, 0.0), 0.0)
    return off.square().sum(-1) / known.sum(-1).clamp(min=1)


def descended(
    network: Network,
    fast: Parameters,
    part: Part,
    steps: int,
    rate: float,
    names: tuple[str, ...],
    second_order: bool,
) -> Parameters:
    """`fast` [N, ...] after steps of gradient descent on `names`, every network on its own rows.

    second_order: the steps stay on the tape whole; otherwise each step's gradient counts as a constant.
    """
    for _ in range(steps):
        loss = network.loss(fast, part).sum()
        slopes = torch.autograd.grad(loss, [fast[name] for name in names], create_graph=second_order)
        fast = fast | {name: fast[name] - rate * slope for name, slope in zip(names, slopes, strict=True)}
    return fast


def ridge_outputs(known: torch.Tensor, targets: torch.Tensor, asked: torch.Tensor, strength: float) -> torch.Tensor:
    """Ridge regression in closed form: known features [N, B, W], their targets [N, B], asked [N, Q, W] -> [N, Q].

    A constant joins the features; with targets NaN a row counts for nothing. Solved over the rows (kernel form), which
    are fewer than the features: a (A A' + strength I)^-1 y.
    """
    here = ~torch.isnan(targets)
    ones = torch.ones_like(known[..., :1])
    basis = torch.cat([known, ones], -1) * here.unsqueeze(-1)
    other = torch.cat([asked, torch.ones_like(asked[..., :1])], -1)
    eye = torch.eye(known.shape[1], dtype=known.dtype, device=known.device)
    gram = torch.bmm(basis, basis.mT) + strength * eye
    solved = torch.linalg.solve(gram, torch.where(here, targets, 0.0).unsqueeze(-1))
    return torch.squeeze(torch.bmm(other, torch.bmm(basis.mT, solved)), -1)
