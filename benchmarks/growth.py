"""How cost grows: with networks in a stack, tasks, and rows; each size in a process of its own for its peak memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.work import N_INPUTS, N_TASKS, Row, fastest, replicas, stack, table, trained
from mtl_core.events import Replica
from mtl_core.training.engine import calm

NETWORKS = (1, 4, 16, 64, 256)
TASKS = (2, 4, 8, 16, 32)
ROWS = (1_000, 10_000, 100_000, 1_000_000)
STEPS = 96


def measure() -> list[Row]:
    calm()
    rows = []
    for count in NETWORKS:
        networks = replicas(count, alone=False)
        seconds = _seconds(networks)
        rows.append(Row(f"{count} networks: one network-step", 1e6 * seconds / STEPS / count, "µs"))
    for count in TASKS:
        networks = replicas(5, count, alone=False)
        seconds = _seconds(networks, count)
        rows.append(Row(f"{count} tasks, 5 networks: one step", 1e3 * seconds / STEPS, "ms"))
    for count in ROWS:
        found = json.loads(_alone("rows", count))
        rows.append(Row(f"{count:,} rows, 5 networks: one step", found["milliseconds"], "ms"))
        limit = 3.0 if count == max(ROWS) else None
        rows.append(Row(f"{count:,} rows: peak memory / the table's float32 size", found["memory"], "ratio", limit))
    return rows


def _seconds(networks: tuple[Replica, ...], n_tasks: int = N_TASKS) -> float:
    return fastest({"run": lambda: trained(stack(networks, steps=STEPS, n_tasks=n_tasks))}, 3)["run"]


def _alone(*arguments: object) -> str:
    command = [sys.executable, "-m", "benchmarks.growth", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _peak_bytes() -> int:
    """Linux's own high-water mark of this process; `ru_maxrss` would remember the process that started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _measure_rows(n_rows: int) -> None:
    """Time a step and the peak memory above what the program needs for a hundred rows."""
    calm()
    trained(stack(replicas(5, alone=False), steps=STEPS, rows=table(100, n_held=100)))
    before = _peak_bytes()
    prepared = table(n_rows, n_held=max(n_rows // 4, 100))
    size = 4 * n_rows * 1.25 * (N_INPUTS + prepared.targets.shape[-1])
    seconds = trained(stack(replicas(5, alone=False), steps=STEPS, rows=prepared))
    result = {"milliseconds": 1e3 * seconds / STEPS, "memory": (_peak_bytes() - before) / size}
    print(json.dumps(result))


if __name__ == "__main__":
    _measure_rows(int(sys.argv[2]))
