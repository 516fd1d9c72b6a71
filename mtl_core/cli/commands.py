"""Commands of `mtl-lab`. Each is thin: read flags, call the lab, show the result.

Heavy imports stand inside the commands, so that help comes at once. Results go to standard output, everything
else to standard error. Exit codes: 0 done, 1 the run failed, 2 bad input (one sentence), 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtl_core.cli.adapting import adapt
from mtl_core.cli.overruling import Read, said_of_reading
from mtl_core.cli.probe import probe
from mtl_core.registry import InvalidInput

if TYPE_CHECKING:
    from rich.console import Console

    from mtl_core.experiment import Experiment

app = typer.Typer(
    help="Does learning these tasks together help or hurt each of them?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
SHORT = {
    "folds": "plan.folds",
    "inits": "plan.inits",
    "seed": "plan.seed",
    "steps": "training.steps",
    "batch_size": "training.batch_size",
    "width": "trunk.width",
    "depth": "trunk.depth",
    "learning_rate": "optimiser.learning_rate",
    "device": "training.device",
}


@app.command()
def run(
    experiment: Annotated[Path | None, typer.Argument(help="Experiment as JSON; flags change it.")] = None,
    data: Annotated[str | None, typer.Option(help="Name of a data set, or path of a table.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="Saved recipe for the table of --data.")] = None,
    read: Read = None,
    tasks: Annotated[str | None, typer.Option(help="Tasks (columns of a table), as a,b; default: all.")] = None,
    sharing: Annotated[str | None, typer.Option(help="Sharing types that race, as hard,soft.")] = None,
    weighting: Annotated[str | None, typer.Option(help="Who decides the loss weights.")] = None,
    optimiser: Annotated[str | None, typer.Option(help="How parameters move.")] = None,
    folds: Annotated[int | None, typer.Option(help="Parts the rows are cut into.")] = None,
    inits: Annotated[int | None, typer.Option(help="Fresh starts inside each fold.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of every network.")] = None,
    width: Annotated[int | None, typer.Option(help="Units in each hidden layer.")] = None,
    depth: Annotated[int | None, typer.Option(help="Hidden layers.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Size of a step.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows in one step; 0 = all.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed: other folds, other starts.")] = None,
    device: Annotated[str | None, typer.Option(help="What computes: auto, cuda, mps or cpu.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Any knob, as weighting.temperature=3.")] = None,
    name: Annotated[str, typer.Option(help="What the run is called in the list.")] = "",
    note: Annotated[str, typer.Option(help="A note kept with the run.")] = "",
    as_json: Json = False,
) -> None:
    """Train alone and together, then say what helps: a progress bar, then the verdict."""
    from mtl_core.cli.inspect import recipe_for
    from mtl_core.cli.reading import reading_told
    from mtl_core.cli.wishes import experiment_from, read_experiment

    given = locals()
    short = [f"{spot}={given[flag]}" for flag, spot in SHORT.items() if given[flag] is not None]
    chosen = {"sharing": sharing, "weighting": weighting, "optimiser": optimiser}
    value = None if experiment is None else read_experiment(experiment, has_data=data is not None)
    knobs = [*short, *(settings or [])]
    said = said_of_reading(read)
    with reading_told(_err()):
        wish = experiment_from(value, data, tasks, chosen, knobs, recipe_for(recipe, data, _err(), said), said)
    _run(wish, name, note, as_json)


@app.command("list")
def list_runs(
    text: Annotated[str, typer.Option(help="Part of the name, note or data.")] = "",
    status: Annotated[str, typer.Option(help="queued, running, paused, finished, stopped or failed.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many, newest first.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """Runs of this store, newest first."""
    from mtl_core.api import Lab
    from mtl_core.cli import tables

    records = Lab().records(text=text, status=status, limit=limit)
    if as_json:
        _print_json({"runs": [tables.run_json(record) for record in records]})
    elif records:
        tables.show_runs(_out(), records)
    else:
        _out().print("no runs yet; start one with: mtl-lab run --data penguins")


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(help="Two or more runs on the same data: id, its beginning, or name.")],
    as_json: Json = False,
) -> None:
    """Verdicts of runs side by side, and in which settings they differ."""
    from mtl_core.api import Lab
    from mtl_core.cli import tables, watching

    lab = Lab()
    records = [lab.run(watching.find(lab, word).id) for word in runs]
    tables.check_comparable(records)
    comparisons = [lab.comparison(record.id) for record in records]
    if as_json:
        told = [tables.result_json(*pair) for pair in zip(records, comparisons, strict=True)]
        _print_json({"runs": told, "differences": tables.differences_json(records)})
        return
    for record, comparison in zip(records, comparisons, strict=True):
        tables.show_run(_out(), record, comparison)
    tables.show_differences(_out(), records)


@app.command()
def export(
    run: Annotated[str, typer.Argument(help="Id of the run, its beginning, its name, or last.")],
    csv: Annotated[bool, typer.Option("--csv", help="The tidy history, one number a row.")] = False,
    as_json: Annotated[bool, typer.Option("--json-file", "--json", help="Experiment and verdict.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; default: the screen.")] = None,
) -> None:
    """A run as a file: --csv or --json-file."""
    from mtl_core.api import Lab
    from mtl_core.cli.watching import find

    if csv == as_json:
        raise InvalidInput("say what to export: either --csv or --json-file")
    lab = Lab()
    record = find(lab, run)
    text = lab.export_csv(record.id) if csv else lab.export_json(record.id) + "\n"
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written ({error.strerror}); choose another file") from error


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A table: CSV, Excel or Parquet, also compressed.")],
    recipe: Annotated[Path | None, typer.Option(help="Saved recipe to hold against the table.")] = None,
    read: Read = None,
    save: Annotated[Path | None, typer.Option("--save-recipe", help="File to save the recipe in.")] = None,
    fix: Annotated[list[str] | None, typer.Option(help="Take every fix of this code, as sentinel; repeatable.")] = None,
    as_json: Json = False,
) -> None:
    """What the lab sees in a table: how it is read, roles of its columns, what would spoil a comparison."""
    from mtl_core.cli import inspect as inspecting
    from mtl_core.cli.reading import reading_told

    with reading_told(_err()):
        facts = inspecting.told(file, recipe, save, fix or (), said_of_reading(read))
    if as_json:
        _print_json(facts)
    else:
        inspecting.show(_out(), facts)


@app.command()
def methods(as_json: Json = False) -> None:
    """Every sharing type, weighting, optimiser, task kind and data set, with its knobs."""
    from mtl_core.cli import catalogue

    if as_json:
        _print_json(catalogue.as_json())
    else:
        catalogue.show(_out())


app.command()(adapt)
app.command()(probe)


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="Default: 8501 or the next free one.", min=1, max=65535)] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """The dashboard with its engine, until Ctrl-C."""
    from mtl_core.cli.serve import serve as run_server

    raise typer.Exit(run_server(port, browser))


def main() -> None:
    """Bad input is one sentence and exit code 2, never a traceback."""
    try:
        code = app(standalone_mode=False)
    except InvalidInput as problem:
        code = _refuse(str(problem))
    except typer.TyperException as problem:
        code = _refuse(problem.format_message().replace("\n", " ") or "see mtl-lab --help")
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _run(wish: Experiment, name: str, note: str, as_json: bool) -> None:
    """Hand in, follow, show. The engine is started for the time of the run unless one serves the store."""
    from mtl_core.api import Lab
    from mtl_core.cli import tables, watching
    from mtl_core.data.folds import faults
    from mtl_core.evaluation.report import run_name

    lab = Lab()
    data, plan = lab.dataset(wish.data), wish.plan
    for fault in () if plan.new_data else faults(data.choose(wish.tasks), plan.folds, plan.seed):
        _err().print(fault.what, markup=False, highlight=False, soft_wrap=True)
    run = lab.submit(wish, name or run_name(wish, data.title), note)
    lab.ensure_engine()
    try:
        watching.follow(lab, run, _err())
        record, comparison = lab.run(run), lab.comparison(run)
    finally:
        lab.close()
    if as_json:
        _print_json(tables.result_json(record, comparison))
    else:
        tables.show_run(_out(), record, comparison)
    if record.message:
        _err().print(record.message, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit({"finished": 0, "stopped": 130}.get(record.status, 1))


def _refuse(sentence: str) -> int:
    from mtl_core.cli.refusals import in_words

    sys.stderr.write(f"{in_words(sentence)}\n")
    return 2


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, allow_nan=False, ensure_ascii=False) + "\n")


def _out() -> Console:
    from rich.console import Console

    # a file or a pipe has no width of its own
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def _err() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False)
