"""Which engine serves a store: one claims it, gives signs of life, and stops writing when another took over."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from mtl_core.store.database import Database
from mtl_core.store.tables import engine

SILENCE = 15.0
"""Seconds without a sign of life after which an engine on another machine counts as gone."""
SILENCE_HERE = 60.0
"""The same for an engine whose process we can see: an overloaded machine must not make two engines fight."""


class ClaimLost(RuntimeError):
    """Another engine serves the store now; this one must not write any more."""


class Claim:
    """The right to write what runs say. `take` it before anything else."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.token = uuid.uuid4().hex

    def take(self) -> bool:
        """True if the store had no living engine; it is ours from now on."""
        with self.database.writing() as connection:
            row = _row(connection)
            if row is not None and _is_alive(row):
                return False
            speed = None if row is None else row["speed"]
            connection.execute(delete(engine))
            mine = {"token": self.token, "host": socket.gethostname(), "pid": os.getpid(), "beat": time.time()}
            connection.execute(insert(engine).values(id=1, speed=speed, **mine))
        return True

    def beat(self, **facts: Any) -> None:
        """A sign of life. facts: ready, workers, speed. Raises `ClaimLost`."""
        with self.database.writing() as connection:
            self.check(connection)
            connection.execute(update(engine).values(beat=time.time(), **facts))

    def check(self, connection: Connection) -> None:
        """Inside a transaction: raise `ClaimLost` unless the store is still ours."""
        if connection.execute(select(engine.c.token)).scalar() != self.token:
            raise ClaimLost

    def release(self) -> None:
        with self.database.writing() as connection:
            connection.execute(update(engine).where(engine.c.token == self.token).values(beat=0.0, ready=0))


def is_served(database: Database) -> bool:
    """True while a living engine has claimed the store."""
    with database.reading() as connection:
        row = _row(connection)
    return row is not None and _is_alive(row)


def is_ready(database: Database) -> bool:
    """True once that engine's workers are warm."""
    with database.reading() as connection:
        row = _row(connection)
    return row is not None and bool(row["ready"]) and _is_alive(row)


def speed(database: Database) -> tuple[dict[str, Any], int] | None:
    """What the last engine measured, and its number of workers; None before the first."""
    with database.reading() as connection:
        row = _row(connection)
    return None if row is None or row["speed"] is None else (json.loads(row["speed"]), max(row["workers"], 1))


def _row(connection: Connection) -> Any:
    return connection.execute(select(engine)).mappings().first()


def _is_alive(row: Any) -> bool:
    """A process that was killed a moment ago has a fresh sign of life but no process any more."""
    silent = time.time() - row["beat"]
    if row["host"] != socket.gethostname():
        return bool(silent < SILENCE)
    try:
        os.kill(row["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return bool(silent < SILENCE_HERE)
