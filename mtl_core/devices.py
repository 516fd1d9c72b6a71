"""Where networks are computed: on an NVIDIA card (CUDA), on Apple's (MPS), or on the processor.

Every tensor is made where the tensors lie that it meets. Three things stay on the processor whatever was chosen:
random draws, which are numpy's and so the same everywhere; the solvers of gradient combinations, which need double
precision; and the state that a slice hands on, so that a run can go on where there is no card.
MPS knows no double precision: numbers become single before they travel (`beside`).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_core.lazy import torch
from mtl_core.registry import InvalidInput, knob

CHOICES = ("auto", "cuda", "mps", "cpu")
"""What a person may ask for; "auto" is the first of the others that is there."""
os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
"""What Apple's backend lacks (eigenvalues, for one) is computed on the processor; torch reads it when it is loaded."""


def device_knob() -> Any:
    """The knob that asks for a device, of every kind of run."""
    return knob(
        "auto",
        "auto = a graphics card if the machine has one (NVIDIA's, then Apple's), else the processor",
        label="Computed on",
        choices=CHOICES,
        advanced=True,
    )


def available() -> tuple[str, ...]:
    """The devices of this machine, the fastest first; the processor is always there."""
    cards = [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())]
    return (*(name for name, is_there in cards if is_there), "cpu")


def pick(wanted: str) -> torch.device:
    """The device for one of `CHOICES`. Raises `InvalidInput` when the machine that trains does not have it.

    Convolutions on CUDA keep all digits of single precision, so that a card gives the processor's numbers to rounding.
    """
    here = available()
    if wanted not in ("auto", *here):
        raise InvalidInput(
            f"the device {wanted!r} was asked for, and the machine that trains has only {' and '.join(here)}; "
            'ask for "auto" or for one of these'
        )
    name = here[0] if wanted == "auto" else wanted
    if name == "cuda":
        torch.backends.cudnn.allow_tf32 = False
    return torch.device(name)


def settle(device: torch.device) -> None:
    """Wait until the device has done what it was given, so that a clock tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def beside(values: NDArray[Any], like: torch.Tensor) -> torch.Tensor:
    """numpy's numbers as a tensor of the kind of `like`, where `like` lies."""
    found: torch.Tensor = torch.from_numpy(np.ascontiguousarray(values)).to(like.dtype).to(like.device)
    return found


def lying(value: Any, device: torch.device) -> Any:
    """Tensors in lists and dicts, moved; anything else as it is."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: lying(each, device) for key, each in value.items()}
    return [lying(each, device) for each in value] if isinstance(value, list) else value


def lying_as(value: Any, like: Any) -> Any:
    """Tensors in lists and dicts, each moved to where its counterpart in `like` lies."""
    if isinstance(value, torch.Tensor):
        return value.to(like.device)
    if isinstance(value, dict):
        return {key: lying_as(each, like[key]) for key, each in value.items()}
    return [lying_as(each, like[i]) for i, each in enumerate(value)] if isinstance(value, list) else value
