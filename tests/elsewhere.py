"""A device that is not there: tensors that say they lie elsewhere, and compute with the processor's own numbers.

Inside `Card()` the device "meta" behaves as a graphics card does: tensors meet only tensors of their own device (single
numbers excepted, and indices), numpy takes none of them, and double precision does not exist, as on Apple's cards.
What breaks a rule raises, as it would on the card; what keeps them gives the processor's numbers, bit for bit.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

CARD = torch.device("meta")
CROSSING = {torch.ops.aten._to_copy, torch.ops.aten.copy_}
INDEXING = {torch.ops.aten.index, torch.ops.aten.index_put_, torch.ops.aten.index_put, torch.ops.aten._index_put_impl_}


class Elsewhere(torch.Tensor):
    """A tensor of the card; `numbers` holds them."""

    numbers: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Elsewhere:
        if inner.dtype == torch.float64:
            raise TypeError("the card has no double precision")
        made: Elsewhere = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=CARD,
        )
        made.numbers = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        return computed(func, args, kwargs or {})


class Card:
    """While it is active, "meta" is the card."""

    def __init__(self) -> None:
        self.modes: tuple[Any, ...] = (_Computing(), _Making())  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        for mode in self.modes:
            mode.__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        for mode in reversed(self.modes):
            mode.__exit__(*problem)


class _Computing(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class _Making(TorchFunctionMode):
    """Tensors from lists: torch takes it that numbers on "meta" are never looked at."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.tensor and torch.device(kwargs.get("device") or "cpu") == CARD:
            return func(*args, **{**kwargs, "device": "cpu"}).to(CARD)
        if func is torch.Tensor.new_tensor and args[0].device == CARD:
            return torch.tensor(args[1], dtype=kwargs.get("dtype", args[0].dtype)).to(CARD)
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__) and args[0].device == CARD:
            where = args[1] if isinstance(args[1], tuple) else (args[1],)
            where = tuple(torch.tensor(each) if isinstance(each, list) else each for each in where)
            return func(args[0], where, *args[2:])
        return func(*args, **kwargs)


def computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The operation on the numbers themselves, once it has been seen that a card could make it."""
    tensors = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, torch.Tensor)]
    is_there = any(isinstance(each, Elsewhere) for each in tensors)
    packet = func.overloadpacket
    if is_there and packet not in CROSSING:
        meeting = [args[0], *args[2:]] if packet in INDEXING else tensors
        strangers = [each for each in meeting if isinstance(each, torch.Tensor) and not isinstance(each, Elsewhere)]
        if any(each.dim() for each in strangers):
            raise RuntimeError(f"{func}: expected all tensors to be on the same device, found two")
    wanted = kwargs.get("device")
    lands_there = is_there if wanted is None else torch.device(wanted) == CARD
    inside = {**kwargs, "device": torch.device("cpu")} if wanted is not None else kwargs
    found = func(*tree_map(_opened, args), **tree_map(_opened, inside))
    written = _written(func, args, kwargs)
    if written is not None:
        return written
    return (
        tree_map(lambda each: Elsewhere(each) if isinstance(each, torch.Tensor) else each, found)
        if lands_there
        else found
    )


def _opened(value: Any) -> Any:
    return value.numbers if isinstance(value, Elsewhere) else value


def _written(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """What an operation in place gives back: the tensor that was handed in."""
    for i, item in enumerate(func._schema.arguments):
        if item.alias_info is not None and item.alias_info.is_write and func._schema.returns:
            return args[i] if i < len(args) else kwargs[item.name]
    return None
