"""Every lesson's effect, measured by really training: what the lessons' files may claim.

    python -m benchmarks.lessons [--worlds 5] [--write]

Each position of each lesson's dial is trained in the world of the lesson and in other worlds of the same generator
(another `seed` of the data source). `--write` puts the table into docs/lessons.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from mtl_core.evaluation.history import History
from mtl_core.evaluation.report import machine
from mtl_core.experiment import Experiment, shape_for
from mtl_core.lazy import torch
from mtl_core.lessons.base import Lesson, Position, lessons
from mtl_core.lessons.outcome import Outcome, outcome
from mtl_core.training.engine import advance, prepared_for

DOCS = Path(__file__).parent.parent / "docs" / "lessons.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
HEAD = "| lesson | dial | gain in % (95 % interval) | claimed | other worlds | networks |\n|---|---|---|---|---|---|\n"


@cache
def trained(experiment: Experiment) -> History:
    """The experiment, trained to its end in this process. Lessons that share a position share its history."""
    dataset = experiment.data.load().choose(experiment.tasks)
    history = History(experiment, dataset.tasks, shape_for(experiment, dataset))
    prepared = prepared_for(experiment, dataset)
    for unit in history.units:
        history.add(advance(experiment, unit, prepared, dataset.tasks, None).events)
    return history


def measured(lesson: Lesson, position: Position, world: int | None = None) -> Outcome:
    """The gain of one position; world: another seed of the data than the lesson's own."""
    experiment = position.experiment
    if world is not None:
        data = type(experiment.data).from_settings(experiment.data.settings() | {"seed": world})
        experiment = replace(experiment, data=data)
    found = outcome(lesson, trained(experiment))
    if found is None:
        raise RuntimeError(f"{lesson.key}, {position.label}: no pair of networks has come to an end")
    return found


def rows(worlds: int) -> Iterator[str]:
    """Lines of the table, as they are measured."""
    for lesson in lessons():
        for position in lesson.positions:
            here = measured(lesson, position)
            others = [measured(lesson, position, world).gain for world in range(1, worlds)]
            spread = f"{min(others):.0f} to {max(others):.0f}" if others else ""
            low, high = position.expected
            yield (
                f"| {lesson.title} | {lesson.dial}: {position.label} | {here.gain:.0f} ({here.low:.0f} to "
                f"{here.high:.0f}) | {low:.0f} to {high:.0f} | {spread} | {networks(position.experiment)} |\n"
            )


def networks(experiment: Experiment) -> int:
    return sum(len(unit.replicas) for unit in trained(experiment).units)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    sys.stdout.write(HEAD)
    table = HEAD
    for row in rows(chosen.worlds):
        sys.stdout.write(row)
        sys.stdout.flush()
        table += row
    if chosen.write:
        before, rest = DOCS.read_text("utf-8").split(BEGIN)
        facts = ", ".join(f"{key} {value}" for key, value in machine().items())
        text = f"{BEGIN}\nMeasured with {facts}, one thread.\n\n{table}\n{END}"
        DOCS.write_text(before + text + rest.split(END)[1], "utf-8")


if __name__ == "__main__":
    main()
