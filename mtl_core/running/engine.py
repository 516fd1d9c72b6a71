"""The engine: a process of its own that serves one store. `python -m mtl_core.running.engine`

It claims the store, starts workers (or connects to a scheduler), takes in every run that has not ended, and
serves until the process that started it closes its standard input, or for ever with --detached (then until a
signal). Only one engine serves a store: a second one ends at once, in peace. The store's address is
read from MTL_LAB_STORE unless --store is given (an address can hold a password, and arguments can be read by everyone).
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress

from mtl_core import settings
from mtl_core.registry import InvalidInput
from mtl_core.running.manager import Manager
from mtl_core.running.workers import Workers
from mtl_core.store.claims import Claim, ClaimLost
from mtl_core.store.database import Database, StoreFailure
from mtl_core.store.journal import Journal

log = logging.getLogger("mtl_core.engine")
START_BEAT_SECONDS = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mtl_core.running.engine", description="Serve one store.")
    parser.add_argument("--store", default=None, help="its address (default: MTL_LAB_STORE, or the home folder)")
    parser.add_argument("--detached", action="store_true", help="do not end when standard input is closed")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    ending = _ending(arguments.detached)
    try:
        return serve(arguments.store or settings.store_url(), ending)
    except ClaimLost:
        log.error("another engine took over; this one ends")
        return 0
    except InvalidInput as error:
        log.error("%s", error)
        return 1


def serve(url: str, ending: threading.Event) -> int:
    """Claim the store and serve it until `ending` is set."""
    database = Database(url)
    claim = Claim(database)
    if not claim.take():
        log.info("an engine serves %s already", database.title)
        return 0
    log.info("serving %s", database.title)
    try:
        database.hold_reserve()
        workers = _start_workers(claim, ending)
        try:
            _manage(Manager(Journal(database, claim), workers, workers.speed()), ending)
        finally:
            workers.close()
    finally:
        with suppress(StoreFailure):
            claim.release()
    log.info("ended")
    return 0


def _manage(manager: Manager, ending: threading.Event) -> None:
    log.info("ready, %d workers", len(manager.turns.addresses))
    while not ending.is_set():
        manager.tick()
    manager.close()


def _start_workers(claim: Claim, ending: threading.Event) -> Workers:
    """Give signs of life while workers start, which takes seconds; nothing is lost by ending in the middle of it."""
    started = threading.Event()

    def beat() -> None:
        while not started.wait(START_BEAT_SECONDS):
            if ending.is_set():
                claim.release()
                os._exit(0)
            claim.beat()

    threading.Thread(target=beat, daemon=True).start()
    try:
        return Workers(settings.worker_count(), settings.scheduler_address())
    finally:
        started.set()


def _ending(detached: bool) -> threading.Event:
    """Set on a signal, and when whoever started this process is gone."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    if not detached:
        threading.Thread(target=_watch_parent, args=(ending,), daemon=True).start()
    return ending


def _watch_parent(ending: threading.Event) -> None:
    while sys.stdin.buffer.read(1024):
        pass
    ending.set()
    time.sleep(10)
    os._exit(1)  # nobody waits for us any more: never stay behind because something hangs


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # everything is written; workers end with this process, an orderly end would take seconds
