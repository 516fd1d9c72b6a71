"""How often a verdict is right: false alarms without an effect, and power with one, through the product's own code.

    python -m benchmarks.verdict_check [--null 100] [--power 12] [--workers 2] [--write]

Null: single-task networks against single-task networks of the same data, folds and budget from other initialisations.
Power: hard sharing against single-task networks of equal width, over relatedness x rows x folds x initialisations.
Every trial is a new world of the relatedness generator. `--write` puts the tables into docs/verdicts.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.synthetic import Relatedness
from mtl_core.evaluation.history import History
from mtl_core.evaluation.judge import Setting, judge
from mtl_core.evaluation.report import machine
from mtl_core.experiment import Experiment, Plan, Training, shape_for
from mtl_core.lazy import torch
from mtl_core.models.base import Trunk
from mtl_core.models.hard import Independent
from mtl_core.tasks import TaskSpec
from mtl_core.training.engine import advance, prepared_for

DOCS = Path(__file__).parent.parent / "docs" / "verdicts.md"
BEGIN, END = "<!-- verdict_check: begin -->\n", "<!-- verdict_check: end -->\n"

DESIGNS = ((10, 3), (10, 1), (5, 1))
RUNS = ((10, 3), (5, 1))
RELATEDNESS = (1.0, 0.5, 0.0)
ROWS = (150, 300, 600)
WIDTH, STEPS, TASKS = 12, 400, 4

Row = dict[str, object]
Doubles = NDArray[np.float64]


def experiment(world: int, relatedness: float, rows: int, plan: Plan) -> Experiment:
    source = Relatedness(tasks=TASKS, rows=rows, relatedness=relatedness, seed=world)
    names = tuple(f"task {t + 1}" for t in range(TASKS))
    return Experiment(source, names, trunk=Trunk(width=WIDTH), training=Training(steps=STEPS), plan=plan)


def trained(plan: Experiment) -> History:
    dataset = plan.data.load()
    history = History(plan, dataset.tasks, shape_for(plan, dataset))
    prepared = prepared_for(plan, dataset)
    for unit in history.units:
        history.add(advance(plan, unit, prepared, dataset.tasks, None).events)
    return history


def null_trial(world: int) -> list[Row]:
    """Verdicts of one world without an effect, for every design, with the corrected and with the ordinary t.

    The networks of the sharing type *independent* are single-task networks (a property the tests hold it to).
    """
    rows: list[Row] = []
    for folds, inits in RUNS:
        plan = Plan(folds=folds, inits=2 * inits, seed=world, equal_width=False, equal_parameters=False)
        errors = trained(replace(experiment(world, 0.5, 300, plan), sharings=(Independent(),))).test_errors(
            "independent"
        )
        for ordinary in (False, True):
            found = judged(errors[:, :inits], errors[:, inits:], world, ordinary)
            rows += [row | {"ordinary": ordinary} for row in found]
    return rows


def power_trial(world: int, relatedness: float, n_rows: int) -> list[Row]:
    """Verdicts of one world on hard sharing, for every design."""
    rows: list[Row] = []
    for folds, inits in RUNS:
        plan = Plan(folds=folds, inits=inits, seed=world, equal_parameters=False)
        history = trained(experiment(world, relatedness, n_rows, plan))
        found = judged(history.test_errors(f"alone:{WIDTH}"), history.test_errors("hard"), world)
        rows += [row | {"relatedness": relatedness, "rows": n_rows} for row in found]
    return rows


def judged(alone: Doubles, together: Doubles, world: int, ordinary: bool = False) -> list[Row]:
    """Verdicts on the designs that are part of this run: a run of 10 x 3 contains one of 10 x 1, number for number."""
    tasks = tuple(TaskSpec(f"task {t + 1}", "regression") for t in range(TASKS))
    setting = Setting("hard", "equal_width", "alone", tasks, (1.0,) * TASKS, new_data=ordinary)
    folds, most, _ = alone.shape
    return [
        {"world": world, "design": f"{folds} x {inits}", "task": each.task, "verdict": each.verdict}
        | {"gain": each.gain, "smallest": each.smallest}
        for of_folds, inits in DESIGNS
        if of_folds == folds and inits <= most
        for each in judge(alone[:, :inits], together[:, :inits], setting)
    ]


def null_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Of 100 verdicts (and of 100 data sets), how many were "no clear difference" (in every task)."""
    rows = rows.assign(quiet=rows["verdict"] == "no clear difference")
    lines = []
    for folds, inits in DESIGNS:
        own = rows[rows["design"] == f"{folds} x {inits}"]
        line: Row = {"folds x initialisations": f"{folds} x {inits}", "verdicts": int((~own["ordinary"]).sum())}
        for word, part in [("corrected t", own[~own["ordinary"]]), ("ordinary t", own[own["ordinary"]])]:
            line[f"quiet verdicts, {word}"] = f"{100 * part['quiet'].mean():.1f} %"
            line[f"quiet data sets, {word}"] = f"{100 * part.groupby('world')['quiet'].all().mean():.0f} %"
        lines.append(line)
    return pd.DataFrame(lines)


