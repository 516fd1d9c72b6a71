"""Experts that belong to one task beside experts that belong to all (customised gate control, progressive layers)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.models import layers
from mtl_core.models.base import Layout, Parameter, Parameters, Pullback, Shape, Sharing, sharings
from mtl_core.models.experts import expert_words
from mtl_core.models.mixture import mixture
from mtl_core.models.progressive import progressive
from mtl_core.registry import knob


@dataclass(frozen=True)
class CustomisedExperts(Sharing):
    """What CGC and PLE have in common: shared experts `trunk.*`, each task's own experts `own.*`, and gates."""

    experts: int = knob(2, "Number of experts that all tasks share", low=1, high=32)
    own_experts: int = knob(1, "Number of experts that each task has for itself", low=0, high=32)

    @property
    def seen(self) -> int:
        """Experts that one task's gate chooses from."""
        return self.experts + self.own_experts

    def expert_layout(self, shape: Shape, layer: int) -> Layout:
        n_in, n_out = shape.matrices[layer]
        layout = layers.layer_layout(f"trunk.{layer}", n_in, n_out, expert_words(self.experts, layer))
        pairs = [(t, e) for t in range(shape.n_tasks) for e in range(self.own_experts)]
        words = tuple(f"own.{t}.{e}.trunk.{layer}" for t, e in pairs)
        return layout | (layers.layer_layout(f"own.{layer}", n_in, n_out, words) if words else {})

    def gate_layout(self, name: str, shape: Shape, n_inputs: int) -> Layout:
        """A gate for each task over what it sees, without bias: [T, seen, in]."""
        words = tuple(f"{name}.{t}" for t in range(shape.n_tasks))
        return {name: Parameter((shape.n_tasks, self.seen, n_inputs), words, n_inputs)}

    def heads(
        self, parameters: Parameters, common: torch.Tensor, own: torch.Tensor, shares: torch.Tensor, shape: Shape
    ) -> torch.Tensor:
        """Heads on the tasks' mixtures: common [R, E, B, W], own [R, T, E', B, W], shares [R, T, seen, B] -> [R, B, O].

        Both parts bring the head's bias, weighted with shares that sum to 1.
        """
        mixed = layers.mixed_heads(parameters, common, shares[:, :, : self.experts], shape)
        if not self.own_experts:
            return mixed
        outputs = layers.private_heads(parameters, own.flatten(2, 3), shape).transpose(1, 2)  # [R, O, E' * B]
        weights = shares[:, layers.owners(shape), self.experts :]  # [R, O, E', B]
        return mixed + (outputs.reshape(weights.shape) * weights).sum(2).transpose(1, 2)


