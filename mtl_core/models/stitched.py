"""The gradient of a trunk for each task, mixed after every layer (cross-stitch, sluice) or not, written out.

Sizes: R replicas, T tasks, B rows, W width, n = rows of a stitch (T, or T times the parts of a layer), O outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtl_core.lazy import torch
from mtl_core.models.base import Parameters, Pullback, Shape
from mtl_core.models.chain import bent
from mtl_core.models.layers import owners
from mtl_core.models.written import PrivateHeads, Slopes, by_task, dense, upright


@dataclass(frozen=True)
class Level:
    """A layer of all trunks: what it sees [R * T, in, B], its features [R * T, W, B], and these mixed."""

    seen: torch.Tensor
    own: torch.Tensor
    mixed: torch.Tensor


class Stitched:
    """One forward pass; `pull` may be called several times.

    stitches: a matrix [R, n, n] for each layer, or None where nothing is mixed. mix [R, T, layers]: how much of each
    layer the heads see; None = the last alone.
    """

    def __init__(
        self,
        parameters: Parameters,
        inputs: torch.Tensor,
        shape: Shape,
        stitches: Sequence[torch.Tensor | None],
        mix: torch.Tensor | None = None,
    ) -> None:
        self.values = {name: each.detach() for name, each in parameters.items()}
        self.shape, self.mix = shape, mix
        self.stitches = [None if each is None else each.detach() for each in stitches]
        self.heads, self.n_replicas = PrivateHeads(parameters, shape), len(inputs)
        self.levels: list[Level] = []
        seen = inputs.transpose(1, 2).unsqueeze(1).expand(-1, shape.n_tasks, -1, -1).flatten(0, 1)
        for i, stitch in enumerate(self.stitches):
            own = dense(self._flat(f"trunk.{i}.weight"), self._flat(f"trunk.{i}.bias"), seen, shape.trunk.activation)
            mixed = own if stitch is None else torch.bmm(stitch, self._parts(own, stitch)).view_as(own)
            self.levels.append(Level(seen, own, mixed))
            seen = mixed
        self.shares = None if mix is None else mix.detach()[:, owners(shape)].unsqueeze(3)  # [R, O, layers, 1]
        self.each = [self.heads.forward(self._tasks(level.mixed)) for level in self._heard()]

    def outputs(self) -> torch.Tensor:
        """[R, B, O]."""
        found = self.each[0] if self.shares is None else self.each[0] * self.shares[:, :, 0]
        for i, layer in enumerate(self.each[1:], 1):
            assert self.shares is not None
            found = torch.addcmul(found, layer, self.shares[:, :, i])
        return (found + self.heads.bias).transpose(1, 2)

    def pull(self, gradient: torch.Tensor) -> list[torch.Tensor]:
        """Gradients of the parameters, in order, from that of the outputs [R, B, O]."""
        above = upright(gradient)
        found: Slopes = {"head.bias": above.sum(2, keepdim=True)}
        to_heads = [above] if self.shares is None else [above * share for share in self.shares.unbind(2)]
        for level, layer in zip(self._heard(), to_heads, strict=True):
            slope = self.heads.to_weight(layer, self._tasks(level.mixed))
            found["head.weight"] = found["head.weight"].add_(slope) if "head.weight" in found else slope
        if self.mix is not None:
            found["mix"] = self._to_mix(above)
        silent = len(self.levels) - len(to_heads)
        below: torch.Tensor | None = None
        for i in reversed(range(len(self.levels))):
            heard = self.heads.to_features(to_heads[i - silent]).flatten(0, 1) if i >= silent else None
            below = self._layer(i, below, heard, found)
        return [found[name] for name in self.values]

    def _layer(self, i: int, below: torch.Tensor | None, heard: torch.Tensor | None, found: Slopes) -> torch.Tensor:
        """Notes the gradients of layer i; from those of its mixed features to that of what it sees."""
        level, stitch = self.levels[i], self.stitches[i]
        parts = [each for each in (below, heard) if each is not None]
        own = parts[0] if len(parts) == 1 else parts[0].add_(parts[1])
        if stitch is not None:
            mixed = self._parts(own, stitch)
            if f"stitch.{i}" in self.values:
                found[f"stitch.{i}"] = torch.bmm(mixed, self._parts(level.own, stitch).transpose(1, 2))
            own = torch.bmm(stitch.transpose(1, 2), mixed).view_as(level.own)
        own = bent(own, level.own, self.shape.trunk.activation, in_place=True)
        found[f"trunk.{i}.bias"] = self._tasks(own.sum(2).unsqueeze(1))
        found[f"trunk.{i}.weight"] = self._tasks(torch.bmm(level.seen, own.transpose(1, 2)))
        return torch.bmm(self._flat(f"trunk.{i}.weight"), own) if i else own

    def _to_mix(self, above: torch.Tensor) -> torch.Tensor:
        """Gradient of the shares of the layers [R, T, layers]."""
        return by_task(torch.stack([(above * layer).sum(2) for layer in self.each], 2), self.shape)

    def _heard(self) -> list[Level]:
        """The layers that heads see."""
        return self.levels[-1:] if self.mix is None else self.levels

    def _flat(self, name: str) -> torch.Tensor:
        return self.values[name].flatten(0, 1)

    def _tasks(self, values: torch.Tensor) -> torch.Tensor:
        """[R * T, ...] -> [R, T, ...]."""
        return torch.unflatten(values, 0, (-1, self.shape.n_tasks))

    def _parts(self, values: torch.Tensor, stitch: torch.Tensor) -> torch.Tensor:
        """[R * T, W, B] as the rows of a stitch: [R, n, numbers of a part]."""
        return values.view(self.n_replicas, stitch.shape[1], -1)


def stitched(
    parameters: Parameters,
    inputs: torch.Tensor,
    shape: Shape,
    stitches: Sequence[torch.Tensor | None],
    mix: torch.Tensor | None = None,
) -> tuple[torch.Tensor, Pullback]:
    """Outputs [R, B, O] and their pullback; see `Stitched`."""
    found = Stitched(parameters, inputs, shape, stitches, mix)
    return found.outputs(), Pullback(found.pull)
