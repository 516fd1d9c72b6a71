"""One trunk, and for each task a small correction of every layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.models import layers
from mtl_core.models.base import Layout, Parameter, Parameters, Pullback, Shape, Sharing, sharings
from mtl_core.models.corrected import corrected
from mtl_core.models.hard import branching_forward, branching_pullback
from mtl_core.registry import knob


@sharings.register("adapters", title="One trunk, small corrections", term="low-rank adapters")
@dataclass(frozen=True)
class Adapters(Sharing):
    """All tasks share one trunk, and each adds a small correction of its own to every layer.

    Layer weights of task t are W + A_t B_t, where A_t has `rank` columns. B starts at 0, so that training begins as
    with one trunk for all; rank 0 stays there.
    Reference: Hu, Shen, Wallis et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.
    Differs from the paper: the trunk is trained too, from a fresh start; no scaling factor.
    """

    diagram: ClassVar[str] = "inputs -> one trunk, corrected a little for each task -> a head for each task"

    rank: int = knob(2, "Columns of each correction; 0 = none", low=0, high=64)

    def layout(self, shape: Shape) -> Layout:
        layout, size = layers.trunk_layout(shape), shape.n_tasks
        for i, (n_in, n_out) in enumerate(shape.matrices if self.rank else ()):
            layout[f"down.{i}"] = Parameter((size, n_in, self.rank), (f"down.{i}",) * size, n_in)
            layout[f"up.{i}"] = Parameter((size, self.rank, n_out), (f"up.{i}",))
        return layout | layers.head_layout(shape)

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        if not self.rank:
            return branching_forward(parameters, inputs, shape, shape.n_layers)
        values = inputs.unsqueeze(1)  # [R, 1, B, F], after the first layer [R, T, B, W]
        for i in range(shape.n_layers):
            values = self._layer(parameters, i, values, shape)
        return layers.private_heads(parameters, values, shape)

    def linearise(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
        if self.rank and not shape.grids:
            return corrected(parameters, inputs, shape)
        found = None if self.rank else branching_pullback(parameters, inputs, shape, shape.n_layers)
        return found or super().linearise(parameters, inputs, shape)

    def shared(self, shape: Shape) -> tuple[str, ...]:
        return layers.trunk_names(shape)

    def _layer(self, parameters: Parameters, layer: int, values: torch.Tensor, shape: Shape) -> torch.Tensor:
        if layer < len(shape.grids):
            return self._looks(parameters, layer, values, shape)
        weight, bias = parameters[f"trunk.{layer}.weight"], parameters[f"trunk.{layer}.bias"]
        same = torch.baddbmm(bias, values.flatten(1, 2), weight).unflatten(1, values.shape[1:3])
        wide = values.expand(-1, shape.n_tasks, -1, -1).flatten(0, 1)
        down, up = parameters[f"down.{layer}"].flatten(0, 1), parameters[f"up.{layer}"].flatten(0, 1)
        own = torch.bmm(torch.bmm(wide, down), up).unflatten(0, (-1, shape.n_tasks))
        return torch.relu(same + own) if shape.trunk.activation == "relu" else torch.tanh(same + own)

    def _looks(self, parameters: Parameters, layer: int, values: torch.Tensor, shape: Shape) -> torch.Tensor:
        """A convolution: its weights are small, so each task's are put together first."""
        own = torch.matmul(parameters[f"down.{layer}"], parameters[f"up.{layer}"])
        weight = parameters[f"trunk.{layer}.weight"].unsqueeze(1) + own  # [R, T, in, out]
        bias = parameters[f"trunk.{layer}.bias"].unsqueeze(1).expand(-1, shape.n_tasks, -1, -1)
        hidden = [(weight.flatten(0, 1), bias.flatten(0, 1))]
        found = layers.passed(values.flatten(0, 1), hidden, shape, range(layer, layer + 1))
        return torch.unflatten(found, 0, (-1, shape.n_tasks))
