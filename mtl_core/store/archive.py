"""A whole run in one file: settings, everything it said, its verdict. To keep, to send, and for shipped examples."""

from __future__ import annotations

import gzip
import json
import uuid
import zlib
from typing import Any

from sqlalchemy import insert, select

from mtl_core.registry import InvalidInput
from mtl_core.store.database import Database
from mtl_core.store.records import record
from mtl_core.store.runs import dumps, existing
from mtl_core.store.tables import TRAINING, events, runs

FORMAT = 1
LIMIT_BYTES = 256 << 20
_FACTS = ("unit", "step", "kind", "text")


def pack(database: Database, run_id: str) -> bytes:
    """A run that has ended as compressed JSON. Raises `InvalidInput` for one that still trains."""
    columns = [events.c[name] for name in _FACTS]
    with database.reading() as connection:
        row = dict(existing(connection, run_id))
        said = connection.execute(select(*columns).where(events.c.run == run_id).order_by(events.c.seq))
        facts = [list(each) for each in said]
    if not record(row, None).has_ended:
        raise InvalidInput("this run has not ended; stop it or wait, then save it")
    return gzip.compress(dumps({"format": FORMAT, "run": row, "events": facts}).encode(), mtime=0)


def unpack(database: Database, raw: bytes) -> str:
    """Put a packed run into the store under a new id, which comes back. Raises `InvalidInput` for any other file."""
    row, facts = _understood(raw)
    row["id"] = uuid.uuid4().hex[:12]
    said = [{"run": row["id"], **dict(zip(_FACTS, each, strict=True))} for each in facts]
    with database.writing() as connection:
        connection.execute(insert(runs).values(**row))
        if said:
            connection.execute(insert(events), said)
    return str(row["id"])


def _understood(raw: bytes) -> tuple[dict[str, Any], list[list[Any]]]:
    refused = InvalidInput("this file is not a saved run; choose one that was saved from the Runs page")
    try:
        unpacker = zlib.decompressobj(wbits=31)
        text = unpacker.decompress(raw, LIMIT_BYTES)
        if unpacker.unconsumed_tail:
            raise refused
        value = json.loads(text)
        kept = {"kind": TRAINING, **value["run"]}
        row, facts = {c.name: kept[c.name] for c in runs.columns}, value["events"]
        if value["format"] != FORMAT or not record(row, None).has_ended:
            raise refused
        if not all(isinstance(each, list) and len(each) == len(_FACTS) for each in facts):
            raise refused
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise refused from error
    return row, facts
