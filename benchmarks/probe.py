"""The probe of the Data page, from the question to the answer: tables of three sizes, each asked of an engine anew."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.verdict_speed import two_workers
from benchmarks.work import Row
from mtl_core import probing
from mtl_core.api import Lab
from mtl_core.data.base import Source
from mtl_core.data.bundled import Penguins
from mtl_core.data.bundled_traffic import BikeHire, Cars
from mtl_core.data.table import csv_source

ROWS, FEATURES = 100_000, 50
LIMIT_SECONDS = 30.0


def made(path: Path) -> Source:
    """A table of numbers with two tasks that share what they hang on."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(ROWS, FEATURES)), columns=[f"x{i}" for i in range(FEATURES)])
    signal = np.tanh(table["x0"] - table["x1"])
    for name in ("first", "second"):
        table[name] = signal + random.normal(size=ROWS)
    table.to_csv(path, index=False)
    return csv_source(str(path), ("first", "second")).stored()


def measure() -> list[Row]:
    with two_workers() as lab, tempfile.TemporaryDirectory() as folder:
        _asked(lab, Penguins())  # the workers' first run starts them
        return [_asked(lab, data) for data in (BikeHire(), Cars(), made(Path(folder) / "made.csv"))]


def _asked(lab: Lab, data: Source) -> Row:
    begun, dataset = time.perf_counter(), lab.dataset(data)
    candidates, _ = probing.plan(lab, data, tuple(task.name for task in dataset.tasks))
    found = probing.look(lab, candidates)
    while not found.has_ended:
        time.sleep(0.2)
        found = probing.look(lab, candidates)
    if found.study is None or lab.run(found.study).status != "finished":
        raise RuntimeError(f"the probe of {dataset.title} came to nothing")
    size = f"{dataset.n_rows:,} rows, {dataset.features.shape[1]} features, {len(dataset.tasks)} tasks"
    steps = candidates[0].training.steps
    return Row(f"probe of {size}: {steps} steps", time.perf_counter() - begun, "s", LIMIT_SECONDS)
