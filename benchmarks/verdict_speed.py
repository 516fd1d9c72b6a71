"""A full verdict on two worker processes, from the click to the last word, without the start of the engine."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.work import Row
from mtl_core.api import Lab
from mtl_core.data.synthetic import Relatedness
from mtl_core.experiment import Experiment, Plan, Training
from mtl_core.models.base import Trunk

LIMIT_SECONDS = 4.0


def experiment(seed: int) -> Experiment:
    """4 tasks, 10 folds x 3 initialisations, both baselines: 270 networks, 400 full-batch steps, 300 rows."""
    names = tuple(f"task {t + 1}" for t in range(4))
    plan = Plan(folds=10, inits=3, seed=seed)
    return Experiment(
        Relatedness(tasks=4, rows=300), names, trunk=Trunk(width=32), training=Training(steps=400), plan=plan
    )


@contextmanager
def two_workers() -> Iterator[Lab]:
    """A lab in a home of its own with two workers that are ready."""
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"MTL_LAB_HOME": home, "MTL_LAB_WORKERS": "2"}
        os.environ.pop("MTL_LAB_STORE", None)
        lab = Lab()
        lab.ensure_engine()
        try:
            waited(lab.engine_ready)
            yield lab
        finally:
            lab.close()


def measure() -> list[Row]:
    with two_workers() as lab:
        networks = lab.estimate(experiment(0)).networks
        seconds = min(_run(lab, seed) for seed in range(4))
    return [Row(f"full verdict, {networks} networks, from submission to stored verdict", seconds, "s", LIMIT_SECONDS)]


def _run(lab: Lab, seed: int) -> float:
    begun = time.perf_counter()
    run = lab.submit(experiment(seed))
    waited(lambda: lab.run(run).has_ended)
    seconds = time.perf_counter() - begun
    if lab.run(run).status != "finished":
        raise RuntimeError(lab.run(run).message)
    return seconds


def waited(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError("nothing happened for two minutes")
        time.sleep(0.01)
