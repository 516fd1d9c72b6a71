"""Starting the engine from another process, and keeping it alive while that process lives."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

from mtl_core import settings
from mtl_core.store.claims import is_served
from mtl_core.store.database import Database, StoreFailure

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0
END_SECONDS = 15.0
LOG_LIMIT = 1 << 20


class Starter:
    """Starts an engine for a store unless one serves it, looks after it, and ends it with `stop`.

    The watching thread holds no reference to the starter: one that is forgotten ends its engine and its watching.
    """

    def __init__(self, database: Database, url: str) -> None:
        self.database, self.url = database, url
        self._child = _Child()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None
        weakref.finalize(self, _forget, self._child, self._stopping)

    def ensure(self) -> None:
        """Returns at once; a new engine is ready after some seconds."""
        with self._lock:
            self._look()
            if self._watcher is None:
                watched = (weakref.ref(self), self._stopping)
                self._watcher = threading.Thread(target=_watch, args=watched, daemon=True)
                self._watcher.start()

    def look_after(self) -> None:
        """Start another engine if the store is not served any more."""
        with self._lock:
            self._look()

    def stop(self) -> None:
        """End the engine that this process started; runs that train go on at the next start."""
        self._stopping.set()
        with self._lock:
            self._child.end()

    def _look(self) -> None:
        if not (self._child.is_alive or self._stopping.is_set() or is_served(self.database)):
            self._child.start(self.url)


class _Child:
    """The engine process of a starter, if it has one."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, url: str) -> None:
        self.let_go()
        self.process = _start(url)

    def let_go(self) -> None:
        """Close its standard input: it ends by itself."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()

    def end(self) -> None:
        """Wait for its end; one that does not end is killed."""
        self.let_go()
        if self.process is None:
            return
        try:
            self.process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def _watch(starter: weakref.ref[Starter], stopping: threading.Event) -> None:
    while not stopping.wait(LOOK_SECONDS) and _look_after(starter()):
        pass


def _look_after(starter: Starter | None) -> bool:
    """False once there is no starter any more; while its thread waits, nobody holds it."""
    if starter is None:
        return False
    try:
        starter.look_after()
    except StoreFailure as error:
        log.warning("%s", error)
    return True


def _forget(child: _Child, stopping: threading.Event) -> None:
    stopping.set()
    child.end()


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
