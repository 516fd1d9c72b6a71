"""One door to the store: short reads, one-writer transactions, and errors as plain sentences.

SQLite runs with a write-ahead log, so that readers never wait for the writer. A transaction that will write
says so at its start (BEGIN IMMEDIATE): one that reads first and writes later fails at once under load.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from mtl_core.registry import InvalidInput
from mtl_core.store.upgrades import bring_up_to_date

RESERVE_BYTES = 8 << 20
"""More than the write-ahead log holds before it is folded into the database (4 MB): folding needs room, too."""


class StoreFailure(InvalidInput):
    """The store cannot be read or written; the message says why and what to do."""


class StoreFull(StoreFailure):
    """There is no room left in the store."""


class Database:
    """A connection pool on the store's address; cheap and thread-safe."""

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
            self.engine = create_engine(self.url, connect_args={"timeout": 10} if self._is_sqlite else {})
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise InvalidInput(f"the store's address cannot be used: {_first_line(error)}") from None
        if self._is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        with self.writing() as connection:
            bring_up_to_date(connection)

    @property
    def _is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def title(self) -> str:
        """The address without its password, for sentences."""
        return str(self.url.database) if self._is_sqlite else self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view of the store."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it happens, or nothing."""
        with self._translated(), self.engine.connect() as plain:
            connection = plain.execution_options(writing=True)
            with connection.begin():
                yield connection

    def insert(self, table: Any) -> Any:
        """An INSERT of this dialect that can say what to do about a row that is already there."""
        if self._is_sqlite:
            from sqlalchemy.dialects import sqlite as dialect
        else:
            from sqlalchemy.dialects import postgresql as dialect  # type: ignore[no-redef]
        return dialect.insert(table)

    def close(self) -> None:
        self.engine.dispose()

    # --- room for last words --------------------------------------------------------------------------------
    @property
    def _reserve(self) -> Path | None:
        return Path(f"{self.url.database}.reserve") if self._is_sqlite and self.url.database else None

    def hold_reserve(self) -> None:
        """Keep a little disk space, so that a full disk can still be written down."""
        path = self._reserve
        if path is not None and not path.exists():
            try:
                path.write_bytes(b"\0" * RESERVE_BYTES)
            except OSError:
                path.unlink(missing_ok=True)

    def release_reserve(self) -> None:
        """Give the reserve up, and fold the write-ahead log into the database to have its room, too."""
        if self._reserve is None:
            return
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)
        with suppress(sqlite3.Error), closing(self.engine.raw_connection()) as connection:  # outside of transactions
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise self._sentence(error) from error

    def _sentence(self, error: DBAPIError) -> StoreFailure:
        code = str(getattr(error.orig, "sqlite_errorname", ""))
        if code == "SQLITE_FULL" or "No space left" in str(error.orig):
            return StoreFull(f"the store {self.title} is full; free disk space or delete old runs, then try again")
        if code.startswith("SQLITE_READONLY"):
            return StoreFailure(f"the store {self.title} is read-only; allow writing to it and to its folder")
        if code.startswith("SQLITE_CANTOPEN"):
            return StoreFailure(
                f"the store {self.title} cannot be opened; check that its folder exists and is writable"
            )
        return StoreFailure(
            f"the store {self.title} cannot be used ({_first_line(error.orig)}); check it and try again"
        )


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by us, see `_begin_sqlite`
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _first_line(error: object) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
