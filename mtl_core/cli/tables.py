"""What the command line shows: tables for people, plain objects for programs. All text is shown as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mtl_core.evaluation import words
from mtl_core.evaluation.compare import Comparison
from mtl_core.evaluation.report import data_apart, differences, sharing_titles, verdict_rows
from mtl_core.evaluation.verdict import TaskVerdict
from mtl_core.metrics import metrics
from mtl_core.registry import InvalidInput
from mtl_core.store.records import AdaptationRecord, Record, RunRecord

COLOURS = {words.HELPS: "bold blue", words.HURTS: "bold dark_orange3"}
BASELINES = {"equal_width": "alone, same width", "equal_parameters": "alone, same size"}
STATUSES = {"queued": "waiting", "running": "training"}
"""Where a status is not its own word; as on the pages."""


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """A table of plain cells; numbers to the right where the column's name ends with "#"."""
    drawn = Table(title=Text(title), box=box.SIMPLE, title_justify="left", title_style="bold")
    for column in columns:
        drawn.add_column(Text(column.rstrip("#")), justify="right" if column.endswith("#") else "left")
    for row in rows:
        drawn.add_row(*[cell if isinstance(cell, Text) else Text(cell) for cell in row])
    return drawn


def show_run(console: Console, record: RunRecord, comparison: Comparison) -> None:
    """Which run, then its verdict."""
    name = f" {record.name!r}" if record.name else ""
    console.print(Text(f"Run {record.id}{name}: {status(record)} at step {record.step:,} of {record.steps:,}", "bold"))
    for sentence in record.diverged:
        console.print(Text(sentence, "yellow"), soft_wrap=True)
    show_verdict(console, record, comparison)


def show_verdict(console: Console, record: RunRecord, comparison: Comparison) -> None:
    """The answer of a run: a line for each sharing type, baseline and task, its costs and its warnings."""
    provisional = " (provisional)" if comparison.provisional else ""
    titles = sharing_titles(record.experiment)
    for sharing, failure in comparison.failures.items():
        console.print(Text(f"{titles[sharing]}: {failure}", "bold yellow"), soft_wrap=True)
    for note in comparison.notes:
        console.print(Text(f"- {note}"), soft_wrap=True)
    columns = ("Shared", "Against", "Task", "Measured by", "Alone#", "Together#", "Gain#", "95 % interval#", "Verdict")
    if comparison.verdicts:
        title = f"Does learning together help? {record.data_title}{provisional}"
        console.print(table(title, columns, map(_verdict_row, comparison.verdicts)))
    rows = [
        (
            cost.title,
            f"{cost.parameters:,}",
            f"{cost.networks:,}",
            words.number(cost.seconds),
            "-" if cost.predict_seconds is None else words.number(cost.predict_seconds * 1e6),
        )
        for cost in comparison.costs
    ]
    console.print(table("Costs", ("", "Parameters#", "Networks#", "Training, s#", "Prediction, µs a row#"), rows))


def result_json(record: RunRecord, comparison: Comparison) -> dict[str, Any]:
    """One object with everything a program may want to know about a run."""
    told = comparison.to_json()
    return {
        **run_json(record),
        "provisional": comparison.provisional,
        "failures": dict(comparison.failures),
        "verdicts": verdict_rows(comparison),
        "costs": told["costs"],
        "too_early": comparison.too_early,
        "notes": list(comparison.notes),
        "experiment": record.experiment.to_json(),
    }


def run_json(record: Record) -> dict[str, Any]:
    return {
        "run": record.id,
        "kind": record.experiment.kind,
        "name": record.name,
        "status": record.status,
        "message": record.message,
        "diverged": list(record.diverged),
        "data": record.data_title,
        "tasks": [task.name for task in record.tasks],
        "step": record.step,
        "steps": record.steps,
        "created": record.created.isoformat(timespec="seconds"),
    }


def status(record: Record) -> str:
    """What a run is doing, in the word of the pages."""
    return STATUSES.get(record.status, record.status)


def subject(record: Record) -> str:
    """What a run is about: its tasks, or who learns new ones."""
    if isinstance(record, AdaptationRecord):
        return f"new tasks: {', '.join(unit.called for unit in record.units)}"
    return ", ".join(task.name for task in record.tasks)


def show_runs(console: Console, records: Sequence[Record]) -> None:
    rows = [
        (
            record.id,
            record.name,
            status(record),
            record.data_title,
            subject(record),
            f"{record.step:,}/{record.steps:,}",
            record.created.astimezone().strftime("%Y-%m-%d %H:%M"),
        )
        for record in records
    ]
    console.print(table("Runs", ("Run", "Name", "Status", "Data", "Tasks", "Step#", "Handed in"), rows))


def check_comparable(records: Sequence[RunRecord]) -> None:
    """Raises `InvalidInput` unless these are two or more runs on the same rows."""
    if len(records) < 2:
        raise InvalidInput("one run cannot be compared; name two or more")
    for other in records[1:]:
        if other.data_fingerprint != records[0].data_fingerprint:
            pair = " and ".join(f"{each.id} ({each.data_title})" for each in (records[0], other))
            differ = data_apart(records[0].experiment, other.experiment)
            raise InvalidInput(f"the runs {pair} have different data ({differ}); compare runs on the same data")


def differences_json(records: Sequence[RunRecord]) -> list[dict[str, str]]:
    """Settings of every later run that differ from the first one's."""
    return [
        {"run": other.id, "setting": each.setting, "first": each.a, "this": each.b}
        for other in records[1:]
        for each in differences(records[0].experiment, other.experiment)
    ]


def show_differences(console: Console, records: Sequence[RunRecord]) -> None:
    for other in records[1:]:
        found = differences(records[0].experiment, other.experiment)
        if not found:
            console.print(Text(f"{records[0].id} and {other.id} have the same settings."))
            continue
        rows = [(each.setting, each.a or "-", each.b or "-") for each in found]
        console.print(table("Settings that differ", ("Setting", records[0].id, other.id), rows))


def _verdict_row(verdict: TaskVerdict) -> tuple[str | Text, ...]:
    return (
        verdict.sharing,
        BASELINES[verdict.baseline],
        verdict.task,
        metrics[verdict.metric].label(),
        *(("-" if each is None else words.number(each)) for each in (verdict.alone, verdict.together)),
        _signed(verdict.gain, verdict),
        "-" if verdict.low is None else f"{_signed(verdict.low, verdict)} to {_signed(verdict.high, verdict)}",
        Text(words.SHOWN[verdict.verdict], COLOURS.get(verdict.verdict, "")),
    )


def _signed(gain: float | None, verdict: TaskVerdict) -> str:
    """A gain with its sign: +14 %, -0.012."""
    if gain is None:
        return "-"
    return f"{'-' if gain < 0 else '+'}{words.amount(gain, verdict.relative)}"
