"""The tables of the store. Times are seconds since 1970 (UTC); JSON is kept as text.

runs      one row a run: of which kind, what was asked for, how far it is, how it ended
events    what its stacks said, in order; a fact is said once for each (run, unit, step, kind)
states    the newest state of each stack: where training goes on after a pause or a crash
commands  what people asked the engine to do and it has not done yet
engine    the one engine that serves this store: its claim, its sign of life, its measured speed
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

TRAINING = "training"
"""The kind of a run that does not say: stores and files from before there were others hold no other."""

runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False, default=TRAINING, server_default=TRAINING),
    Column("name", Text, nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("status", String(16), nullable=False),
    Column("message", Text, nullable=False, default=""),
    Column("experiment", Text, nullable=False),
    Column("tasks", Text, nullable=False),
    Column("inputs", Integer, nullable=False),
    Column("data_title", Text, nullable=False),
    Column("data_fingerprint", String(32), nullable=False),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("ended", Float),
    Column("step", Integer, nullable=False, default=0),
    Column("rate", Float),
    Column("seconds_left", Float),
    Column("diverged", Text, nullable=False, default="[]"),
    Column("comparison", Text),
    Index("runs_by_time", "created"),
    Index("runs_by_status", "status"),
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("run", String(32), nullable=False),
    Column("unit", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("run", "unit", "step", "kind", name="said_once"),
    Index("events_of_run", "run", "seq"),
)

states = Table(
    "states",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("unit", Integer, primary_key=True),
    Column("step", Integer, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

commands = Table(
    "commands",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run", String(32), nullable=False),
    Column("command", String(16), nullable=False),
    Column("payload", Text, nullable=False, default="{}"),
)

engine = Table(
    "engine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token", String(32), nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("beat", Float, nullable=False),
    Column("ready", Integer, nullable=False, default=0),
    Column("workers", Integer, nullable=False, default=0),
    Column("speed", Text),
)

schema = Table("schema", metadata, Column("version", Integer, primary_key=True))
