"""Building blocks of stacked networks: every tensor leads with R, every product is one batched product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_core import draws
from mtl_core.lazy import torch
from mtl_core.models.base import Layout, Parameter, Parameters, Shape
from mtl_core.models.chain import Layer, chain
from mtl_core.models.conv import convolved


def layer_layout(name: str, n_in: int, n_out: int, columns: tuple[str, ...] = ()) -> Layout:
    """A linear layer; with `columns` (one initialisation word each) as many side by side: [C, in, out]."""
    if not columns:
        return {
            f"{name}.weight": Parameter((n_in, n_out), (f"{name}.weight",), n_in),
            f"{name}.bias": Parameter((1, n_out), (f"{name}.bias",), n_in),
        }
    size, words = len(columns), columns
    return {
        f"{name}.weight": Parameter((size, n_in, n_out), tuple(f"{word}.weight" for word in words), n_in),
        f"{name}.bias": Parameter((size, 1, n_out), tuple(f"{word}.bias" for word in words), n_in),
    }


def trunk_layout(shape: Shape) -> Layout:
    """One trunk for all tasks."""
    layout: Layout = {}
    for i, (n_in, n_out) in enumerate(shape.matrices):
        layout |= layer_layout(f"trunk.{i}", n_in, n_out)
    return layout


def trunk_names(shape: Shape, n_layers: int | None = None) -> tuple[str, ...]:
    """Names of the trunk's parameters, of all layers or of the first few."""
    wanted = shape.n_layers if n_layers is None else n_layers
    return tuple(f"trunk.{i}.{part}" for i in range(wanted) for part in ("weight", "bias"))


def head_layout(shape: Shape) -> Layout:
    """All tasks' heads in one tensor, a row an output, so that shared features need one product."""
    width = shape.trunk.width
    words = tuple(f"head.{t}.{o}" for t, size in enumerate(shape.outputs) for o in range(size))
    return {
        "head.weight": Parameter((len(words), width), tuple(f"{word}.weight" for word in words), width),
        "head.bias": Parameter((len(words), 1), tuple(f"{word}.bias" for word in words), width),
    }


def narrow(features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """A linear layer with few outputs: [R, B, W] x [R, O, W] + [R, O, 1] -> [R, B, O]."""
    return chain(features, [], (weight, bias), "")


def private_heads(parameters: Parameters, features: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Heads on features of their own: [R, T, B, W] -> [R, B, O]. Heads of one size are one product."""
    weight, bias = parameters["head.weight"], parameters["head.bias"]
    n_replicas, n_tasks, n_rows, width = features.shape
    if len(set(shape.outputs)) == 1:
        size = shape.outputs[0]
        flat, start = weight.reshape(-1, size, width), bias.reshape(-1, size, 1)
        out = narrow(features.reshape(-1, n_rows, width), flat, start)  # [R * T, B, O / T]
        return out.transpose(1, 2).reshape(n_replicas, n_tasks * size, n_rows).transpose(1, 2)
    weights, biases = weight.split(shape.outputs, 1), bias.split(shape.outputs, 1)
    return torch.cat([narrow(*part) for part in zip(features.unbind(1), weights, biases, strict=True)], -1)


def owners(shape: Shape) -> list[int]:
    """The task that each output belongs to."""
    return [t for t, size in enumerate(shape.outputs) for _ in range(size)]


def mixed_heads(parameters: Parameters, features: torch.Tensor, shares: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Heads on each task's mixture of several trunks: features [R, E, B, W], shares [R, T, E, B] -> [R, B, O].

    Heads are linear and shares sum to 1, so the heads are applied to every trunk and their few outputs are
    mixed, instead of mixing the many features for every task.
    """
    n_experts, n_rows = features.shape[1:3]
    flat = narrow(features.flatten(1, 2), parameters["head.weight"], parameters["head.bias"])  # [R, E * B, O]
    seen = flat.transpose(1, 2).unflatten(2, (n_experts, n_rows))  # [R, O, E, B]
    owner = owners(shape)
    wide = shares if len(owner) == shape.n_tasks else shares[:, owner]
    return torch.sum(seen * wide, 2).transpose(1, 2)


def columns(
    parameters: Parameters, values: torch.Tensor, shape: Shape, wanted: range, name: str = "trunk"
) -> torch.Tensor:
    """Layers `wanted` of C trunks side by side, each followed by the activation.

    values [R, C, B, in], or [R, B, in] where all trunks see the same -> [R, C, B, W].
    """
    hidden = [(parameters[f"{name}.{i}.weight"], parameters[f"{name}.{i}.bias"]) for i in wanted]
    n_columns = hidden[0][0].shape[1]
    if values.dim() == 3 and wanted[0] >= len(shape.grids):
        values = values.unsqueeze(1).expand(-1, n_columns, -1, -1)
    flat = [(weight.flatten(0, 1), bias.flatten(0, 1)) for weight, bias in hidden]  # [R * C, in, out]
    seen = values if values.dim() == 3 else values.flatten(0, 1)
    return torch.unflatten(passed(seen, flat, shape, wanted), 0, (-1, n_columns))


def passed(
    values: torch.Tensor, hidden: Sequence[Layer], shape: Shape, wanted: range, head: Layer | None = None
) -> torch.Tensor:
    """values [R, B, in] through layers `wanted`, convolutions first, and through a linear head if there is one."""
    n_looks = len(shape.grids[wanted.start : wanted.stop])
    if n_looks:
        values = convolved(values, hidden[:n_looks], shape.grids[wanted.start : wanted.stop], shape.trunk.activation)
    if n_looks == len(hidden) and head is None:
        return values
    return chain(values, list(hidden[n_looks:]), head, shape.trunk.activation)


def start(layout: Layout, seeds: NDArray[np.int64], device: torch.device | None = None) -> Parameters:
    """First numbers of every parameter, [R, *shape] float32 and contiguous, ready for gradients; the processor's own
    unless a device is named."""
    drawn = {name: np.ascontiguousarray(_drawn(parameter, seeds)) for name, parameter in layout.items()}
    return {name: torch.from_numpy(values).to(device).requires_grad_() for name, values in drawn.items()}


def _drawn(parameter: Parameter, seeds: NDArray[np.int64]) -> NDArray[np.float32]:
    if not parameter.fan_in:
        value: NDArray[Any] = np.broadcast_to(np.asarray(parameter.value, np.float32), parameter.shape)
        return np.array(np.broadcast_to(value, (len(seeds), *parameter.shape)), dtype=np.float32)
    if len(parameter.keys) == 1:
        drawn = draws.uniform(seeds, parameter.keys[0], parameter.shape)
    else:
        parts = {key: draws.uniform(seeds, key, parameter.shape[1:]) for key in parameter.keys}
        drawn = np.stack([parts[key] for key in parameter.keys], 1)
    start: NDArray[np.float32] = ((2 * drawn - 1) / np.sqrt(parameter.fan_in)).astype(np.float32)
    return start
