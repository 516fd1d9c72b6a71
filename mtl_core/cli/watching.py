"""Following a run from the command line until it has ended."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mtl_core.api import Lab, Record
from mtl_core.cli.tables import status
from mtl_core.registry import InvalidInput

LOOK_SECONDS = 0.1
TELL_SECONDS = 10.0
"""Seconds between two lines where no bar can be drawn: in a log, or behind a pipe."""
STOP_SECONDS = 20.0


def follow(lab: Lab, run: str, console: Console) -> Record:
    """Show how far a run is; its record once it has ended. Ctrl-C stops the run, which is kept."""
    words, pace = (TextColumn("{" + part + "}", markup=False) for part in ("task.description", "task.fields[pace]"))
    told_at = time.monotonic()
    with Progress(words, BarColumn(), pace, TimeRemainingColumn(), console=console, transient=True) as progress:
        shown = progress.add_task("waiting for the engine", total=None, pace="")
        try:
            while not (record := lab.record(run)).has_ended:
                rate = f"{record.steps_per_second:,.0f} steps/s" if record.steps_per_second else ""
                place = f"waiting, place {record.position}" if record.position else status(record)
                told = f"{place} {record.step:,}/{record.steps:,}"
                progress.update(shown, description=told, total=record.steps, completed=record.step, pace=rate)
                if not console.is_terminal and time.monotonic() > told_at + TELL_SECONDS:
                    console.print(f"{told} {rate}".strip(), markup=False, highlight=False)
                    told_at = time.monotonic()
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            record = _stop(lab, run)
    return record


def _stop(lab: Lab, run: str) -> Record:
    lab.command(run, "stop")
    end = time.monotonic() + STOP_SECONDS
    while not (record := lab.record(run)).has_ended and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
    return record


def find(lab: Lab, word: str) -> Record:
    """A run of any kind by its id, the beginning of its id, its name, or "last"."""
    records = lab.records(limit=10_000)
    if word == "last" and records:
        return records[0]
    named = [each for each in records if each.id == word] or [each for each in records if each.id.startswith(word)]
    named = named or [each for each in records if each.name == word]
    if len(named) != 1:
        what = "there is no run" if not named else f"{len(named)} runs are called"
        raise InvalidInput(f"{what} {word!r}; see mtl-lab list")
    return named[0]
