"""What `mtl-lab adapt` shows: a table for each number of labels, or plain objects."""

from __future__ import annotations

import dataclasses
import math
import sys
from typing import Any

import pandas as pd
from rich.console import Console

from mtl_core.cli.tables import table
from mtl_core.evaluation.words import number
from mtl_core.meta.comparison import Comparison
from mtl_core.meta.result import Duel, Found, curves, duels, judged

NOTE = (
    "Every learner is judged at the number of steps that did best on tasks as for training. Verdicts allow for looking "
    "at several learners and numbers of labels at once; the intervals are of each by itself."
)
SHOWN = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Steps that the table shows, as far as they were made."""


def as_json(asked: Comparison, found: Found, against: str) -> dict[str, Any]:
    """The curves, every learner's error at its own number of steps, and who beats whom there."""
    ratio = asked.family.test_to_train
    told = [{**dataclasses.asdict(each), "verdict": each.verdict} for each in duels(found, against, ratio)]
    facts = {
        "family": asked.family.to_json(),
        "learners": [{"label": each.label(), **each.to_json()} for each in asked.learners],
        "budget": asked.budget.settings(),
        "trunk": asked.trunk.settings(),
        "curves": _records(curves(found, ratio)),
        "judged": _records(judged(found, ratio)),
    }
    return facts | {"duels": [{key: _plain(value) for key, value in each.items()} for each in told]}


def show(asked: Comparison, found: Found, against: str) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    ratio, steps = asked.family.test_to_train, [step for step in SHOWN if step <= asked.steps]
    after = curves(found, ratio).set_index(["learner", "shots", "step"])["error"].to_dict()
    ends = {(row.learner, row.shots): row for row in judged(found, ratio).itertuples()}
    verdicts = {(each.learner, each.shots): each for each in duels(found, against, ratio)}
    columns = ("Learner", *(f"after {step}#" for step in steps), "Best step#", "There#", "95 % interval#")
    columns = (*columns, f"Saved against {against}#", "")
    for shots in asked.shots:
        rows = []
        for learner in asked.learners:
            key = learner.name, shots
            errors = [number(float(after[(*key, step)])) if (*key, step) in after else "-" for step in steps]
            rows.append((learner.term or learner.title, *errors, *_end(ends.get(key)), *_verdict(verdicts.get(key))))
        console.print(table(f"Squared error on unseen tasks, {shots} labels, after so many steps", columns, rows))
    console.print(NOTE, style="dim", soft_wrap=True)


def _end(row: Any) -> tuple[str, str, str]:
    if row is None:
        return "-", "-", "-"
    return f"{row.steps:g}", number(row.error), f"{number(row.low)} to {number(row.high)}"


def _verdict(duel: Duel | None) -> tuple[str, str]:
    if duel is None:
        return "", ""
    return f"{number(duel.gain)} % ({number(duel.low)} to {number(duel.high)})", duel.verdict


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): _plain(value) for key, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    """JSON has no infinity: an interval without an end ends in null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
