"""Torch, imported when it is first used.

The web process and the command line read knobs, plans and results; only a worker trains. Torch costs
340 MB and makes every garbage collection ten times slower, so a module that merely *describes* a method
must not load it. `from mtl_core.lazy import torch` gives the module itself at its first attribute access.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any


class _LazyModule(ModuleType):
    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self.__name__), attribute)
        setattr(self, attribute, value)
        return value


if TYPE_CHECKING:
    import torch as torch
else:
    torch = _LazyModule("torch")
