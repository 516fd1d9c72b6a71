"""What people do with runs: hand one in, list, rename, annotate, command and delete them, read what they said."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update

from mtl_core.registry import InvalidInput
from mtl_core.store.database import Database
from mtl_core.store.records import Record, Wish, record
from mtl_core.store.tables import commands, events, runs, states
from mtl_core.tasks import TaskSpec

log = logging.getLogger(__name__)
COMMANDS = ("pause", "resume", "step", "stop")


@dataclass(frozen=True)
class Facts:
    """What is known about the data when a run is handed in; tasks and inputs as in a `Record`."""

    tasks: tuple[TaskSpec, ...]
    inputs: int
    data_title: str
    data_fingerprint: str


def add(database: Database, experiment: Wish, facts: Facts, name: str, note: str, paused: bool) -> str:
    """Hand a run in; its id."""
    run_id = uuid.uuid4().hex[:12]
    row = {
        "id": run_id,
        "kind": experiment.kind,
        "name": name,
        "note": note,
        "status": "paused" if paused else "queued",
        "experiment": dumps(experiment.to_json()),
        "tasks": dumps([task.to_json() for task in facts.tasks]),
        "inputs": facts.inputs,
        "data_title": facts.data_title,
        "data_fingerprint": facts.data_fingerprint,
        "created": time.time(),
    }
    with database.writing() as connection:
        connection.execute(insert(runs).values(**row))
        post(connection, run_id, "submit")
    return run_id


def dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def post(connection: Connection, run_id: str, command: str, payload: Mapping[str, Any] | None = None) -> None:
    """Put a command where the engine looks for it."""
    connection.execute(insert(commands).values(run=run_id, command=command, payload=dumps(payload or {})))


def command(database: Database, run_id: str, word: str, payload: Mapping[str, Any] | None = None) -> None:
    with database.writing() as connection:
        existing(connection, run_id)
        post(connection, run_id, word, payload)


def get(database: Database, run_id: str) -> Record:
    """Raises `InvalidInput` when there is no such run."""
    with database.reading() as connection:
        return record(existing(connection, run_id), _positions(connection).get(run_id))


def find(database: Database, text: str, status: str, data: str, limit: int, kind: str = "") -> list[Record]:
    """Newest first. text: part of the name, note or data title; status, data (title), kind: exact; empty = any."""
    wanted = select(runs).order_by(runs.c.created.desc()).limit(limit)
    if text:
        wanted = wanted.where(
            or_(*(c.icontains(text, autoescape=True) for c in (runs.c.name, runs.c.note, runs.c.data_title)))
        )
    if status:
        wanted = wanted.where(runs.c.status == status)
    if data:
        wanted = wanted.where(runs.c.data_title == data)
    if kind:
        wanted = wanted.where(runs.c.kind == kind)
    with database.reading() as connection:
        positions = _positions(connection)
        return _understood(connection.execute(wanted).mappings().all(), positions)


def describe(database: Database, run_id: str, **texts: str) -> None:
    """Give a run another name or note."""
    with database.writing() as connection:
        existing(connection, run_id)
        connection.execute(update(runs).where(runs.c.id == run_id).values(**texts))


def remove(database: Database, run_id: str) -> None:
    """Forget a run and all it said; an engine that trains it is told."""
    with database.writing() as connection:
        existing(connection, run_id)
        for table in (events, states, commands):
            connection.execute(delete(table).where(table.c.run == run_id))
        connection.execute(delete(runs).where(runs.c.id == run_id))
        post(connection, run_id, "forget")


def said(database: Database, run_id: str, after: int = 0) -> Sequence[tuple[int, str]]:
    """Events of a run with their numbers, in order, after a number that was read before."""
    wanted = (
        select(events.c.seq, events.c.text).where(events.c.run == run_id, events.c.seq > after).order_by(events.c.seq)
    )
    with database.reading() as connection:
        return [(row.seq, row.text) for row in connection.execute(wanted.order_by(events.c.seq))]


def comparison(database: Database, run_id: str) -> str | None:
    """The stored verdict as JSON text; None until the run has ended."""
    with database.reading() as connection:
        text: str | None = existing(connection, run_id)["comparison"]
    return text


def existing(connection: Connection, run_id: str) -> RowMapping:
    row = connection.execute(select(runs).where(runs.c.id == run_id)).mappings().first()
    if row is None:
        raise InvalidInput(f"there is no run {run_id!r}; it may have been deleted")
    return row


def _positions(connection: Connection) -> dict[str, int]:
    """Place in the queue of every run that waits, from 1."""
    waiting = select(runs.c.id).where(runs.c.status == "queued").order_by(runs.c.created)
    return {run_id: i + 1 for i, run_id in enumerate(connection.execute(waiting).scalars())}


def _understood(rows: Sequence[RowMapping], positions: dict[str, int]) -> list[Record]:
    """A run whose method is gone must not hide all the others."""
    found = []
    for row in rows:
        try:
            found.append(record(row, positions.get(row["id"])))
        except InvalidInput as error:
            log.warning("run %s cannot be shown: %s", row["id"], error)
    return found
