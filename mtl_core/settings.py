"""Where this installation keeps its files and finds its workers. Environment variables, read when asked.

MTL_LAB_HOME       folder of the database and of uploaded tables (default: the user's data folder)
MTL_LAB_STORE      SQLAlchemy address of the store (default: SQLite in the home folder)
MTL_LAB_SCHEDULER  address of an existing dask scheduler (default: workers of our own on loopback)
MTL_LAB_UPLOAD_DAYS  days after which an uploaded table that nobody reads is deleted (default: 90)
MTL_LAB_WORKERS    number of worker processes (default: the machine's cores, at least 1, at most 8)
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

UPLOAD_LIMIT_MB = 500
"""Tables up to this size are read whole; of larger ones rows are drawn."""
SENT_LIMIT_MB = 2_000
"""The largest file that a page takes: it is held in memory while it is read."""
DISK_LIMIT_MB = 20_000
"""The largest file of this machine that rows are drawn from."""
UPLOAD_DAYS = 90


def home() -> Path:
    """The folder of this installation; made if it is not there."""
    folder = Path(os.environ.get("MTL_LAB_HOME") or platformdirs.user_data_dir("mtl-lab", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def store_url() -> str:
    return os.environ.get("MTL_LAB_STORE") or f"sqlite:///{home() / 'runs.sqlite'}"


def scheduler_address() -> str | None:
    return os.environ.get("MTL_LAB_SCHEDULER") or None


def upload_days() -> float:
    return float(os.environ.get("MTL_LAB_UPLOAD_DAYS") or UPLOAD_DAYS)


def worker_count() -> int:
    return int(os.environ.get("MTL_LAB_WORKERS") or min(max(os.cpu_count() or 1, 1), 8))
