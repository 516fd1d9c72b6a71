"""`mtl-lab probe`: share or not? Half a minute of training on a table, with the doubt that is left."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtl_core.cli.overruling import Read, said_of_reading

if TYPE_CHECKING:
    from rich.console import Console

    from mtl_core.api import Lab
    from mtl_core.experiment import Experiment
    from mtl_core.probing import Probed


def probe(
    data: Annotated[str, typer.Option(help="Name of a data set, or path of a table.")],
    tasks: Annotated[str | None, typer.Option(help="Tasks (columns of a table), as a,b; default: all.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="Saved recipe for the table of --data.")] = None,
    read: Read = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Share or not? Hard sharing and cross-stitch against tuned networks alone, 5 folds x 3 starts."""
    from rich.console import Console

    from mtl_core import probing
    from mtl_core.api import Lab
    from mtl_core.cli import tables
    from mtl_core.cli.inspect import recipe_for
    from mtl_core.cli.wishes import experiment_from

    err = Console(stderr=True, highlight=False)
    said = said_of_reading(read)
    wish = experiment_from(None, data, tasks, {}, [], recipe_for(recipe, data, err, said), said)
    lab = Lab()
    lab.ensure_engine()
    try:
        candidates, _ = probing.plan(lab, wish.data, wish.tasks)
        found = _follow(lab, candidates, err)
        record = lab.run(found.study or "")
        comparison = lab.comparison(record.id)
    finally:
        lab.close()
    if as_json:
        told = {"chosen": probing.chosen(record.experiment), **tables.result_json(record, comparison)}
        sys.stdout.write(json.dumps(told, allow_nan=False, ensure_ascii=False) + "\n")
    else:
        out = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
        tables.show_run(out, record, comparison)
        out.print(probing.settings_words(record.experiment), markup=False, soft_wrap=True)
    raise typer.Exit({"finished": 0, "stopped": 130}.get(record.status, 1))


def _follow(lab: Lab, candidates: tuple[Experiment, ...], console: Console) -> Probed:
    from rich.progress import BarColumn, Progress, TextColumn

    from mtl_core import probing
    from mtl_core.cli.watching import LOOK_SECONDS

    with Progress(TextColumn("{task.description}"), BarColumn(), console=console, transient=True) as progress:
        shown = progress.add_task("tuning networks alone", total=1.0)
        found = probing.look(lab, candidates, afresh=True)
        while not found.has_ended:
            stage = "tuning networks alone" if found.settings is None else "sharing against networks alone"
            progress.update(shown, description=stage, completed=found.done)
            time.sleep(LOOK_SECONDS)
            found = probing.look(lab, candidates)
    return found