def task_gates(gate: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    """Shares that sum to 1 over the experts: gate [R, T, E, in], inputs [R, T, B, in] or [R, B, in] -> [R, T, E, B]."""
    inputs = inputs.unsqueeze(1).expand(-1, gate.shape[1], -1, -1) if inputs.dim() == 3 else inputs
    logits = torch.bmm(gate.flatten(0, 1), inputs.flatten(0, 1).transpose(1, 2))
    return torch.unflatten(torch.softmax(logits, 1), 0, gate.shape[:2])


@sharings.register("cgc", title="Common and own experts", term="CGC")
@dataclass(frozen=True)
class CustomisedGateControl(CustomisedExperts):
    """Each task listens to experts that all tasks share and to experts of its own, and learns how much to which.

    Features of task t = sum over the shared and its own experts of softmax(gate_t x)_e * expert_e(x); every expert is a
    whole trunk. Without own experts this is MMoE.
    Reference: Tang, Liu, Zhao, Gong, "Progressive Layered Extraction", RecSys 2020. Differs from the paper: no.
    """

    diagram: ClassVar[str] = "inputs -> shared trunks and own trunks -> a gate for each task -> a head for each task"

    def layout(self, shape: Shape) -> Layout:
        layout: Layout = {}
        for i in range(shape.n_layers):
            layout |= self.expert_layout(shape, i)
        return layout | self.gate_layout("gate.0", shape, shape.inputs) | layers.head_layout(shape)

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        depth = range(shape.n_layers)
        common = own = layers.columns(parameters, inputs, shape, depth)  # [R, E, B, W]
        if self.own_experts:
            own = layers.columns(parameters, inputs, shape, depth, "own").unflatten(1, (shape.n_tasks, -1))
        return self.heads(parameters, common, own, task_gates(parameters["gate.0"], inputs), shape)

    def linearise(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
        if shape.grids:
            return super().linearise(parameters, inputs, shape)
        return mixture(parameters, inputs, shape, "gate.0")

    def shared(self, shape: Shape) -> tuple[str, ...]:
        return layers.trunk_names(shape)

    def inside(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> dict[str, torch.Tensor]:
        return {"gates": task_gates(parameters["gate.0"], inputs).mean(3)}  # [R, T, seen]


@sharings.register("ple", title="Common and own experts, layer by layer", term="PLE")
@dataclass(frozen=True)
class ProgressiveLayeredExtraction(CustomisedExperts):
    """Shared and own experts exchange what they have found after every layer, through gates.

    Every hidden layer is one extraction level. Its gates mix for each task the shared and the task's own experts, and
    for the shared road all experts; the mixtures are what the next level's experts and gates see. The last level
    has no shared gate. With one hidden layer this is CGC.
    Reference: Tang, Liu, Zhao, Gong, "Progressive Layered Extraction", RecSys 2020.
    Differs from the paper: experts of one layer each; as many levels as hidden layers.
    """

    diagram: ClassVar[str] = "inputs -> levels of shared and own experts with gates between -> a head for each task"

    def layout(self, shape: Shape) -> Layout:
        layout, last = Layout(), shape.n_layers - 1
        for i, n_in in enumerate(shape.widths[:-1]):
            layout |= self.expert_layout(shape, i) | self.gate_layout(_gate(i), shape, n_in)
            if i < last:
                total = self.experts + shape.n_tasks * self.own_experts
                layout[f"common.{i}"] = Parameter((1, total, n_in), (f"common.{i}",), n_in)
        return layout | layers.head_layout(shape)

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        road, tasks, last = inputs, inputs, shape.n_layers - 1  # [R, B, in], and [R, T, B, in] after a level
        for i in range(last + 1):
            shares = task_gates(parameters[_gate(i)], tasks)
            common, own = self._level(parameters, i, road, tasks, shape)
            if i == last:
                return self.heads(parameters, common, own, shares, shape)
            everyone = torch.cat([common, own.flatten(1, 2)], 1) if self.own_experts else common
            overall = task_gates(parameters[f"common.{i}"], road)
            handed = mixed(everyone, torch.cat([overall, self._over_all(shares)], 1))  # [R, 1 + T, B, W]
            road, tasks = handed[:, 0], handed[:, 1:]
        raise AssertionError("a trunk has at least one layer")

    def linearise(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
        if shape.grids:
            return super().linearise(parameters, inputs, shape)
        return progressive(parameters, inputs, shape, self.experts)

    def shared(self, shape: Shape) -> tuple[str, ...]:
        """What reaches several heads: the last level's own experts and the last two levels' task gates do not."""
        last, names = shape.n_layers - 1, list(layers.trunk_names(shape))
        for i in range(last):
            names += [f"own.{i}.weight", f"own.{i}.bias"] if self.own_experts else []
            names += [f"common.{i}"] + ([_gate(i)] if i < last - 1 and self.own_experts else [])
        return tuple(name for name in self.layout(shape) if name in names)

    def inside(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> dict[str, torch.Tensor]:
        return {"gates": task_gates(parameters[_gate(0)], inputs).mean(3)}  # first level [R, T, seen]

    def _level(
        self, parameters: Parameters, level: int, road: torch.Tensor, tasks: torch.Tensor, shape: Shape
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of the shared experts [R, E, B, W] and of the tasks' own [R, T, E', B, W]."""
        here = range(level, level + 1)
        common = layers.columns(parameters, road, shape, here)
        if not self.own_experts:
            return common, common
        each = tasks if level == 0 else tasks.repeat_interleave(self.own_experts, 1)
        own = layers.columns(parameters, each, shape, here, "own")
        return common, own.unflatten(1, (shape.n_tasks, -1))

    def _over_all(self, shares: torch.Tensor) -> torch.Tensor:
        """The tasks' shares over all experts, 0 for the other tasks' own: [R, T, seen, B] -> [R, T, E + T * E', B]."""
        common, own = shares.split((self.experts, self.own_experts), 2)
        mine = torch.eye(shares.shape[1], dtype=shares.dtype, device=shares.device)[:, :, None, None]
        return torch.cat([common, (mine * own.unsqueeze(2)).flatten(2, 3)], 2)


def mixed(features: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Mixtures row by row: features [R, E, B, W], shares [R, G, E, B] -> [R, G, B, W]."""
    out = torch.matmul(shares.permute(0, 3, 1, 2), features.permute(0, 2, 1, 3))  # [R, B, G, W]
    return torch.transpose(out, 1, 2)


def _gate(level: int) -> str:
    return f"gate.{level}"
