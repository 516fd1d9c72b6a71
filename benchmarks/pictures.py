"""What convolutions do on pictures: test error with and without them, same steps, same batches, same width.

    python -m benchmarks.pictures [--folds 5] [--write]

`--write` puts the table into docs/pictures.md. Expected: with two convolutions a fifth to a
third fewer digits are wrong, with three at most half as many shapes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import mtl_core.models
import mtl_core.weighting
from benchmarks.verdict_check import markdown
from mtl_core.data.base import Source
from mtl_core.data.synthetic_images import Shapes, TwoDigits
from mtl_core.evaluation.report import machine
from mtl_core.events import Floats, UnitFinished
from mtl_core.experiment import Experiment, Plan, Training, shape_for
from mtl_core.models.base import Trunk
from mtl_core.models.hard import Hard
from mtl_core.training.engine import advance, prepared_for

assert mtl_core.models
assert mtl_core.weighting
DOCS = Path(__file__).parent.parent / "docs" / "pictures.md"
BEGIN, END = "<!-- pictures: begin -->\n", "<!-- pictures: end -->\n"
WORK: tuple[tuple[Source, tuple[str, ...], tuple[int, ...]], ...] = (
    (TwoDigits(), ("left digit", "right digit"), (0, 1, 2)),
    (Shapes(), ("shape", "colour"), (0, 2, 3)),
)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--folds", type=int, default=5)
    asked.add_argument("--write", action="store_true")
    options = asked.parse_args()
    rows = [
        row
        for source, tasks, looks in WORK
        for convolutions in looks
        for row in measured(source, tasks, convolutions, options.folds)
    ]
    table = markdown(pd.DataFrame(rows))
    print(table)
    if options.write:
        before, after = DOCS.read_text(encoding="utf-8").split(BEGIN)[0], DOCS.read_text(encoding="utf-8").split(END)[1]
        DOCS.write_text(f"{before}{BEGIN}{table}\n\n{machine()}\n{END}{after}", encoding="utf-8")


def _machine() -> str:
    return ", ".join(f"{name} {value}" for name, value in machine().items())


def measured(source: Source, tasks: tuple[str, ...], convolutions: int, folds: int) -> Iterator[dict[str, object]]:
    """A row a task: share of wrong answers on the test rows, together and alone, means over the folds."""
    dataset = source.load().choose(tasks)
    plan = Experiment(
        source,
        tasks,
        trunk=Trunk(convolutions=convolutions),
        training=Training(steps=400, batch_size=64, evaluate_every=25),
        plan=Plan(folds=folds, equal_parameters=False),
    )
    shape, prepared = shape_for(plan, dataset), prepared_for(plan, dataset)
    wrong: dict[bool, list[Floats]] = {True: [], False: []}
    begun = time.process_time()
    for unit in plan.units(shape):
        ended = advance(plan, unit, prepared, dataset.tasks, None).events[-1]
        assert isinstance(ended, UnitFinished)
        for replica, scores in zip(unit.replicas, ended.scores["error_rate"], strict=True):
            wrong[len(replica.tasks) > 1].append(scores)
    spent = time.process_time() - begun
    for t, task in enumerate(tasks):
        together, alone = (float(np.nanmean([each[t] for each in wrong[one]])) for one in (True, False))
        yield {
            "data": source.title,
            "task": task,
            "convolutions": convolutions,
            "parameters": Hard().count(shape),
            "wrong, together": f"{together:.1%}",
            "wrong, alone": f"{alone:.1%}",
            "processor seconds": round(spent),
        }


if __name__ == "__main__":
    main()
