"""Convolutions: the first layers of a trunk that looks at pictures, for any number of networks in one call.

A layer is a convolution of 3 x 3 pixels, the largest of each 2 x 2, and the bend. All networks of a stack go through
one grouped convolution, a group for each. Weights are matrices [9 * colours in, channels out], as those of any other
layer, so whatever a sharing type does with a layer (share, stitch, pull, correct it) it does with a convolution too.

Sizes: R networks, V batches of which each is seen by one network or by several, B rows, F numbers of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from mtl_core.lazy import torch
from mtl_core.registry import InvalidInput

KERNEL = 9
"""Pixels that one number of a convolution sees: 3 x 3."""
SHARE = 4
"""The first convolution has a fourth of the trunk's width in channels; each further one twice as many."""


@dataclass(frozen=True)
class Grid:
    """What one convolution works on. raw: a picture as the data have it, its colours lie together."""

    height: int
    width: int
    n_in: int
    n_out: int
    raw: bool = False

    @property
    def weights(self) -> tuple[int, int]:
        """Rows and columns of its matrix."""
        return KERNEL * self.n_in, self.n_out

    @property
    def size(self) -> int:
        """Numbers that it hands on."""
        return self.n_out * (self.height // 2) * (self.width // 2)

    @property
    def pixels(self) -> int:
        """Places at which each of its weights is used."""
        return self.height * self.width


@cache
def grids(image: tuple[int, int, int] | None, convolutions: int, width: int) -> tuple[Grid, ...]:
    """The convolutions of a trunk, in order. Raises `InvalidInput` when the data are no pictures or too small ones."""
    if not convolutions:
        return ()
    if image is None:
        raise InvalidInput("convolutions need pictures, and these data are none; set convolutions to 0")
    height, across, channels = image
    if min(height, across) >> convolutions == 0:
        raise InvalidInput(
            f"each convolution halves the picture, and {height} x {across} pixels cannot be halved {convolutions} "
            "times; choose fewer convolutions"
        )
    found: list[Grid] = []
    for i in range(convolutions):
        n_out = max(min((width << i) // SHARE, width), 1)
        found.append(Grid(height >> i, across >> i, channels, n_out, raw=i == 0))
        channels = n_out
    return tuple(found)


def convolved(
    values: torch.Tensor, hidden: Sequence[tuple[torch.Tensor, torch.Tensor]], wanted: Sequence[Grid], activation: str
) -> torch.Tensor:
    """values [V, B, F] through convolutions with weights [R, 9 * in, out] and biases [R, 1, out]: [R, B, numbers].

    R is V, or a multiple of it: then that many networks, one after the other, see the same pictures.
    """
    first, (n_seen, n_rows) = wanted[0], values.shape[:2]
    if first.raw:
        pictures = values.reshape(n_seen, n_rows, first.height, first.width, first.n_in).permute(1, 0, 4, 2, 3)
    else:
        pictures = values.reshape(n_seen, n_rows, first.n_in, first.height, first.width).transpose(0, 1)
    pictures = pictures.reshape(n_rows, -1, first.height, first.width)
    for (weight, bias), grid in zip(hidden, wanted, strict=True):
        kernel = weight.transpose(1, 2).reshape(-1, grid.n_in, 3, 3)
        largest = _first if grid.raw else _further
        pictures = largest(pictures, kernel, n_seen) + bias.reshape(-1, 1, 1)  # the bend keeps the order: it comes last
        pictures = torch.relu(pictures) if activation == "relu" else torch.tanh(pictures)
        n_seen = len(weight)
    return pictures.reshape(n_rows, n_seen, -1).transpose(0, 1).contiguous()


def _further(pictures: torch.Tensor, kernel: torch.Tensor, groups: int) -> torch.Tensor:
    """The largest of each 2 x 2 of a convolution: pictures [B, V * in, H, W], kernel [R * out, in, 3, 3]."""
    return torch.max_pool2d(torch.conv2d(pictures, kernel, padding=1, groups=groups), 2)


def _first(pictures: torch.Tensor, kernel: torch.Tensor, groups: int) -> torch.Tensor:
    """The same, faster where no gradient of the pictures is asked for and colours are few.

    The four places of a 2 x 2 become four channels, made by one convolution of 4 x 4 pixels that goes two pixels at a
    time: the kernel lies in each corner of its window. Choosing among channels needs no steps across memory.
    """
    pad = torch.nn.functional.pad
    corners = torch.stack([pad(kernel, (j, 1 - j, i, 1 - i)) for i in (0, 1) for j in (0, 1)], 1).flatten(0, 1)
    seen = torch.conv2d(pictures, corners, stride=2, padding=1, groups=groups)
    return torch.amax(torch.unflatten(seen, 1, (-1, 4)), 2)
