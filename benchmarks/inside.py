"""What it costs to look inside: gradients, cosines, gates and stitches at every point of the curves."""

from __future__ import annotations

import time
from statistics import median
from unittest.mock import patch

from benchmarks.work import EVERY, Row, replicas, stack, trained
from mtl_core.models.base import sharings
from mtl_core.training import evaluate
from mtl_core.training.engine import calm
from mtl_core.training.inside import Inside, look_inside
from mtl_core.training.stack import Stack

STEPS, SEEDS, REPEATS, LIMIT = 8 * EVERY, 5, 9, 10.0
NAMES = ("hard", "mmoe", "cross_stitch")


def measure() -> list[Row]:
    """Both times are from the same run, so that a busy moment hits both; the median of the runs, taken in turns."""
    calm()
    shares = {name: list[float]() for name in NAMES}
    for _ in range(REPEATS):
        for name in NAMES:
            shares[name].append(_share(name))
    said = "share of training time spent on looking inside"
    return [Row(f"{sharings[name].label()}: {said}", 100 * median(shares[name]), "%", LIMIT) for name in NAMES]


def _share(name: str) -> float:
    looking = 0.0

    def look(built: Stack) -> Inside:
        nonlocal looking
        begun = time.perf_counter()
        found = look_inside(built)
        looking += time.perf_counter() - begun
        return found

    with patch.object(evaluate, "look_inside", look):
        seconds = trained(stack(replicas(SEEDS), steps=STEPS, sharing=name))
    return looking / seconds
