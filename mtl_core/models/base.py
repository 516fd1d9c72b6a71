"""A sharing type: which parameters the tasks have in common, as pure functions of a dict of tensors.

Networks of one experiment differ only in fold, initialisation and the tasks they learn, so R of them are
stacked: every parameter has a leading axis R and one batched product steps all of them. A method declares
its parameters with `layout` (plain shapes: counting needs no torch) and computes with `forward`.

Sizes: R replicas, B rows, F inputs, W width, T tasks, O = sum of all heads' outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from mtl_core.lazy import torch
from mtl_core.models.conv import Grid, grids
from mtl_core.registry import Method, Registry, knob

Parameters = dict[str, "torch.Tensor"]
WIDTH_LIMIT = 1024
"""Units of the widest layer that a trunk may have."""


class Pullback:
    """From a gradient of the outputs to the gradient of each parameter, in order; may be used several times."""

    def __init__(self, pull: Callable[[torch.Tensor], list[torch.Tensor]]) -> None:
        self.pull = pull

    def __call__(self, gradient: torch.Tensor) -> list[torch.Tensor]:
        """[R, B, O] -> [R, *shape] for each parameter."""
        return self.pull(gradient)

    def each(self, gradients: torch.Tensor) -> list[torch.Tensor]:
        """Several gradients: [R, B, T, O] -> [R, T, *shape] for each parameter. Overridden only to be faster."""
        found = [self(gradient) for gradient in gradients.unbind(2)]
        return [torch.stack(parts, 1) for parts in zip(*found, strict=True)]


@dataclass(frozen=True)
class Trunk(Method):
    """The layers between the inputs and the heads; every sharing type and every baseline is built from them."""

    width: int = knob(32, "Units in each hidden layer", low=1, high=WIDTH_LIMIT, log=True)
    depth: int = knob(2, "Number of hidden layers", low=1, high=8)
    activation: str = knob("relu", "Bend between the layers", choices=("relu", "tanh"), advanced=True)
    convolutions: int = knob(
        0,
        "Layers before the hidden ones that look at a picture in patches of 3 x 3 pixels and halve it; pictures only",
        low=0,
        high=4,
    )


@dataclass(frozen=True)
class Shape:
    """What a network must fit: inputs, outputs of each task's head, and the trunk.

    image: rows, columns and colours, where the inputs are the pixels of a picture.
    """

    inputs: int
    outputs: tuple[int, ...]
    trunk: Trunk
    image: tuple[int, int, int] | None = None

    @property
    def n_tasks(self) -> int:
        return len(self.outputs)

    @property
    def widths(self) -> tuple[int, ...]:
        """Sizes of the layers' inputs and of the last layer's output: F, W, W, ..."""
        return (self.inputs, *(grid.size for grid in self.grids), *[self.trunk.width] * self.trunk.depth)

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The layers that are convolutions; they come first."""
        return grids(self.image, self.trunk.convolutions, self.trunk.width)

    @property
    def n_layers(self) -> int:
        return self.trunk.convolutions + self.trunk.depth

    @property
    def matrices(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of each layer's weights."""
        dense = pairwise(self.widths[self.trunk.convolutions :])
        return (*(grid.weights for grid in self.grids), *dense)

    @property
    def widest(self) -> int:
        """Numbers that one row comes to in the layer where it is largest."""
        return max(self.trunk.width, *(grid.pixels * grid.n_out for grid in self.grids), 0)


@dataclass(frozen=True)
class Parameter:
    """One tensor of one replica (stacked it is [R, *shape]).

    keys: one word for each slice of the first axis, or a single word. Initial numbers depend only on
        (replica's seed, key, shape of the slice), so layers with the same key start equal in any two networks,
        whatever the sharing type: a twin alone starts where its part of the shared network starts.
    fan_in: U(-1/sqrt(fan_in), 1/sqrt(fan_in)), PyTorch's default for linear layers; 0 = start at `value`.
    value: nested lists or a number, where the start is not random.
    """

    shape: tuple[int, ...]
    keys: tuple[str, ...]
    fan_in: int = 0
    value: Any = 0.0

    @property
    def size(self) -> int:
        return math.prod(self.shape)


Layout = dict[str, Parameter]


@dataclass(frozen=True)
class Sharing(Method):
    """How much of the network the tasks have in common."""

    diagram: ClassVar[str] = ""
    """One-line sketch in words for the page, e.g. "inputs -> one trunk -> a head per task"."""
    common: ClassVar[bool] = False
    """One of the few that a page shows first; the others stand behind "more"."""
    separable: ClassVar[bool] = False
    """Tasks share nothing, so each keeps its own best step; every parameter's second axis is tasks (or outputs)."""

    def layout(self, shape: Shape) -> Layout:
        """Every parameter of one replica."""
        raise NotImplementedError

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        """inputs [R, B, F] -> all heads' outputs side by side [R, B, O]; task t owns `slices(shape)[t]`."""
        raise NotImplementedError

    def linearise(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
        """`forward` off the tape, and its pullback. A method overrides this only to be faster."""
        outputs, leaves = self.forward(parameters, inputs, shape), list(parameters.values())

        def pull(gradient: torch.Tensor) -> list[torch.Tensor]:
            return list(torch.autograd.grad(outputs, leaves, gradient, retain_graph=True, materialize_grads=True))

        return outputs.detach(), Pullback(pull)

    def shared(self, shape: Shape) -> tuple[str, ...]:
        """Names of the parameters that more than one task moves: gradients are compared on these."""
        raise NotImplementedError

    def penalty(self, parameters: Parameters, present: torch.Tensor, shape: Shape) -> torch.Tensor | None:
        """Added to the loss of each replica: [R], or None. present [R, T] says which tasks a replica learns."""
        return None

    def inside(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> dict[str, torch.Tensor]:
        """Numbers worth seeing (stitch matrices, mean gate shares), each [R, ...]."""
        return {}

    def width_step(self, shape: Shape) -> int:
        """Widths that suit this sharing type are multiples of this."""
        return 1

    def count(self, shape: Shape) -> int:
        """Numbers in one network."""
        return sum(parameter.size for parameter in self.layout(shape).values())

    def products(self, shape: Shape) -> int:
        """Multiplications that one row costs, about: a number counts as often as it is used."""
        looks = {f".{i}.weight": grid.pixels for i, grid in enumerate(shape.grids)}
        uses = {name: next((n for end, n in looks.items() if name.endswith(end)), 1) for name in self.layout(shape)}
        return sum(parameter.size * uses[name] for name, parameter in self.layout(shape).items())


sharings: Registry[Sharing] = Registry("sharing type")


def slices(shape: Shape) -> tuple[slice, ...]:
    """Where each task's outputs lie on the last axis of `forward`."""
    starts = [sum(shape.outputs[:t]) for t in range(shape.n_tasks)]
    return tuple(slice(start, start + size) for start, size in zip(starts, shape.outputs, strict=True))
