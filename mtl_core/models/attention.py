"""One trunk, and for each task a mask that says which of its features matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.models import layers
from mtl_core.models.base import Layout, Parameters, Pullback, Shape, Sharing, sharings
from mtl_core.models.masked import masked


@sharings.register("mtan", title="One trunk, own attention", term="MTAN")
@dataclass(frozen=True)
class MultiTaskAttention(Sharing):
    """All tasks share one trunk, and each learns after every layer which features to let through.

    With h_l the features of layer l: z_l = sigmoid(A_l [h_l ; z_(l-1)] + a_l) * h_l for each task (no z before the
    first layer); the head sees the last z. Masks lie between 0 and 1.
    Reference: Liu, Johns, Davison, "End-to-End Multi-Task Learning with Attention", CVPR 2019.
    Differs from the paper: the form for tables: a dense layer for each attention module instead of two convolutions
    with batch normalisation; the mask acts on the layer that it is computed from; convolutions have none.
    """

    diagram: ClassVar[str] = "inputs -> one trunk -> each task's masks let features through -> a head for each task"

    def layout(self, shape: Shape) -> Layout:
        layout = layers.trunk_layout(shape)
        first = len(shape.grids)
        for i in range(first, shape.n_layers):
            width, words = shape.trunk.width, (f"attention.{i}",) * shape.n_tasks
            layout |= layers.layer_layout(f"attention.{i}", width if i == first else 2 * width, width, words)
        return layout | layers.head_layout(shape)

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        return layers.private_heads(parameters, self._masked(parameters, inputs, shape)[0], shape)

    def linearise(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
        return super().linearise(parameters, inputs, shape) if shape.grids else masked(parameters, inputs, shape)

    def shared(self, shape: Shape) -> tuple[str, ...]:
        return layers.trunk_names(shape)

    def inside(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> dict[str, torch.Tensor]:
        masks = self._masked(parameters, inputs, shape)[1]
        return {"masks": torch.stack([mask.mean((2, 3)) for mask in masks], 2)}  # [R, T, layers]

    def _masked(
        self, parameters: Parameters, inputs: torch.Tensor, shape: Shape
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The last masked features and every layer's masks, each [R, T, B, W]."""
        values, seen, masks = inputs, inputs, list[torch.Tensor]()
        for i in range(shape.n_layers):
            layer = (parameters[f"trunk.{i}.weight"], parameters[f"trunk.{i}.bias"])
            values = layers.passed(values, [layer], shape, range(i, i + 1))  # [R, B, W]
            if i < len(shape.grids):
                continue
            masks.append(torch.sigmoid(self._asked(parameters, i, values, seen, shape)))
            seen = masks[-1] * values.unsqueeze(1)
        return seen, masks

    def _asked(
        self, parameters: Parameters, layer: int, values: torch.Tensor, seen: torch.Tensor, shape: Shape
    ) -> torch.Tensor:
        """A_l [h_l ; z_(l-1)] + a_l: [R, T, B, W]."""
        weight, bias = parameters[f"attention.{layer}.weight"], parameters[f"attention.{layer}.bias"]
        told = values.unsqueeze(1).expand(-1, shape.n_tasks, -1, -1)
        if layer > len(shape.grids):
            told = torch.cat([told, seen], 3)
        asked = torch.baddbmm(bias.flatten(0, 1), told.flatten(0, 1), weight.flatten(0, 1))
        return torch.unflatten(asked, 0, (-1, shape.n_tasks))
