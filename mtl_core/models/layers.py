"""Building blocks of stacked networks: every tensor leads with R, every product is one batched product."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_core import draws
from mtl_core.lazy import torch
from mtl_core.models.base import Layout, Parameter, Parameters, Shape
from mtl_core.models.chain import chain


def linear(inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """[R, B, in] x [R, in, out] + [R, 1, out] -> [R, B, out]."""
    return torch.baddbmm(bias, inputs, weight)


def activate(values: torch.Tensor, shape: Shape) -> torch.Tensor:
    return torch.relu(values) if shape.trunk.activation == "relu" else torch.tanh(values)


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


def head_layout(shape: Shape) -> Layout:
    """All tasks' heads in one tensor, a row an output, so that shared features need one product."""
    width = shape.trunk.width
    words = tuple(f"head.{t}.{o}" for t, size in enumerate(shape.outputs) for o in range(size))
    return {
        "head.weight": Parameter((len(words), width), tuple(f"{word}.weight" for word in words), width),
        "head.bias": Parameter((len(words), 1), tuple(f"{word}.bias" for word in words), width),
    }


def heads(parameters: Parameters, features: torch.Tensor) -> torch.Tensor:
    """Heads on features that all tasks share: [R, B, W] -> [R, B, O]."""
    weight, bias = parameters["head.weight"], parameters["head.bias"]
    return linear(features, weight.transpose(1, 2), bias.transpose(1, 2))


def private_heads(parameters: Parameters, features: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Heads on features of their own: [R, T, B, W] -> [R, B, O]. Heads of one size are one product."""
    weight, bias = parameters["head.weight"], parameters["head.bias"]
    n_replicas, n_tasks, n_rows, width = features.shape
    if len(set(shape.outputs)) == 1:
        size = shape.outputs[0]
        stacked = weight.reshape(n_replicas * n_tasks, size, width).transpose(1, 2)
        start = bias.reshape(n_replicas * n_tasks, 1, size)
        out = linear(features.reshape(n_replicas * n_tasks, n_rows, width), stacked, start)
        out = out.reshape(n_replicas, n_tasks, n_rows, size).transpose(1, 2)  # [R, B, T, O/T]
        return out.reshape(n_replicas, n_rows, n_tasks * size)
    weights, biases = weight.split(shape.outputs, 1), bias.split(shape.outputs, 1)
    parts = zip(features.unbind(1), weights, biases, strict=True)
    return torch.cat([linear(f, w.transpose(1, 2), b.transpose(1, 2)) for f, w, b in parts], -1)


def mixed_heads(parameters: Parameters, features: torch.Tensor, shares: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Heads on each task's mixture of several trunks: features [R, E, B, W], shares [R, B, T, E] -> [R, B, O].

    Heads are linear and shares sum to 1, so the heads are applied to every trunk and their few outputs are
    mixed, instead of mixing the many features for every task.
    """
    n_replicas, n_experts, n_rows, width = features.shape
    seen = heads(parameters, features.reshape(n_replicas, n_experts * n_rows, width))
    seen = seen.reshape(n_replicas, n_experts, n_rows, -1)  # [R, E, B, O]
    owner = [t for t, size in enumerate(shape.outputs) for _ in range(size)]
    wide = shares if len(owner) == shape.n_tasks else shares[:, :, owner]  # [R, B, O, E]
    return torch.sum(seen * wide.permute(0, 3, 1, 2), 1)


def column_trunks(
    parameters: Parameters, values: torch.Tensor, shape: Shape, first: int = 0, name: str = "trunk"
) -> torch.Tensor:
    """C trunks side by side, from layer `first` on: values [R, B, in] (all see the same) -> [R, C, B, W]."""
    names = [f"{name}.{i}" for i in range(first, shape.trunk.depth)]
    hidden = [(parameters[f"{n}.weight"].flatten(0, 1), parameters[f"{n}.bias"].flatten(0, 1)) for n in names]
    n_columns = parameters[f"{names[0]}.weight"].shape[1]
    wide = values.unsqueeze(1).expand(-1, n_columns, -1, -1).flatten(0, 1)  # [R * C, B, in]
    return chain(wide, hidden, None, shape.trunk.activation).unflatten(0, (-1, n_columns))


def columns(parameters: Parameters, name: str, values: torch.Tensor) -> torch.Tensor:
    """C linear layers side by side: values [R, C, B, in] (or [R, B, in] for all alike) -> [R, C, B, out]."""
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]  # [R, C, in, out], [R, C, 1, out]
    n_replicas, n_columns, n_in, n_out = weight.shape
    if values.dim() == 3:
        values = values.unsqueeze(1).expand(-1, n_columns, -1, -1)
    flat = values.reshape(n_replicas * n_columns, -1, n_in)
    out = linear(flat, weight.reshape(-1, n_in, n_out), bias.reshape(-1, 1, n_out))
    return out.reshape(n_replicas, n_columns, -1, n_out)


def start(layout: Layout, seeds: NDArray[np.int64]) -> Parameters:
    """First numbers of every parameter, [R, *shape] float32 and contiguous, ready for gradients."""
    drawn = {name: np.ascontiguousarray(_drawn(parameter, seeds)) for name, parameter in layout.items()}
    return {name: torch.from_numpy(values).requires_grad_() for name, values in drawn.items()}


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
