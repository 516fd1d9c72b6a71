"""Random numbers that depend only on a replica's seed and a word: no generator, no state, any stack.

A counter-based generator (splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014) makes every draw a function of (seed, key, position). So a replica draws the same numbers alone and
in any stack, sliced or not, and R replicas are drawn in one vectorised call.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def bits(seeds: ArrayLike, key: str, size: int) -> NDArray[np.uint64]:
    """64 random bits for each seed and position: seeds [R] -> [R, size]."""
    word = np.uint64(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little"))
    with np.errstate(over="ignore"):
        start = _mix(np.asarray(seeds, dtype=np.int64).astype(np.uint64) * _GOLDEN + word)
        return _mix(start[..., None] + np.arange(1, size + 1, dtype=np.uint64) * _GOLDEN)


def uniform(seeds: ArrayLike, key: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1): seeds [R] -> [R, *shape]."""
    drawn = bits(seeds, key, math.prod(shape)) >> np.uint64(11)
    return np.asarray(drawn * 2.0**-53, np.float64).reshape(*np.shape(seeds), *shape)


def permutations(seeds: ArrayLike, key: str, lengths: ArrayLike, size: int) -> NDArray[np.int64]:
    """A shuffled 0 .. length-1 for each seed, followed by the unused positions: [R, size]."""
    position = np.arange(size, dtype=np.uint64)
    unused = np.arange(size) >= np.asarray(lengths)[..., None]
    low = np.uint64((1 << size.bit_length()) - 1)  # bits that name the position: plain sorting is 5 times faster
    drawn = (bits(seeds, key, size) >> np.uint64(1)) & ~low
    sorted_ = np.sort(drawn | position | (unused.astype(np.uint64) << np.uint64(63)), axis=-1)
    return (sorted_ & low).astype(np.int64)


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
