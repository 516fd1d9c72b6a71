"""Where slices are worked on: worker processes of our own on loopback, or those of an existing dask scheduler.

A task whose worker dies is given back at once (allowed failures: 0) instead of being restarted from scratch behind
our back. Own workers are reached over TLS with a certificate that lives in memory: whoever can talk to a
scheduler can run any code. A worker never pauses or spills for want of memory, for a slice would wait for ever.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import dask

from mtl_core.running.slices import Job, Missing, Part, work
from mtl_core.running.speed import Speed, measure, warm_up

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster, WorkerPlugin

NICENESS = 10
SETTINGS = {
    "distributed.scheduler.http.routes": ["distributed.http.health"],
    "distributed.worker.http.routes": ["distributed.http.health"],
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.deploy.lost-worker-timeout": "2 minutes",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.admin.low-level-log-length": 100,
    "logging.distributed": "warning",
    "distributed.admin.large-graph-warning-threshold": "1GB",
}


class WorkerLost(RuntimeError):
    """The process that worked on a slice is gone; the slice can be worked on again."""


Outcome = Part | Missing | Exception


class Workers:
    """Slices go out to an address, outcomes come back by a call from another thread."""

    def __init__(self, count: int, scheduler: str | None = None) -> None:
        """Start `count` workers, or connect to the scheduler at an address; returns when they are warm."""
        dask.config.set(SETTINGS)
        from distributed import Client

        self._count, self._cluster = count, None if scheduler else _local_cluster(count)
        self._client: Client = Client(scheduler or self._cluster, direct_to_workers=self._cluster is not None)
        self._futures: set[Future[Part | Missing]] = set()
        self._client.register_plugin(_warmth())

    def addresses(self) -> list[str]:
        return sorted(self._client.scheduler_info(n_workers=-1)["workers"])

    def look_after(self) -> None:
        """Start own workers that are missing: the cluster gives up one whose successor comes too late."""
        if self._cluster is not None:
            self._cluster.scale(self._count)

    def submit(self, job: Job, address: str, then: Callable[[Outcome], None]) -> None:
        """Work on a slice, on this worker unless it has just died."""
        future = self._client.submit(work, job, workers=[address], allow_other_workers=True, pure=False)
        self._futures.add(future)
        future.add_done_callback(lambda ended: self._report(ended, then))

    def speed(self) -> Speed:
        """Measured on all workers at once, as they will be used."""
        addresses = self.addresses()
        futures = [self._client.submit(measure, workers=[each], pure=False) for each in addresses]
        found: list[Speed] = self._client.gather(futures)
        return max(found, key=lambda each: each.per_step)

    def close(self) -> None:
        """Take leave of the scheduler. Worker processes of our own end when this process ends."""
        with suppress(TimeoutError, OSError):
            self._client.close(timeout=2)

    def _report(self, future: Future[Part | Missing], then: Callable[[Outcome], None]) -> None:
        self._futures.discard(future)
        then(_outcome(future))


def _outcome(future: Future[Part | Missing]) -> Outcome:
    from distributed import KilledWorker

    if future.status not in ("finished", "error"):
        return WorkerLost(f"the slice was {future.status}")
    try:
        outcome: Outcome = future.result(timeout=30)
    except (KilledWorker, TimeoutError, OSError) as error:
        return WorkerLost(str(error))
    except Exception as error:
        return error
    return outcome


def _local_cluster(count: int) -> LocalCluster:
    from distributed import LocalCluster, Security

    return LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        protocol="tls://",
        security=Security.temporary(),
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        silence_logs=logging.ERROR,
    )


def _warmth() -> WorkerPlugin:
    """Every worker, also one that replaces a dead one, trains a little before its first slice."""
    from distributed import WorkerPlugin

    class Warmth(WorkerPlugin):
        name = "mtl-lab-warmth"

        def setup(self, worker: object) -> None:
            os.nice(NICENESS)
            warm_up()

    return Warmth()
