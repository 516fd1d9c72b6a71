"""What `mtl-lab adapt` shows: a table for each number of labels."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from mtl_core.cli.tables import table
from mtl_core.evaluation.words import number
from mtl_core.meta.history import MetaHistory
from mtl_core.meta.result import Duel, curves, duels, judged

NOTE = (
    "Every learner is judged at the number of steps that did best on tasks as for training. Verdicts allow for looking "
    "at several learners and numbers of labels at once; the intervals are of each by itself."
)
SHOWN = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Steps that the table shows, as far as they were made."""


def show(console: Console, history: MetaHistory, against: str) -> None:
    """The answer, or what the last look says where the learners are not ready."""
    asked, found = history.experiment, history.found()
    if not found:
        console.print("nothing was measured", soft_wrap=True)
        return
    if not history.is_final:
        console.print(
            f"Provisional: learners after {history.looked or 0:,} of {asked.budget.steps:,} meta-steps, measured on "
            f"{history.tasks} unseen tasks a repeat.",
            style="yellow",
            soft_wrap=True,
        )
    ratio, steps = asked.family.test_to_train(asked.budget.folds), [each for each in SHOWN if each <= asked.adapt_steps]
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
