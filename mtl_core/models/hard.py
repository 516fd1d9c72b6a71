"""Hard sharing: one trunk for all tasks, up to a chosen depth; at depth 0 nothing is shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.models import layers
from mtl_core.models.base import Layout, Parameters, Pullback, Shape, Sharing, sharings
from mtl_core.models.chain import backward_each, backward_pass, forward_pass
from mtl_core.models.stitched import stitched
from mtl_core.registry import knob


def branching_layout(shape: Shape, n_shared: int) -> Layout:
    """A trunk whose first `n_shared` layers serve all tasks; the rest stands once for each task."""
    layout: Layout = {}
    for i, (n_in, n_out) in enumerate(shape.matrices):
        columns = () if i < n_shared else (f"trunk.{i}",) * shape.n_tasks
        layout |= layers.layer_layout(f"trunk.{i}", n_in, n_out, columns)
    return layout | layers.head_layout(shape)


def branching_forward(parameters: Parameters, inputs: torch.Tensor, shape: Shape, n_shared: int) -> torch.Tensor:
    shared = [(parameters[f"trunk.{i}.weight"], parameters[f"trunk.{i}.bias"]) for i in range(n_shared)]
    if n_shared == shape.n_layers:
        head = (parameters["head.weight"], parameters["head.bias"])
        return layers.passed(inputs, shared, shape, range(n_shared), head)
    values = layers.passed(inputs, shared, shape, range(n_shared)) if shared else inputs  # [R, B, W or F]
    values = layers.columns(parameters, values, shape, range(n_shared, shape.n_layers))  # [R, T, B, W]
    return layers.private_heads(parameters, values, shape)


def branching_pullback(
    parameters: Parameters, inputs: torch.Tensor, shape: Shape, n_shared: int
) -> tuple[torch.Tensor, Pullback] | None:
    """Outputs and their pullback, written out; None where they are not: for convolutions and for branches half way."""
    if shape.grids or 0 < n_shared < shape.n_layers:
        return None
    if not n_shared:
        return stitched(parameters, inputs, shape, [None] * shape.n_layers)
    flat, bend = [each.detach() for each in parameters.values()], shape.trunk.activation
    outputs, kept = forward_pass(inputs, flat, True, bend)
    return outputs, ChainPullback(flat, kept, bend)


class ChainPullback(Pullback):
    """Of hidden layers and heads, written out."""

    def __init__(self, flat: list[torch.Tensor], kept: list[torch.Tensor], activation: str) -> None:
        super().__init__(lambda gradient: backward_pass(gradient, flat, kept, True, activation)[0])
        self.parts = flat, kept, activation

    def each(self, gradients: torch.Tensor) -> list[torch.Tensor]:
        return backward_each(gradients, *self.parts)


@sharings.register("hard", title="One trunk for all", term="hard sharing")
@dataclass(frozen=True)
class Hard(Sharing):
    """All tasks use the same hidden layers and differ only in their heads.

    The first depth - private_layers layers are shared; the others, nearest the heads, stand once for each task.
    Reference: Caruana, "Multitask Learning", Machine Learning 28, 1997. Differs from the paper: no.
    """

    common: ClassVar[bool] = True
    diagram: ClassVar[str] = "inputs -> one trunk -> a head for each task"

    private_layers: int = knob(
        0,
        "Hidden layers that each task keeps for itself, counted from its head; all of them = nothing shared",
        low=0,
        high=8,
    )

    def n_shared(self, shape: Shape) -> int:
        return max(shape.n_layers - self.private_layers, 0)

    def layout(self, shape: Shape) -> Layout:
        return branching_layout(shape, self.n_shared(shape))

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        return branching_forward(parameters, inputs, shape, self.n_shared(shape))

    def linearise(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
        found = branching_pullback(parameters, inputs, shape, self.n_shared(shape))
        return found or super().linearise(parameters, inputs, shape)

    def shared(self, shape: Shape) -> tuple[str, ...]:
        return layers.trunk_names(shape, self.n_shared(shape))


@sharings.register("independent", title="Nothing in common", term="independent networks")
@dataclass(frozen=True)
class Independent(Sharing):
    """Each task has a network of its own; a race against it shows what the data alone can do.

    With a mask of one task it is exactly the single-task twin that verdicts compare with.
    """

    common: ClassVar[bool] = True
    diagram: ClassVar[str] = "inputs -> a trunk and a head for each task"
    separable: ClassVar[bool] = True

    def layout(self, shape: Shape) -> Layout:
        return branching_layout(shape, 0)

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        return branching_forward(parameters, inputs, shape, 0)

    def linearise(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
        return branching_pullback(parameters, inputs, shape, 0) or super().linearise(parameters, inputs, shape)

    def shared(self, shape: Shape) -> tuple[str, ...]:
        return ()
