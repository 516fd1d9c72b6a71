"""A table of 100,000 rows x 50 columns: read, profile and doctor together, against what pandas alone takes for it.

Times are taken in turns in one process. The peak of memory is that of a process of its own above what it holds before
the table is read: the file's bytes and everything that is made of them.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.work import Row, fastest, timed

ROWS, NUMBERS, CLASSES = 100_000, 40, 10
LIMIT, PEAK_LIMIT, ROUNDS = 3.0, 4.0, 7
PEAK = """
import re, sys
from pathlib import Path
import mtl_core.data.table
from mtl_core.data.recipe import proposed
from mtl_core.data.columns import guess
from mtl_core.data.doctor import diagnose
from mtl_core.data.reading import read_table
def work(path):
    frame, _ = read_table(Path(path).read_bytes(), "t.csv")
    diagnose(frame, proposed(guess(frame)))
    return frame
def kilobytes(what):
    return int(re.search(rf"{what}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
work(sys.argv[1])
Path("/proc/self/clear_refs").write_text("5")
before = kilobytes("VmRSS")
frame = work(sys.argv[2])
print((kilobytes("VmHWM") - before) * 1024 / frame.memory_usage(deep=True).sum())
"""
"""For Linux: the highest memory since it was reset, over the size of the table."""


def measure() -> list[Row]:
    content = table(ROWS)
    works = {"pandas": timed(lambda: _pandas(content)), "all": timed(lambda: _all(content))}
    best = fastest(works, ROUNDS)
    return [
        Row(
            "read, profile and doctor against pandas' read_csv and describe",
            best["all"] / best["pandas"],
            "ratio",
            LIMIT,
        ),
        Row("the same, all three", best["all"], "s"),
        Row("pandas' read_csv and describe", best["pandas"], "s"),
        Row("peak memory of the three, over the table's own in memory", _peak(content), "ratio", PEAK_LIMIT),
    ]


def table(rows: int) -> bytes:
    """Numbers of four decimals and classes as words, with a few empty cells; 32 MB for 100,000 rows."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(rows, NUMBERS)), columns=[f"number {i}" for i in range(NUMBERS)])
    frame.iloc[::50, 3] = np.nan
    words = np.array(["red", "green", "blue", "yellow"])
    for i in range(CLASSES):
        frame[f"colour {i}"] = words[random.integers(0, len(words), rows)]
    return frame.round(4).to_csv(index=False).encode()


def _pandas(content: bytes) -> None:
    pd.read_csv(io.BytesIO(content)).describe(include="all")


def _all(content: bytes) -> None:
    from mtl_core.data.columns import guess
    from mtl_core.data.doctor import diagnose
    from mtl_core.data.reading import read_table
    from mtl_core.data.recipe import proposed

    frame, _ = read_table(content, "t.csv")
    diagnose(frame, proposed(guess(frame)))


def _peak(content: bytes) -> float:
    """Peak of a fresh process, which has read a small table before, over the size of the table in memory."""
    with tempfile.TemporaryDirectory() as folder:
        small, path = Path(folder) / "small.csv", Path(folder) / "t.csv"
        small.write_bytes(table(500))
        path.write_bytes(content)
        told = subprocess.run(
            [sys.executable, "-c", PEAK, str(small), str(path)], capture_output=True, text=True, check=True
        )
    return float(told.stdout)
