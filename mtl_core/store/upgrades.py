"""Which shape the tables have, and how an older store is brought up to date.

To change a table: change `tables.py`, raise VERSION by one, and add the function that turns the shape before
into the new one to UPGRADES under the old number.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, select, text

from mtl_core.registry import InvalidInput
from mtl_core.store import tables

VERSION = 2


def _kinds_of_runs(connection: Connection) -> None:
    """Before, every run trained on tasks together and alone."""
    connection.execute(text(f"ALTER TABLE runs ADD COLUMN kind VARCHAR(16) NOT NULL DEFAULT '{tables.TRAINING}'"))


UPGRADES: dict[int, Callable[[Connection], None]] = {1: _kinds_of_runs}


def bring_up_to_date(connection: Connection) -> None:
    """Make the tables, or upgrade them step by step, inside the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(5215187)"))
    tables.metadata.create_all(connection)
    version = connection.execute(select(tables.schema.c.version)).scalar()
    if version is None:
        connection.execute(tables.schema.insert().values(version=VERSION))
        return
    if version > VERSION:
        raise InvalidInput(
            f"this store was made by a newer version of MTL Lab (its tables are {version}); update first"
        )
    for number in range(version, VERSION):
        UPGRADES[number](connection)
    if version < VERSION:
        connection.execute(tables.schema.update().values(version=VERSION))
