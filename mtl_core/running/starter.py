"""Starting the engine from another process, and keeping it alive while that process lives."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

from mtl_core import settings
from mtl_core.store.claims import is_served
from mtl_core.store.database import Database, StoreFailure

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0
LOG_LIMIT = 1 << 20


class Starter:
    """Starts an engine for a store unless one serves it, looks after it, and ends it with `stop`."""

    def __init__(self, database: Database, url: str) -> None:
        self.database, self.url = database, url
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    def ensure(self) -> None:
        """Returns at once; a new engine is ready after some seconds."""
        with self._lock:
            self._look()
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, daemon=True)
                self._watcher.start()

    def stop(self) -> None:
        """End the engine that this process started; runs that train go on at the next start."""
        self._stopping.set()
        with self._lock:
            process, self._process = self._process, None
            if process is None:
                return
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _look(self) -> None:
        mine = self._process is not None and self._process.poll() is None
        if mine or self._stopping.is_set() or is_served(self.database):
            return
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = _start(self.url)

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                with self._lock:
                    self._look()
            except StoreFailure as error:
                log.warning("%s", error)


def _start(url: str) -> subprocess.Popen[bytes]:
    """A session of its own: Ctrl-C in a terminal reaches us only, and we end the engine in order."""
    environment = {**os.environ, "MTL_LAB_STORE": url}
    with log_file().open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore:resource_tracker", "-m", "mtl_core.running.engine"],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            env=environment,
            start_new_session=True,
        )


def log_file() -> Path:
    """Where the engine writes what it does; started anew when it has grown large."""
    path = settings.home() / "engine.log"
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".log.old"))
    return path
