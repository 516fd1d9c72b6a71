"""Networks side by side that exchange what they have computed, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.models import layers
from mtl_core.models.base import Layout, Parameter, Parameters, Shape, Sharing, sharings
from mtl_core.models.hard import branching_layout
from mtl_core.registry import knob


@sharings.register("cross_stitch", title="Neighbours that exchange features", term="cross-stitch")
@dataclass(frozen=True)
class CrossStitch(Sharing):
    """Each task has a trunk of its own, and learns after each layer how much to take from the other trunks.

    After each hidden layer the features of task t become sum over s of stitch[t, s] * features of task s; the
    stitch matrices are learned. They start with `own` on the diagonal and the rest shared out among the other
    tasks, so that every row sums to 1 and activations keep their size.
    Reference: Misra, Shrivastava, Gupta, Hebert, "Cross-stitch Networks for Multi-task Learning", CVPR 2016.
    Differs from the paper: one stitch a layer instead of one a channel; stitches learn at the rate of all other
    parameters instead of 100 to 1,000 times faster; trunks start fresh, not from trained single-task networks.
    """

    diagram: ClassVar[str] = "inputs -> a trunk for each task, stitched after every layer -> a head for each task"

    own: float = knob(0.9, "Share of its own features that a task starts with", low=0.0, high=1.0)
    frozen: bool = knob(False, "Keep the stitches as they start", advanced=True)

    def layout(self, shape: Shape) -> Layout:
        stitches = {} if self.frozen else {f"stitch.{i}": self._stitch(i, shape) for i in range(shape.trunk.depth)}
        return branching_layout(shape, 0) | stitches

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        values = inputs  # [R, B, F]
        for i in range(shape.trunk.depth):
            values = layers.columns(parameters, values, shape, range(i, i + 1))  # [R, T, B, W]
            stitch = self._matrix(parameters, i, shape)  # [R, T, T]
            values = torch.bmm(stitch, values.flatten(2)).view_as(values)
        return layers.private_heads(parameters, values, shape)

    def shared(self, shape: Shape) -> tuple[str, ...]:
        last = f"stitch.{shape.trunk.depth - 1}"  # each of its rows feeds one head
        return tuple(name for name in self.layout(shape) if name != last and not name.startswith("head."))

    def inside(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> dict[str, torch.Tensor]:
        return {f"stitch.{i}": self._matrix(parameters, i, shape) for i in range(shape.trunk.depth)}

    def _matrix(self, parameters: Parameters, layer: int, shape: Shape) -> torch.Tensor:
        if not self.frozen:
            return parameters[f"stitch.{layer}"]
        weight = parameters["head.weight"]
        start = torch.tensor(self._start(shape.n_tasks), dtype=weight.dtype, device=weight.device)
        return start.expand(len(weight), -1, -1)

    def _stitch(self, layer: int, shape: Shape) -> Parameter:
        size = shape.n_tasks
        return Parameter((size, size), (f"stitch.{layer}",), value=self._start(size))

    def _start(self, size: int) -> list[list[float]]:
        own = self.own if size > 1 else 1.0
        other = (1 - own) / max(size - 1, 1)
        return [[own if t == s else other for s in range(size)] for t in range(size)]
