"""`mtl-lab adapt`: how well learners that were prepared on many tasks take up a new one from a few labels."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mtl_core.cli.overruling import Read, Said, said_of_reading
from mtl_core.registry import InvalidInput, hint

if TYPE_CHECKING:
    from mtl_core.meta.adaptation import Adaptation
    from mtl_core.meta.families import Family


def adapt(
    experiment: Annotated[
        Path | None, typer.Argument(help="Exported comparison as JSON; its settings count, not the flags'.")
    ] = None,
    family: Annotated[str, typer.Option(help="Generated tasks: sinusoids or relatives.")] = "sinusoids",
    data: Annotated[Path | None, typer.Option(help="Path of a table whose groups are the tasks.")] = None,
    read: Read = None,
    group: Annotated[str, typer.Option(help="Column of the table whose values are the tasks, as school.")] = "",
    task: Annotated[str, typer.Option(help="Column of the table with the number to predict.")] = "",
    learners: Annotated[str, typer.Option(help="Who is compared, as maml,ridge; default: all.")] = "",
    against: Annotated[str, typer.Option(help="Whom the others are held against.")] = "scratch",
    labels: Annotated[str, typer.Option(help="Labels of an unseen task, as 5,10,20.")] = "5,10,20",
    adapt_steps: Annotated[int, typer.Option(help="Steps on an unseen task.")] = 10,
    steps: Annotated[int | None, typer.Option(help="Meta-steps of every learner.")] = None,
    folds: Annotated[int | None, typer.Option(help="Replicas; of a table, parts of its groups.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed: other starts, other tasks.")] = None,
    device: Annotated[str | None, typer.Option(help="What computes: auto, cuda, mps or cpu.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Any knob, as maml.inner_rate=0.02.")] = None,
    name: Annotated[str, typer.Option(help="What the run is called in the list.")] = "",
    note: Annotated[str, typer.Option(help="A note kept with the run.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Learn to learn: MAML, Reptile, ANIL and others on unseen tasks, beside what they have to beat."""
    short = {"steps": steps, "folds": folds, "seed": seed, "device": device}
    given = [f"budget.{name}={value}" for name, value in short.items() if value is not None]
    knobs = _knobs([*given, *(settings or [])])
    if experiment is not None:
        asked = _read(experiment)
    else:
        said = said_of_reading(read)
        asked = _comparison(knobs, family, learners, (data, group, task), _counts(labels), adapt_steps, said)
    if against not in [each.name for each in asked.learners]:
        raise InvalidInput(f"--against {against!r} is not among the learners that are compared; name one of them")
    _run(asked, name, note, against, as_json)


def _run(asked: Adaptation, name: str, note: str, against: str, as_json: bool) -> None:
    """Hand in, follow, show: a run as any other, kept in the list of runs."""
    from rich.console import Console

    from mtl_core.api import Lab
    from mtl_core.cli import adapted, watching
    from mtl_core.meta.shown import told

    lab, errors = Lab(), Console(stderr=True, highlight=False)
    run = lab.submit(asked, name or f"New tasks: {asked.family.title}", note)
    lab.ensure_engine()
    try:
        record, history = watching.follow(lab, run, errors), lab.adapting(run)
    finally:
        lab.close()
    if as_json:
        facts = {"run": run, "status": record.status, **told(asked, history.found(), against)}
        sys.stdout.write(json.dumps(facts, allow_nan=False, ensure_ascii=False) + "\n")
    else:
        out = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
        adapted.show(out, history, against)
    for sentence in (*record.diverged, record.message):
        if sentence:
            errors.print(sentence, markup=False, soft_wrap=True)
    raise typer.Exit({"finished": 0, "stopped": 130}.get(record.status, 1))


def _read(path: Path) -> Adaptation:
    """The comparison in a file, bare or within an exported run."""
    import mtl_core.meta  # noqa: F401 - registers every family and learner
    from mtl_core.cli.wishes import read_wish
    from mtl_core.meta.adaptation import Adaptation
    from mtl_core.running.imports import check_table_is_here

    value, title = read_wish(path)
    asked = Adaptation.from_json(value)
    check_table_is_here(asked, title)
    return asked


def _comparison(
    knobs: dict[str, dict[str, Any]],
    family: str,
    names: str,
    table: tuple[Path | None, str, str],
    labels: tuple[int, ...],
    steps: int,
    said: Said | None = None,
) -> Adaptation:
    import mtl_core.meta  # noqa: F401 - registers every family and learner
    from mtl_core.meta.adaptation import Adaptation
    from mtl_core.meta.budget import Budget
    from mtl_core.meta.families import families
    from mtl_core.meta.learners import learners
    from mtl_core.models.base import Trunk

    chosen = [name.strip() for name in names.split(",") if name.strip()] or list(learners)
    known = {"budget", "trunk", "family", *chosen}
    if unknown := sorted(set(knobs) - known):
        raise InvalidInput(f"nothing here is called {unknown[0]!r}{hint(unknown[0], known)}")
    budget = _made(Budget, knobs.get("budget", {}))
    path, group, task = table
    if said and not path:
        raise InvalidInput("how a file is read can only be said of a table; name its file with --data")
    made = _table_family(path, group, task, said) if path else _made(families[family], knobs.get("family", {}))
    trunk = _made(Trunk, {"width": 40} | knobs.get("trunk", {}))
    compared = tuple(_made(learners[name], knobs.get(name, {})) for name in chosen)
    return Adaptation(made, compared, trunk, budget, labels, steps)


def _made(kind: type[Any], settings: dict[str, Any]) -> Any:
    return kind.from_settings(settings)


def _table_family(path: Path, group: str, task: str, said: Said | None) -> Family:
    """The groups of a table on disk, which is copied into the lab's folder, so that the run outlives the file."""
    from mtl_core.data.table import CsvFile, ReadAs, read_file
    from mtl_core.meta.groups import Groups, recipe_of

    if not (group and task):
        raise InvalidInput("a table needs --group (the column whose values are the tasks) and --task (what to predict)")
    frame, reading = read_file(str(path), asked=ReadAs.from_settings(said or {}))
    return Groups(CsvFile(str(path), recipe_of(frame, reading, group, task).to_text()).stored(), task)


def _knobs(settings: Iterable[str]) -> dict[str, dict[str, Any]]:
    """ "part.knob=value" of every setting, as part -> knob -> value."""
    found: dict[str, dict[str, Any]] = {}
    for setting in settings:
        spot, equals, text = setting.partition("=")
        part, dot, knob = spot.strip().partition(".")
        if not (equals and dot and part and knob):
            raise InvalidInput(f"a setting is written part.knob=value, for instance budget.tasks=10; got {setting!r}")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text.strip()
        found.setdefault(part, {})[knob] = value
    return found


def _counts(text: str) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(int(word) for word in text.split(",") if word.strip()))
    except ValueError:
        raise InvalidInput(f"numbers of labels are written as 5,10,20; got {text!r}") from None
