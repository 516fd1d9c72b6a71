"""The gradient of one trunk with a mask for each task after every layer (MTAN), written out.

Sizes: R replicas, T tasks, B rows, W width, O = sum of all heads' outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtl_core.lazy import torch
from mtl_core.models.base import Parameters, Pullback, Shape
from mtl_core.models.chain import bent
from mtl_core.models.written import PrivateHeads, Slopes, dense, upright


@dataclass(frozen=True)
class Level:
    """A layer: what the trunk sees [R, in, B], its features [R, W, B], what each task's mask is computed from (those
    features, and below them what the task let through before) [R, T, W or 2 W, B], and the masks [R, T, W, B]."""

    seen: torch.Tensor
    features: torch.Tensor
    told: torch.Tensor
    masks: torch.Tensor


class Masked:
    """One forward pass; `pull` may be called several times."""

    def __init__(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> None:
        self.values = {name: each.detach() for name, each in parameters.items()}
        self.shape, self.heads = shape, PrivateHeads(parameters, shape)
        self.levels: list[Level] = []
        seen = inputs.transpose(1, 2)
        for i in range(shape.n_layers):
            features = dense(*self._layer("trunk", i), seen, shape.trunk.activation)
            told, (weight, bias) = self._told(features), self._layer("attention", i)
            asked = dense(weight.flatten(0, 1), bias.flatten(0, 1), told.flatten(0, 1))
            masks = asked.sigmoid_().view(len(told), shape.n_tasks, -1, told.shape[3])
            self.levels.append(Level(seen, features, told, masks))
            seen = features
        self.last = self.levels[-1].masks * features.unsqueeze(1)  # [R, T, W, B]

    def outputs(self) -> torch.Tensor:
        """[R, B, O]."""
        return (self.heads.forward(self.last) + self.heads.bias).transpose(1, 2)

    def pull(self, gradient: torch.Tensor) -> list[torch.Tensor]:
        """Gradients of the parameters, in order, from that of the outputs [R, B, O]."""
        above = upright(gradient)
        found: Slopes = {"head.bias": above.sum(2, keepdim=True), "head.weight": self.heads.to_weight(above, self.last)}
        let_through, below = self.heads.to_features(above), None
        for i in reversed(range(len(self.levels))):
            let_through, below = self._level(i, let_through, below, found)
        return [found[name] for name in self.values]

    def _level(
        self, i: int, let_through: torch.Tensor, below: torch.Tensor | None, found: Slopes
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Notes the gradients of layer i, from those of what its masks let through [R, T, W, B] and, from the layer
        behind it, of its features [R, W, B]; the same two for the layer before."""
        level, width = self.levels[i], self.shape.trunk.width
        asked = let_through * level.features.unsqueeze(1)
        torch.ops.aten.sigmoid_backward.grad_input(asked, level.masks, grad_input=asked)
        flat = asked.flatten(0, 1)
        weight = torch.bmm(level.told.flatten(0, 1), flat.transpose(1, 2))
        found[f"attention.{i}.weight"] = weight.view_as(self.values[f"attention.{i}.weight"])
        found[f"attention.{i}.bias"] = asked.sum(3).unsqueeze(2)
        told = torch.bmm(self.values[f"attention.{i}.weight"].flatten(0, 1), flat).view_as(level.told)
        features = (let_through * level.masks).add_(told[:, :, :width]).sum(1)
        features = features if below is None else features.add_(below)
        features = bent(features, level.features, self.shape.trunk.activation, in_place=True)
        found[f"trunk.{i}.weight"] = torch.bmm(level.seen, features.transpose(1, 2))
        found[f"trunk.{i}.bias"] = features.sum(2).unsqueeze(1)
        return told[:, :, width:], torch.bmm(self.values[f"trunk.{i}.weight"], features) if i else features

    def _told(self, features: torch.Tensor) -> torch.Tensor:
        """The features for every task, above what the masks of the layer before let through."""
        n_replicas, width, n_rows = features.shape
        told = features.new_empty(n_replicas, self.shape.n_tasks, width * (2 if self.levels else 1), n_rows)
        told[:, :, :width] = features.unsqueeze(1)
        if self.levels:
            before = self.levels[-1]
            torch.mul(before.masks, before.features.unsqueeze(1), out=told[:, :, width:])
        return told

    def _layer(self, name: str, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.values[f"{name}.{i}.weight"], self.values[f"{name}.{i}.bias"]


def masked(parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
    """Outputs [R, B, O] and their pullback; see `Masked`."""
    found = Masked(parameters, inputs, shape)
    return found.outputs(), Pullback(found.pull)
