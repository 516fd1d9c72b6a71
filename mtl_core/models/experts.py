"""Mixtures of experts: several trunks, and gates that decide for each row whose features a task listens to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.models import layers
from mtl_core.models.base import Layout, Parameter, Parameters, Pullback, Shape, Sharing, sharings
from mtl_core.models.mixture import mixture
from mtl_core.registry import knob


def expert_words(n_experts: int, layer: int) -> tuple[str, ...]:
    """Initialisation words of the experts' layers: the first expert starts as the trunk of a twin does."""
    return tuple(f"trunk.{layer}" if e == 0 else f"expert.{e}.trunk.{layer}" for e in range(n_experts))


def gate_layout(name: str, n_inputs: int, n_gates: int, n_experts: int) -> Layout:
    """Gates without bias, all in one tensor, a row an expert of a gate."""
    words = tuple(f"{name}.{g}.{e}" for g in range(n_gates) for e in range(n_experts))
    return {f"{name}.weight": Parameter((len(words), n_inputs), words, n_inputs)}


def gate_shares(weight: torch.Tensor, inputs: torch.Tensor, n_experts: int) -> torch.Tensor:
    """How much each gate takes from each expert on each row: [R, gates, experts, B], sums to 1 over the experts."""
    logits = torch.bmm(weight, inputs.transpose(1, 2)).unflatten(1, (-1, n_experts))
    return torch.softmax(logits, 2)


@sharings.register("mmoe", title="A team of experts", term="MMoE")
@dataclass(frozen=True)
class MultiGateMixtureOfExperts(Sharing):
    """All tasks share several trunks (experts), and each task learns for each row how much to listen to which.

    Features of task t on row x = sum over e of softmax(gate_t x)_e * expert_e(x). Every expert is a whole trunk;
    with one expert this is one trunk for all.
    Reference: Ma, Zhao, Yi, Chen, Hong, Chi, "Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts", KDD 2018. Differs from the paper: no.
    """

    common: ClassVar[bool] = True
    diagram: ClassVar[str] = "inputs -> several trunks -> a gate for each task mixes them -> a head for each task"

    experts: int = knob(4, "Number of trunks that all tasks share", low=1, high=32)

    def layout(self, shape: Shape) -> Layout:
        layout: Layout = {}
        for i, (n_in, n_out) in enumerate(shape.matrices):
            layout |= layers.layer_layout(f"trunk.{i}", n_in, n_out, expert_words(self.experts, i))
        gates = gate_layout("gate", shape.inputs, self.n_gates(shape), self.experts)
        return layout | gates | layers.head_layout(shape)

    def forward(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
        values = layers.columns(parameters, inputs, shape, range(shape.n_layers))  # [R, E, B, W]
        shares = self._shares(parameters, inputs).expand(-1, shape.n_tasks, -1, -1)
        return layers.mixed_heads(parameters, values, shares, shape)

    def linearise(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, Pullback]:
        if shape.grids:
            return super().linearise(parameters, inputs, shape)
        return mixture(parameters, inputs, shape, "gate.weight")

    def shared(self, shape: Shape) -> tuple[str, ...]:
        return layers.trunk_names(shape)

    def n_gates(self, shape: Shape) -> int:
        return shape.n_tasks

    def inside(self, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> dict[str, torch.Tensor]:
        return {"gates": self._shares(parameters, inputs).mean(3)}  # [R, gates, E]

    def _shares(self, parameters: Parameters, inputs: torch.Tensor) -> torch.Tensor:
        return gate_shares(parameters["gate.weight"], inputs, self.experts)


@sharings.register("omoe", title="A team of experts, one gate", term="OMoE")
@dataclass(frozen=True)
class OneGateMixtureOfExperts(MultiGateMixtureOfExperts):
    """All tasks share several trunks (experts) and one gate that decides for each row how much each expert counts.

    Features of every task on row x = sum over e of softmax(gate x)_e * expert_e(x).
    Reference: Ma, Zhao, Yi, Chen, Hong, Chi, "Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts", KDD 2018, section 4.1. Differs from the paper: no.
    """

    common: ClassVar[bool] = False

    diagram: ClassVar[str] = "inputs -> several trunks -> one gate mixes them -> a head for each task"

    def n_gates(self, shape: Shape) -> int:
        return 1

    def shared(self, shape: Shape) -> tuple[str, ...]:
        return (*layers.trunk_names(shape), "gate.weight")
