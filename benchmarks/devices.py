"""How many networks are trained in a second, against how many are trained together, on every device of the machine.

`python -m benchmarks.devices` measures, prints and writes the table of docs/performance.md; it asks for nothing that a
machine has not: with a graphics card there are rows for it beside the processor's.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import torch

from benchmarks.work import Row, fastest, replicas, stack
from mtl_core import devices
from mtl_core.training.engine import calm
from mtl_core.training.stack import Stack

TOGETHER = (1, 4, 16, 64, 256, 1024, 4096)
STEPS = 400
"""Steps of a network: the lab's default budget."""
SECONDS, TURNS = 0.05, 30


def measure() -> list[Row]:
    """A row for each device and number of networks: networks of 400 steps a second."""
    calm()
    rows = []
    for device in map(torch.device, devices.available()):
        stacks = {n: stack(replicas(n, alone=False), steps=1_000_000, device=device) for n in TOGETHER}
        stretches = {n: max(int(SECONDS / _stretch(built, 2) * 2), 1) for n, built in stacks.items()}
        works: dict[str, Callable[[], float]] = {str(n): partial(_stretch, stacks[n], stretches[n]) for n in TOGETHER}
        found = fastest(works, TURNS)
        rows += [
            Row(f"{name(device)}: stack of {n:,}", n / STEPS * stretches[n] / found[str(n)], "networks a second")
            for n in TOGETHER
        ]
    return rows


def _stretch(built: Stack, steps: int) -> float:
    """Seconds of some steps."""
    devices.settle(built.device)
    begun = time.perf_counter()
    for _ in range(steps):
        built.step()
    devices.settle(built.device)
    return time.perf_counter() - begun


def name(device: torch.device) -> str:
    """What a person calls it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return {"mps": "Apple's card (MPS)", "cpu": "processor, one thread"}[device.type]


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["devices"]))
