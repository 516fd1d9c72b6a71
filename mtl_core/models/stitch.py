"""Networks side by side that exchange what they have computed, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any, ClassVar

from mtl_core.lazy import torch
from mtl_core.models import layers
from mtl_core.models.base import Layout, Parameter, Parameters, Pullback, Shape, Sharing, sharings
from mtl_core.models.conv import SHARE
from mtl_core.models.hard import branching_layout
from mtl_core.models.stitched import stitched
from mtl_core.registry import InvalidInput, knob


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

    common: ClassVar[bool] = True
    diagram: ClassVar[str] = "inputs -> a trunk for each task, stitched after every layer -> a head for each task"

    own: float = knob(0.9, "Share of its own features that a task starts with", low=0.0, high=1.0)
    frozen: bool = knob(False, "Keep the stitches as they start", advanced=True)

    def layout(self, shape: Shape) -> Layout:
        names = [] if self.frozen else [f"stitch.{i}" for i in range(shape.n_layers)]
        return branching_layout(shape, 0) | {each: stitch_parameter(each, shape.n_tasks, self.own) for each in names}

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        values = inputs  # [R, B, F]
        for i in range(shape.n_layers):
            values = layers.columns(parameters, values, shape, range(i, i + 1))  # [R, T, B, W]
            stitch = self._matrix(parameters, i, shape)  # [R, T, T]
            values = torch.bmm(stitch, values.flatten(2)).view_as(values)
        return layers.private_heads(parameters, values, shape)

    def linearise(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
        if shape.grids:
            return super().linearise(parameters, inputs, shape)
        return stitched(parameters, inputs, shape, [self._matrix(parameters, i, shape) for i in range(shape.n_layers)])

    def shared(self, shape: Shape) -> tuple[str, ...]:
        last = f"stitch.{shape.n_layers - 1}"  # each of its rows feeds one head
        return tuple(name for name in self.layout(shape) if name != last and not name.startswith("head."))

    def inside(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> dict[str, torch.Tensor]:
        return {f"stitch.{i}": self._matrix(parameters, i, shape) for i in range(shape.n_layers)}

    def _matrix(self, parameters: Parameters, layer: int, shape: Shape) -> torch.Tensor:
        if not self.frozen:
            return parameters[f"stitch.{layer}"]
        weight = parameters["head.weight"]
        start = weight.new_tensor(stitch_start(shape.n_tasks, self.own))
        return start.expand(len(weight), -1, -1)


def stitch_parameter(name: str, size: int, own: float) -> Parameter:
    return Parameter((size, size), (name,), value=stitch_start(size, own))


def stitch_start(size: int, own: float) -> list[list[float]]:
    """`own` on the diagonal, the rest shared out among the others."""
    own = own if size > 1 else 1.0
    other = (1 - own) / max(size - 1, 1)
    return [[own if t == s else other for s in range(size)] for t in range(size)]


@sharings.register("sluice", title="Neighbours that exchange parts of features", term="sluice network")
@dataclass(frozen=True)
class Sluice(Sharing):
    """Each task has a trunk of its own, cut into parts; every part learns how much to take from every other part.

    After each hidden layer the parts of all tasks are mixed by one learned matrix over (task, part); the head sees a
    learned mixture of all hidden layers, which starts with the last alone. Added to the loss: orthogonality * sum over
    layers, tasks and pairs of parts of |W_a' W_b|^2, so that parts learn different things.
    Reference: Ruder, Bingel, Augenstein, Sogaard, "Latent Multi-Task Architecture Learning" (Sluice networks),
    AAAI 2019. Differs from the paper: on a plain trunk instead of a recurrent one.
    """

    diagram: ClassVar[str] = "inputs -> a trunk for each task, parts stitched after every layer -> heads on all layers"

    parts: int = knob(2, "Parts that each hidden layer is cut into; they must divide the width", low=1, high=8)
    own: float = knob(0.9, "Share of its own features that a part starts with", low=0.0, high=1.0)
    orthogonality: float = knob(0.01, "Price on parts that do the same", low=0.0, high=10.0)

    def layout(self, shape: Shape) -> Layout:
        for width in [n_out for _, n_out in shape.matrices if n_out % self.parts]:
            found = f"{self.parts} parts do not divide a width of {width}"
            raise InvalidInput(f"sluice cuts every hidden layer into equal parts, but {found}; change one of the two")
        size, depth = shape.n_tasks * self.parts, shape.trunk.depth
        stitches = {f"stitch.{i}": stitch_parameter(f"stitch.{i}", size, self.own) for i in range(shape.n_layers)}
        last = [[float(i == depth - 1) for i in range(depth)]] * shape.n_tasks
        mix = {"mix": Parameter((shape.n_tasks, depth), ("mix",), value=last)}
        return branching_layout(shape, 0) | stitches | mix

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        values, found = inputs, inputs.new_zeros(())
        slope = parameters | {"head.bias": torch.zeros_like(parameters["head.bias"])}
        for i in range(shape.n_layers):
            values = layers.columns(parameters, values, shape, range(i, i + 1))  # [R, T, B, W]
            cut = values.unflatten(3, (self.parts, -1)).transpose(2, 3)  # [R, T, parts, B, W / parts]
            mixed = torch.bmm(parameters[f"stitch.{i}"], cut.flatten(1, 2).flatten(2)).view(cut.shape)
            values = mixed.transpose(2, 3).flatten(3)
            if i < len(shape.grids):  # of another size than the heads
                continue
            place = i - len(shape.grids)
            share = parameters["mix"][:, layers.owners(shape), place].unsqueeze(1)  # heads are linear: mix outputs
            found = found + share * layers.private_heads(slope, values, shape)
        return found + parameters["head.bias"].transpose(1, 2)

    def linearise(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
        if shape.grids:
            return super().linearise(parameters, inputs, shape)
        stitches = [parameters[f"stitch.{i}"] for i in range(shape.n_layers)]
        return stitched(parameters, inputs, shape, stitches, parameters["mix"])

    def width_step(self, shape: Shape) -> int:
        return self.parts * (SHARE if shape.grids else 1)

    def shared(self, shape: Shape) -> tuple[str, ...]:
        private = (f"stitch.{shape.n_layers - 1}", "mix", "head.weight", "head.bias")
        return tuple(name for name in self.layout(shape) if name not in private)

    def penalty(self, parameters: Parameters, present: torch.Tensor, shape: Shape) -> torch.Tensor | None:
        if not self.orthogonality or self.parts == 1:
            return None
        weights = [parameters[f"trunk.{i}.weight"].flatten(0, 1) for i in range(shape.n_layers)]
        alike: torch.Tensor = _alike().apply(self.parts, *weights)  # [R * T]
        return self.orthogonality * (alike.view(present.shape) * present).sum(1)

    def inside(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> dict[str, torch.Tensor]:
        return {name: parameters[name] for name in self.layout(shape) if name.startswith(("stitch.", "mix"))}


@cache
def _alike() -> Any:
    """Sum over matrices [N, in, W] and pairs of their parts of |A' B|^2: [N], as one node of the gradient tape.

    The gradient in A is 2 B (A' B)', that in B is 2 A (A' B). The class is made at first use: see `chain`.
    """

    class Alike(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, n_parts: int, *weights: torch.Tensor) -> torch.Tensor:
            found, slopes = weights[0].new_zeros(len(weights[0])), []
            for weight in weights:
                parts = weight.chunk(n_parts, 2)  # each [N, in, W / parts]
                slope = [torch.zeros_like(part) for part in parts]
                for (a, part), (b, other) in combinations(enumerate(parts), 2):
                    product = torch.bmm(part.transpose(1, 2), other)
                    found += product.square().sum((1, 2))
                    slope[a] += torch.bmm(other, product.transpose(1, 2))
                    slope[b] += torch.bmm(part, product)
                slopes.append(torch.cat(slope, 2))
            ctx.save_for_backward(*slopes)
            return found

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            return (None, *[2 * gradient[:, None, None] * slope for slope in ctx.saved_tensors])

    return Alike