def power_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Per relatedness and rows: the median gain at 10 x 3, and how often each design said helps / hurts."""
    lines = []
    for (relatedness, n_rows), cell in rows.groupby(["relatedness", "rows"], sort=False):
        full = cell[cell["design"] == "10 x 3"]
        line: Row = {"relatedness": relatedness, "rows": n_rows}
        line["median gain"] = f"{full['gain'].median():.0f} %"
        for folds, inits in DESIGNS:
            said = cell.loc[cell["design"] == f"{folds} x {inits}", "verdict"]
            line[f"helps / hurts, {folds} x {inits}"] = " / ".join(
                f"{100 * (said == word).mean():.0f} %" for word in ("helps", "hurts")
            )
        line["smallest effect seen, 10 x 3"] = f"{full['smallest'].median():.0f} %"
        lines.append(line)
    return pd.DataFrame(lines)


def curve_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Power against the size of the effect: tasks of all cells, binned by the size of their gain at 10 x 3."""
    key = ["world", "relatedness", "rows", "task"]
    size = rows[rows["design"] == "10 x 3"].set_index(key)["gain"].abs()
    rows = rows.join(size.rename("size"), on=key)
    bins = pd.cut(rows["size"], [0, 5, 10, 15, 20, 30, np.inf], right=False)
    rows = rows.assign(found=rows["verdict"] != "no clear difference", bin=bins)
    found = rows.pivot_table("found", "bin", "design", aggfunc="mean", observed=True)
    counts = dict(rows[rows["design"] == "10 x 3"].groupby("bin", observed=True).size().items())
    lines = []
    for interval, shares in found.iterrows():
        assert isinstance(interval, pd.Interval)
        upper = "and more" if np.isinf(interval.right) else f"to {interval.right:.0f} %"
        line: Row = {"size of the effect": f"{interval.left:.0f} {upper}", "tasks": counts[interval]}
        line |= {f"found, {f} x {i}": f"{100 * shares[f'{f} x {i}']:.0f} %" for f, i in DESIGNS}
        lines.append(line)
    return pd.DataFrame(lines)


def markdown(table: pd.DataFrame) -> str:
    lines = [table.columns, ["---"] * len(table.columns), *table.astype(str).to_numpy()]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _quiet_worker() -> None:
    os.nice(10)
    torch.set_num_threads(1)


def mapped(function: Callable[..., list[Row]], workers: int, *arguments: Iterable[object]) -> pd.DataFrame:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_quiet_worker) as pool:
        return pd.DataFrame([row for rows in pool.map(function, *arguments) for row in rows])


def run(null: int, power: int, workers: int) -> str:
    """All tables as Markdown, with the command and the machine."""
    begun = time.perf_counter()
    quiet = mapped(null_trial, workers, range(null))
    cells = [(world, s, n) for s in RELATEDNESS for n in ROWS for world in range(power)]
    powers = mapped(power_trial, workers, *zip(*cells, strict=True))
    facts = machine()
    versions = ", ".join(f"{name} {facts[name]}" for name in ("mtl_lab", "python", "torch", "numpy"))
    command = f"python -m benchmarks.verdict_check --null {null} --power {power} --workers {workers} --write"
    return "\n\n".join(
        [
            f"`{command}` took {time.perf_counter() - begun:.0f} s on {facts['cores']} cores "
            f"({facts['system']}, {facts['processor']}; {versions}).",
            f"**Null check**: {null} data sets of {TASKS} tasks without an effect.",
            markdown(null_table(quiet)),
            f"**Power**: {power} data sets of {TASKS} tasks in each line, width {WIDTH}, {STEPS} full-batch steps.",
            markdown(power_table(powers)),
            "**Power against the size of the effect**, over all lines above; the size is the gain measured at 10 x 3.",
            markdown(curve_table(powers)),
        ]
    )


def write(text: str) -> None:
    """Put the text between its marks in docs/verdicts.md."""
    before, rest = DOCS.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    DOCS.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--null", type=int, default=100, help="data sets without an effect")
    parser.add_argument("--power", type=int, default=12, help="data sets in each line of the power table")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/verdicts.md")
    chosen = parser.parse_args()
    text = run(chosen.null, chosen.power, chosen.workers)
    print(text)
    if chosen.write:
        write(text)


if __name__ == "__main__":
    main()
