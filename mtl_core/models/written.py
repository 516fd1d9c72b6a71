"""Pieces of networks whose gradient is written out instead of read from the tape: see `chain` for why.

Here features stand before rows, [..., W, B]: parts of a layer are then parts of memory, and a bias is a sum along rows.
Sizes: R replicas, T tasks, B rows, W width, O = sum of all heads' outputs.
"""

from __future__ import annotations

from mtl_core.lazy import torch
from mtl_core.models.base import Parameters, Shape
from mtl_core.models.layers import owners

Slopes = dict[str, "torch.Tensor"]


def dense(weight: torch.Tensor, bias: torch.Tensor, values: torch.Tensor, activation: str = "") -> torch.Tensor:
    """weight [N, in, out], bias [N, 1, out], values [N, in, B] -> [N, out, B], bent if there is an activation."""
    out = torch.baddbmm(bias.transpose(1, 2), weight.transpose(1, 2), values)
    if activation:
        out = out.relu_() if activation == "relu" else out.tanh_()
    return out


class PrivateHeads:
    """Each task's head on features of its own. Heads of one size are one product."""

    def __init__(self, parameters: Parameters, shape: Shape) -> None:
        self.weight, self.bias = parameters["head.weight"].detach(), parameters["head.bias"].detach()
        self.outputs, self.n_tasks = shape.outputs, shape.n_tasks
        self.size = shape.outputs[0] if len(set(shape.outputs)) == 1 else 0

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """features [R, T, W, B] -> [R, O, B], without the bias."""
        if self.size:
            found = torch.bmm(self._flat(self.weight), features.flatten(0, 1))
            return found.view(len(features), -1, features.shape[3])
        pairs = zip(self.weight.split(self.outputs, 1), features.unbind(1), strict=True)
        return torch.cat([torch.bmm(*pair) for pair in pairs], 1)

    def to_weight(self, gradient: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Gradient of the weight [R, O, W] from that of the outputs [R, O, B]."""
        if self.size:
            return torch.bmm(self._flat(gradient), features.flatten(0, 1).transpose(1, 2)).view_as(self.weight)
        pairs = zip(gradient.split(self.outputs, 1), features.unbind(1), strict=True)
        return torch.cat([torch.bmm(above, seen.transpose(1, 2)) for above, seen in pairs], 1)

    def to_features(self, gradient: torch.Tensor) -> torch.Tensor:
        """Gradient of the features [R, T, W, B] from that of the outputs [R, O, B]."""
        if self.size:
            found = torch.bmm(self._flat(self.weight).transpose(1, 2), self._flat(gradient))
            return torch.unflatten(found, 0, (-1, self.n_tasks))
        pairs = zip(self.weight.split(self.outputs, 1), gradient.split(self.outputs, 1), strict=True)
        return torch.stack([torch.bmm(weight.transpose(1, 2), above) for weight, above in pairs], 1)

    def to_rows(self, gradient: torch.Tensor) -> torch.Tensor:
        """The same with rows before features: [R, T, B, W]."""
        if self.size:
            found = torch.bmm(self._flat(gradient).transpose(1, 2), self._flat(self.weight))
            return torch.unflatten(found, 0, (-1, self.n_tasks))
        pairs = zip(self.weight.split(self.outputs, 1), gradient.split(self.outputs, 1), strict=True)
        return torch.stack([torch.bmm(above.transpose(1, 2), weight) for weight, above in pairs], 1)

    def _flat(self, values: torch.Tensor) -> torch.Tensor:
        """[R, T * size, ...] -> [R * T, size, ...]."""
        return values.reshape(-1, self.size, values.shape[2])


def upright(gradient: torch.Tensor) -> torch.Tensor:
    """Gradient of the outputs as it comes, [R, B, O], with the rows last."""
    return gradient.transpose(1, 2).contiguous()


def by_task(values: torch.Tensor, shape: Shape) -> torch.Tensor:
    """What belongs to each output [R, O, ...], added up for each task [R, T, ...]."""
    if values.shape[1] == shape.n_tasks:
        return values
    owner = torch.tensor(owners(shape), device=values.device)
    return values.new_zeros(len(values), shape.n_tasks, *values.shape[2:]).index_add_(1, owner, values)
