"""What only the engine writes: facts, states and the course of runs, each slice in one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, CursorResult, delete, func, select, update

from mtl_core.events import LAST_WORDS
from mtl_core.store.claims import Claim
from mtl_core.store.database import Database
from mtl_core.store.records import ENDED, Record, record
from mtl_core.store.tables import commands, events, runs, states


@dataclass(frozen=True)
class Fact:
    """One event, ready to be written: `text` is its JSON."""

    unit: int
    step: int
    kind: str
    text: str


@dataclass(frozen=True)
class Saved:
    """Where training of one stack can go on."""

    unit: int
    step: int
    blob: bytes


@dataclass(frozen=True)
class Command:
    """What somebody asked for; forgotten together with the transaction that records its effect."""

    id: int
    run: str
    word: str
    payload: dict[str, Any]


class RunGone(LookupError):
    """The run was deleted while it trained."""


class Journal:
    """The engine's side of the store. Every write raises `ClaimLost` once another engine has taken over."""

    def __init__(self, database: Database, claim: Claim) -> None:
        self.database, self.claim = database, claim

    def write(self, run: str, *, facts: Sequence[Fact] = (), saved: Iterable[Saved] = (), **course: Any) -> None:
        """One slice: what was said, where to go on, and columns of the run. Raises `RunGone`."""
        with self.database.writing() as connection:
            self.claim.check(connection)
            if not _alter(connection, run, course):
                raise RunGone(run)
            if facts:
                rows = [{"run": run, **vars(fact)} for fact in facts]
                connection.execute(self.database.insert(events).on_conflict_do_nothing(), rows)
            for each in saved:
                self._save(connection, run, each)

    def end(self, run: str, status: str, message: str = "", **course: Any) -> None:
        """The last word on a run. A finished one has nothing to go on from, so its states are dropped."""
        with self.database.writing() as connection:
            self.claim.check(connection)
            values = {"status": status, "message": message, "ended": time.time(), **course}
            _alter(connection, run, values)
            if status == "finished":
                connection.execute(delete(states).where(states.c.run == run))

    def fail_for_want_of_room(self, running: Iterable[str], message: str) -> None:
        """Mark runs as failed on a full disk: give up the reserve and their states, keep what they said."""
        self.database.release_reserve()
        with self.database.writing() as connection:
            for run in running:
                connection.execute(delete(states).where(states.c.run == run))
                _alter(connection, run, {"status": "failed", "message": message, "ended": time.time()})

    def inbox(self) -> list[Command]:
        """Commands that wait, oldest first."""
        with self.database.reading() as connection:
            rows = connection.execute(select(commands).order_by(commands.c.id)).all()
        return [Command(row.id, row.run, row.command, json.loads(row.payload)) for row in rows]

    def done(self, handled: Iterable[Command]) -> None:
        with self.database.writing() as connection:
            self.claim.check(connection)
            connection.execute(delete(commands).where(commands.c.id.in_([each.id for each in handled])))

    def unfinished(self) -> list[str]:
        """Ids of runs that have not ended, oldest first."""
        with self.database.reading() as connection:
            wanted = select(runs.c.id).where(runs.c.status.not_in(ENDED)).order_by(runs.c.created)
            return list(connection.execute(wanted).scalars())

    def record(self, run: str) -> Record | None:
        """The run, or None if it was deleted. Raises `InvalidInput` when it is not understood."""
        with self.database.reading() as connection:
            row = connection.execute(select(runs).where(runs.c.id == run)).mappings().first()
        return None if row is None else record(row, None)

    def saved(self, run: str) -> dict[int, Saved]:
        """Newest state of each stack."""
        with self.database.reading() as connection:
            rows = connection.execute(select(states).where(states.c.run == run)).all()
        return {row.unit: Saved(row.unit, row.step, row.blob) for row in rows}

    def finished_units(self, run: str) -> dict[int, int]:
        """Stacks that have said their last word, with their last step."""
        last = events.c.kind.in_(LAST_WORDS)
        wanted = select(events.c.unit, func.max(events.c.step)).where(events.c.run == run, last)
        with self.database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(wanted.group_by(events.c.unit))}

    def _save(self, connection: Connection, run: str, each: Saved) -> None:
        statement = self.database.insert(states).values(run=run, unit=each.unit, step=each.step, blob=each.blob)
        fresh = {"step": each.step, "blob": each.blob}
        connection.execute(statement.on_conflict_do_update(index_elements=["run", "unit"], set_=fresh))


def _alter(connection: Connection, run: str, values: dict[str, Any]) -> bool:
    """Change columns of a run; False if it is gone."""
    if not values:
        return connection.execute(select(runs.c.id).where(runs.c.id == run)).first() is not None
    result: CursorResult[Any] = connection.execute(update(runs).where(runs.c.id == run).values(**values))
    return result.rowcount == 1
