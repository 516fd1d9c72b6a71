"""How many networks are trained in a second, against how many are trained together, on every device of the machine.

`python -m benchmarks.devices` measures, prints and writes the table of docs/performance.md; it asks for nothing that a
machine has not: with a graphics card there are rows for it beside the processor's.
"""

from __future__ import annotations

import sys
import time

import torch

from benchmarks.work import Row, replicas, stack
from mtl_core import devices
from mtl_core.training.engine import calm
from mtl_core.training.stack import Stack

TOGETHER = (1, 4, 16, 64, 256, 1024, 4096)
STEPS = 400
"""Steps of a network: the lab's default budget."""
SECONDS, REPEATS = 0.2, 12


def measure() -> list[Row]:
    """A row for each device and number of networks: networks of 400 steps a second."""
    calm()
    rows = []
    for device in map(torch.device, devices.available()):
        for count in TOGETHER:
            label, seconds = f"{name(device)}: stack of {count:,}", fastest_step(device, count)
            rows.append(Row(label, count / STEPS / seconds, "networks a second"))
    return rows


def fastest_step(device: torch.device, count: int) -> float:
    """Seconds of a step of `count` networks: the shortest mean of several stretches of some steps each."""
    built = stack(replicas(count, alone=False), steps=1_000_000, device=device)
    once = _stretch(built, 2)
    steps = max(int(SECONDS / once), 2)
    return min(_stretch(built, steps) for _ in range(REPEATS))


def _stretch(built: Stack, steps: int) -> float:
    """Mean seconds of some steps."""
    devices.settle(built.device)
    begun = time.perf_counter()
    for _ in range(steps):
        built.step()
    devices.settle(built.device)
    return (time.perf_counter() - begun) / steps


def name(device: torch.device) -> str:
    """What a person calls it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return {"mps": "Apple's card (MPS)", "cpu": "processor, one thread"}[device.type]


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["devices"]))
