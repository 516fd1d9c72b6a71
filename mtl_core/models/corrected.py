"""The gradient of one trunk with a small correction for each task (low-rank adapters), written out.

Sizes: R replicas, T tasks, B rows, W width, O = sum of all heads' outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtl_core.lazy import torch
from mtl_core.models.base import Parameters, Pullback, Shape
from mtl_core.models.chain import bent
from mtl_core.models.written import PrivateHeads, Slopes


@dataclass(frozen=True)
class Level:
    """A layer: what the tasks see [R * T, B, in], that times the corrections' columns [R * T, B, rank], and its
    features [R * T, B, W]."""

    seen: torch.Tensor
    narrow: torch.Tensor
    features: torch.Tensor


class Corrected:
    """One forward pass; `pull` may be called several times."""

    def __init__(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> None:
        self.values = {name: each.detach() for name, each in parameters.items()}
        self.shape, self.inputs, self.heads = shape, inputs, PrivateHeads(parameters, shape)
        self.levels: list[Level] = []
        seen = inputs.unsqueeze(1).expand(-1, shape.n_tasks, -1, -1).flatten(0, 1)
        for i in range(shape.n_layers):
            narrow = torch.bmm(seen, self.values[f"down.{i}"].flatten(0, 1))
            features = self._same(i, seen).baddbmm_(narrow, self.values[f"up.{i}"].flatten(0, 1))
            features = features.relu_() if shape.trunk.activation == "relu" else features.tanh_()
            self.levels.append(Level(seen, narrow, features))
            seen = features
        self.last = torch.unflatten(seen, 0, (-1, shape.n_tasks)).transpose(2, 3)  # [R, T, W, B]

    def outputs(self) -> torch.Tensor:
        """[R, B, O]."""
        return (self.heads.forward(self.last) + self.heads.bias).transpose(1, 2)

    def pull(self, gradient: torch.Tensor) -> list[torch.Tensor]:
        """Gradients of the parameters, in order, from that of the outputs [R, B, O]."""
        above = gradient.transpose(1, 2)
        found: Slopes = {"head.bias": above.sum(2, keepdim=True), "head.weight": self.heads.to_weight(above, self.last)}
        below = self.heads.to_rows(above).flatten(0, 1)
        for i in reversed(range(len(self.levels))):
            below = self._level(i, below, found)
        return [found[name] for name in self.values]

    def _same(self, i: int, seen: torch.Tensor) -> torch.Tensor:
        """What layer i of the trunk makes for every task [R * T, B, W]; from the inputs it is the same for all."""
        weight, bias = self.values[f"trunk.{i}.weight"], self.values[f"trunk.{i}.bias"]
        if i:
            return torch.baddbmm(bias, self._tall(seen), weight).view(len(seen), -1, weight.shape[2])
        same = torch.baddbmm(bias, self.inputs, weight)
        return same.repeat_interleave(self.shape.n_tasks, 0)

    def _level(self, i: int, gradient: torch.Tensor, found: Slopes) -> torch.Tensor:
        """Notes the gradients of layer i, from that of its features; to that of what it sees."""
        level, weight = self.levels[i], self.values[f"trunk.{i}.weight"]
        down, up = self.values[f"down.{i}"], self.values[f"up.{i}"]
        gradient = bent(gradient, level.features, self.shape.trunk.activation, in_place=True)
        found[f"up.{i}"] = torch.bmm(level.narrow.transpose(1, 2), gradient).view_as(up)
        narrow = torch.bmm(gradient, up.flatten(0, 1).transpose(1, 2))
        found[f"down.{i}"] = torch.bmm(level.seen.transpose(1, 2), narrow).view_as(down)
        if not i:
            both = torch.unflatten(gradient, 0, (-1, self.shape.n_tasks)).sum(1)  # [R, B, W]
            found["trunk.0.weight"] = torch.bmm(self.inputs.transpose(1, 2), both)
            found["trunk.0.bias"] = both.sum(1, keepdim=True)
            return gradient
        tall = self._tall(gradient)
        found[f"trunk.{i}.weight"] = torch.bmm(self._tall(level.seen).transpose(1, 2), tall)
        found[f"trunk.{i}.bias"] = tall.sum(1, keepdim=True)
        below = torch.bmm(tall, weight.transpose(1, 2)).view_as(level.seen)
        return below.baddbmm_(narrow, down.flatten(0, 1).transpose(1, 2))

    def _tall(self, values: torch.Tensor) -> torch.Tensor:
        """All tasks' rows below each other: [R * T, B, n] -> [R, T * B, n]."""
        return values.view(len(self.inputs), -1, values.shape[2])


def corrected(parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
    """Outputs [R, B, O] and their pullback; see `Corrected`."""
    found = Corrected(parameters, inputs, shape)
    return found.outputs(), Pullback(found.pull)
