"""The gradient of heads on a mixture of experts, and of experts that are whole trunks (MMoE, OMoE, CGC), written out.

Sizes: R replicas, T tasks, B rows, W width, E shared experts, P own experts of each task, S = E + P experts that one
task sees, G gates (T, or one for all tasks), O = sum of all heads' outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtl_core.lazy import torch
from mtl_core.models.base import Parameters, Pullback, Shape
from mtl_core.models.chain import backward_pass, forward_pass
from mtl_core.models.layers import owners
from mtl_core.models.written import PrivateHeads, Slopes, by_task


@dataclass
class Above:
    """Gradients of the shares [R, T, S, B] and of the features: shared experts' [R, E, B, W], own [R, T * P, B, W]."""

    shares: torch.Tensor
    common: torch.Tensor
    own: torch.Tensor | None


class MixedHeads:
    """Heads on each task's mixture of experts: applied to every expert, since they are linear, and then mixed.

    common [R, E, B, W], own [R, T * P, B, W] (None: there are none), shares [R, T, S, B], which sum to 1 over S.
    """

    def __init__(
        self,
        parameters: Parameters,
        shape: Shape,
        common: torch.Tensor,
        own: torch.Tensor | None,
        shares: torch.Tensor,
    ) -> None:
        self.shape, self.heads, self.common, self.own = shape, PrivateHeads(parameters, shape), common, own
        self.n_common = common.shape[1]
        self.wide = shares if shape.n_tasks == sum(shape.outputs) else shares[:, owners(shape)]  # [R, O, S, B]
        self.seen = self._heard()

    def outputs(self) -> torch.Tensor:
        """[R, B, O]."""
        return ((self.seen * self.wide).sum(2) + self.heads.bias).transpose(1, 2)

    def pull(self, gradient: torch.Tensor, found: Slopes) -> Above:
        """Notes the heads' gradients, from that of the outputs [R, B, O]; to those of what they see."""
        gradient = gradient.transpose(1, 2)
        each = gradient.unsqueeze(2) * self.wide  # [R, O, S, B]
        common = each[:, :, : self.n_common].flatten(2)
        found["head.bias"] = gradient.sum(2, keepdim=True)  # the shares of an output sum to 1
        found["head.weight"] = torch.bmm(common, self.common.flatten(1, 2))
        to_common = torch.bmm(common.transpose(1, 2), self.heads.weight).view_as(self.common)
        to_own = None
        if self.own is not None:
            own = each[:, :, self.n_common :].flatten(2)
            found["head.weight"] += self.heads.to_weight(own, self._by_task(self.own))
            to_own = self.heads.to_rows(own).view_as(self.own)
        return Above(by_task(gradient.unsqueeze(2) * self.seen, self.shape), to_common, to_own)

    def _heard(self) -> torch.Tensor:
        """Every head, without its bias, on every expert that its task sees: [R, O, S, B]."""
        flat = self.common.flatten(1, 2).transpose(1, 2)  # [R, W, E * B]
        common = torch.unflatten(torch.bmm(self.heads.weight, flat), 2, (self.n_common, -1))
        if self.own is None:
            return common
        own = torch.unflatten(self.heads.forward(self._by_task(self.own)), 2, (-1, common.shape[3]))
        return torch.cat([common, own], 2)

    def _by_task(self, own: torch.Tensor) -> torch.Tensor:
        """[R, T * P, B, W] -> [R, T, W, P * B]."""
        return own.reshape(len(own), self.shape.n_tasks, -1, own.shape[3]).transpose(2, 3)


class Mixture:
    """One forward pass of experts that all see the inputs; `pull` may be called several times.

    gate: name of the gates' parameter, [R, ...] with G * S rows of F numbers.
    """

    def __init__(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape, gate: str) -> None:
        self.values = {name: each.detach() for name, each in parameters.items()}
        self.shape, self.gate, self.inputs = shape, gate, inputs
        self.kept: dict[str, list[torch.Tensor]] = {}
        common = self._experts("trunk")
        own = self._experts("own") if "own.0.weight" in parameters else None
        n_seen = common.shape[1] + (0 if own is None else own.shape[1] // shape.n_tasks)
        logits = torch.bmm(self.values[gate].reshape(len(inputs), -1, shape.inputs), inputs.transpose(1, 2))
        self.shares = torch.softmax(torch.unflatten(logits, 1, (-1, n_seen)), 2)  # [R, G, S, B]
        shares = self.shares.expand(-1, shape.n_tasks, -1, -1)
        self.heads = MixedHeads(parameters, shape, common, own, shares)

    def pull(self, gradient: torch.Tensor) -> list[torch.Tensor]:
        """Gradients of the parameters, in order, from that of the outputs [R, B, O]."""
        found: Slopes = {}
        above = self.heads.pull(gradient, found)
        self._into("trunk", above.common, found)
        if above.own is not None:
            self._into("own", above.own, found)
        shares = above.shares if self.shares.shape[1] > 1 else above.shares.sum(1, keepdim=True)
        logits = before_softmax(shares, self.shares).flatten(1, 2)  # [R, G * S, B]
        found[self.gate] = torch.bmm(logits, self.inputs).view_as(self.values[self.gate])
        return [found[name] for name in self.values]

    def _experts(self, name: str) -> torch.Tensor:
        """Features of the experts `name`: [R, experts, B, W]."""
        n_experts = self.values[f"{name}.0.weight"].shape[1]
        flat, bend = self._flat(name), self.shape.trunk.activation
        features, self.kept[name] = forward_pass(times(self.inputs, n_experts), flat, False, bend)
        return torch.unflatten(features, 0, (-1, n_experts))

    def _into(self, name: str, gradient: torch.Tensor, found: Slopes) -> None:
        """Notes the gradients of the experts `name` from that of their features."""
        flat, bend = self._flat(name), self.shape.trunk.activation
        slopes, _ = backward_pass(gradient.flatten(0, 1), flat, self.kept[name], False, bend)
        for each, slope in zip(self._names(name), slopes, strict=True):
            found[each] = slope.view_as(self.values[each])

    def _names(self, name: str) -> list[str]:
        return [f"{name}.{i}.{part}" for i in range(self.shape.n_layers) for part in ("weight", "bias")]

    def _flat(self, name: str) -> list[torch.Tensor]:
        return [self.values[each].flatten(0, 1) for each in self._names(name)]


def times(seen: torch.Tensor, n_experts: int) -> torch.Tensor:
    """Each of N once for every expert that sees it: [N, B, in] -> [N * experts, B, in]."""
    return seen if n_experts == 1 else seen.unsqueeze(1).expand(-1, n_experts, -1, -1).flatten(0, 1)


def before_softmax(gradient: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Gradient of what a softmax over the experts [R, T, experts, B] was taken of."""
    found: torch.Tensor = torch.ops.aten._softmax_backward_data(gradient, shares, 2, shares.dtype)
    return found


def mixture(parameters: Parameters, inputs: torch.Tensor, shape: Shape, gate: str) -> tuple[torch.Tensor, Pullback]:
    """Outputs [R, B, O] and their pullback; see `Mixture`."""
    found = Mixture(parameters, inputs, shape, gate)
    return found.heads.outputs(), Pullback(found.pull)
