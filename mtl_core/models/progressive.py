"""The gradient of experts that exchange what they have found after every layer (PLE), written out.

Sizes: R replicas, T tasks, B rows, W width, E shared experts, P own experts of each task, A = E + T * P all experts,
S = E + P experts that one task sees, O = sum of all heads' outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mtl_core.lazy import torch
from mtl_core.models.base import Parameters, Pullback, Shape
from mtl_core.models.chain import bent
from mtl_core.models.mixture import Above, MixedHeads, before_softmax, times
from mtl_core.models.written import Slopes


@dataclass
class Level:
    """road [R, B, in] and tasks [R * T, B, in]: what the shared and the tasks' own experts see. shares [R, T, S, B],
    overall [R, 1, A, B]: the gates. common [R, E, B, W], own [R, T * P, B, W]: features. everyone [R * B, A, W] and
    listened [R * B, 1 + T, A]: all features and all gates, row by row, where they are mixed for the next level."""

    road: torch.Tensor
    tasks: torch.Tensor
    shares: torch.Tensor
    common: torch.Tensor
    own: torch.Tensor | None
    overall: torch.Tensor = field(init=False)
    everyone: torch.Tensor = field(init=False)
    listened: torch.Tensor = field(init=False)


class Progressive:
    """One forward pass; `pull` may be called several times."""

    def __init__(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape, n_common: int) -> None:
        self.values = {name: each.detach() for name, each in parameters.items()}
        self.shape, self.n_common = shape, n_common
        self.levels: list[Level] = []
        self.n_replicas, self.n_rows = inputs.shape[:2]
        road = inputs
        tasks = inputs.unsqueeze(1).expand(-1, shape.n_tasks, -1, -1).flatten(0, 1)
        for i in range(shape.n_layers):
            level = self._begun(i, road, tasks)
            self.levels.append(level)
            if i < shape.n_layers - 1:
                road, tasks = self._handed(i, level)
        self.heads = MixedHeads(parameters, shape, level.common, level.own, level.shares)

    def pull(self, gradient: torch.Tensor) -> list[torch.Tensor]:
        """Gradients of the parameters, in order, from that of the outputs [R, B, O]."""
        found: Slopes = {}
        above, overall = self.heads.pull(gradient, found), None
        for i in reversed(range(len(self.levels))):
            road, tasks = self._level(i, above, overall, found)
            if i:
                above, overall = self._mixed(self.levels[i - 1], road, tasks)
        return [found[name] for name in self.values]

    # --- forward --------------------------------------------------------------------------------------------
    def _begun(self, i: int, road: torch.Tensor, tasks: torch.Tensor) -> Level:
        gate = self.values[f"gate.{i}"]
        shares = torch.softmax(torch.bmm(gate.flatten(0, 1), tasks.transpose(1, 2)), 1)
        common = self._features(f"trunk.{i}", road, self.n_common)
        own = self._features(f"own.{i}", tasks, self.n_own) if self.n_own else None
        return Level(road, tasks, torch.unflatten(shares, 0, gate.shape[:2]), common, own)

    def _features(self, name: str, seen: torch.Tensor, n_experts: int) -> torch.Tensor:
        """Of experts `name`, `n_experts` of which see the same [N, B, in]: [R, experts, B, W]."""
        weight, bias = self.values[f"{name}.weight"], self.values[f"{name}.bias"]
        out = torch.baddbmm(bias.flatten(0, 1), times(seen, n_experts), weight.flatten(0, 1))
        out = out.relu_() if self.shape.trunk.activation == "relu" else out.tanh_()
        return torch.unflatten(out, 0, weight.shape[:2])

    def _handed(self, i: int, level: Level) -> tuple[torch.Tensor, torch.Tensor]:
        """What the next level's shared experts and its tasks' own see."""
        gate = self.values[f"common.{i}"].flatten(0, 1)
        level.overall = torch.softmax(torch.bmm(gate, level.road.transpose(1, 2)), 1).unsqueeze(1)
        listened = torch.cat([level.overall, self._over_all(level.shares)], 1)  # [R, 1 + T, A, B]
        everyone = level.common if level.own is None else torch.cat([level.common, level.own], 1)  # [R, A, B, W]
        level.listened = listened.permute(0, 3, 1, 2).flatten(0, 1).contiguous()
        level.everyone = everyone.transpose(1, 2).flatten(0, 1).contiguous()
        mixed = self._by_row(torch.bmm(level.listened, level.everyone))  # [R, B, 1 + T, W]
        return mixed[:, :, 0], mixed[:, :, 1:].transpose(1, 2).flatten(0, 1)

    def _over_all(self, shares: torch.Tensor) -> torch.Tensor:
        """The tasks' shares over all experts, 0 for the other tasks' own: [R, T, S, B] -> [R, T, A, B]."""
        n_tasks, found = self.shape.n_tasks, self.n_common + self.shape.n_tasks * self.n_own
        wide = shares.new_zeros(self.n_replicas, n_tasks, found, self.n_rows)
        wide[:, :, : self.n_common] = shares[:, :, : self.n_common]
        self._mine(wide).copy_(shares[:, :, self.n_common :])
        return wide

    def _mine(self, wide: torch.Tensor) -> torch.Tensor:
        """Each task's own experts in [R, T, A, B], as a view [R, T, P, B]."""
        each = torch.unflatten(wide[:, :, self.n_common :], 2, (self.shape.n_tasks, self.n_own))
        own: torch.Tensor = each.diagonal(dim1=1, dim2=2).movedim(3, 1)
        return own

    # --- backward -------------------------------------------------------------------------------------------
    def _level(
        self, i: int, above: Above, overall: torch.Tensor | None, found: Slopes
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Notes the gradients of level i, from those of its features, of its tasks' shares and of its overall gate; to
        those of its road and of what its tasks see (of no use in the first)."""
        level, gate = self.levels[i], self.values[f"gate.{i}"].flatten(0, 1)
        logits = before_softmax(above.shares, level.shares).flatten(0, 1)  # [R * T, S, B]
        found[f"gate.{i}"] = torch.bmm(logits, level.tasks).view_as(self.values[f"gate.{i}"])
        road = self._experts(f"trunk.{i}", level.common, above.common, level.road, i > 0, found)
        tasks = logits
        if level.own is not None and above.own is not None:
            tasks = self._experts(f"own.{i}", level.own, above.own, level.tasks, i > 0, found)
        if i:
            to_gate = torch.bmm(logits.transpose(1, 2), gate)
            tasks = to_gate if level.own is None else to_gate.add_(tasks)
        if overall is not None:
            overall = before_softmax(overall, level.overall).flatten(0, 1)  # [R, A, B]
            found[f"common.{i}"] = torch.bmm(overall, level.road).unsqueeze(1)
            if i:
                road = torch.baddbmm(road, overall.transpose(1, 2), self.values[f"common.{i}"].flatten(0, 1))
        return road, tasks

    def _experts(
        self,
        name: str,
        features: torch.Tensor,
        gradient: torch.Tensor,
        seen: torch.Tensor,
        goes_on: bool,
        found: Slopes,
    ) -> torch.Tensor:
        """Notes the gradients of experts `name`; to that of what they see [N, B, in]."""
        weight = self.values[f"{name}.weight"]
        gradient = bent(gradient, features, self.shape.trunk.activation, in_place=True)
        found[f"{name}.bias"] = gradient.sum(2, keepdim=True)
        flat, n_experts = gradient.flatten(0, 1), gradient.shape[0] * gradient.shape[1] // len(seen)
        found[f"{name}.weight"] = torch.bmm(times(seen, n_experts).transpose(1, 2), flat).view_as(weight)
        if not goes_on:
            return flat
        down = torch.bmm(flat, weight.flatten(0, 1).transpose(1, 2))
        return down if n_experts == 1 else torch.unflatten(down, 0, (-1, n_experts)).sum(1)

    def _mixed(self, level: Level, road: torch.Tensor, tasks: torch.Tensor) -> tuple[Above, torch.Tensor]:
        """Through the mixture that a level handed on, from the gradients of what the next level saw; to those of its
        features and gates, the overall gate's by itself."""
        each = torch.unflatten(tasks, 0, (-1, self.shape.n_tasks)).transpose(1, 2)
        handed = torch.cat([road.unsqueeze(2), each], 2).flatten(0, 1)  # [R * B, 1 + T, W]
        everyone = self._by_row(torch.bmm(level.listened.transpose(1, 2), handed)).transpose(1, 2)  # [R, A, B, W]
        listened = self._by_row(torch.bmm(handed, level.everyone.transpose(1, 2))).permute(0, 2, 3, 1)
        shares = listened[:, 1:, : self.n_common]
        own = None
        if level.own is not None:
            shares, own = torch.cat([shares, self._mine(listened[:, 1:])], 2), everyone[:, self.n_common :].contiguous()
        above = Above(shares.contiguous(), everyone[:, : self.n_common].contiguous(), own)
        return above, listened[:, :1].contiguous()

    @property
    def n_own(self) -> int:
        """Own experts of each task."""
        return self.values["gate.0"].shape[2] - self.n_common

    def _by_row(self, values: torch.Tensor) -> torch.Tensor:
        return torch.unflatten(values, 0, (self.n_replicas, self.n_rows))


def progressive(
    parameters: Parameters, inputs: torch.Tensor, shape: Shape, n_common: int
) -> tuple[torch.Tensor, Pullback]:
    """Outputs [R, B, O] and their pullback; see `Progressive`."""
    found = Progressive(parameters, inputs, shape, n_common)
    return found.heads.outputs(), Pullback(found.pull)
