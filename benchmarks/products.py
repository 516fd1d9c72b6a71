"""The matrix products that a stack makes, alone: what no way of writing the rest could go below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.work import EVERY
from mtl_core.training.evaluate import predict
from mtl_core.training.stack import Stack

PRODUCTS = {torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.bmm, torch.ops.aten.baddbmm}


class Products(TorchDispatchMode):
    """Notes every product while it is active. `run` makes them again, on operands of the same shapes and strides.

    Operands of one shape are one tensor, so that they come from the cache wherever that is possible.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pairs: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.made: dict[tuple[object, ...], torch.Tensor] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket in PRODUCTS:
            left, right = [each for each in args if isinstance(each, torch.Tensor)][-2:]
            self.pairs.append((self._operand(left, "left"), self._operand(right, "right")))
        return func(*args, **(kwargs or {}))

    def _operand(self, like: torch.Tensor, side: str) -> torch.Tensor:
        key = side, like.shape, like.stride()
        if key not in self.made:
            self.made[key] = torch.empty_strided(like.shape, like.stride()).normal_()
        return self.made[key]

    def run(self) -> None:
        for left, right in self.pairs:
            torch.matmul(left, right)


def noted(work: Callable[[], object]) -> Products:
    products = Products()
    with products:
        work()
    return products


def floor(built: Stack) -> Callable[[int], None]:
    """Nothing but the products of some steps of a fresh stack and of their evaluations; takes one step of it."""
    step = noted(built.step)
    with torch.no_grad():
        evaluation = noted(lambda: predict(built, built.parameters, slice(None)))

    def run(steps: int) -> None:
        for i in range(steps):
            if i % EVERY == 0:
                evaluation.run()
            step.run()

    return run
