"""From flags to an experiment: every knob of every method can be set by its name, so a new one needs nothing here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import mtl_core.data
import mtl_core.models
import mtl_core.weighting  # noqa: F401 - these imports register every method
from mtl_core.cli.overruling import Said, with_reading
from mtl_core.data.base import sources
from mtl_core.data.read_as import ReadAs
from mtl_core.data.recipe import Recipe
from mtl_core.data.table import CsvFile, Upload, csv_source
from mtl_core.experiment import Experiment, Plan, Training
from mtl_core.models.base import Trunk, sharings
from mtl_core.optimisers import optimisers
from mtl_core.registry import InvalidInput, Method
from mtl_core.running.imports import check_table_is_here
from mtl_core.weighting.base import weightings

FAMILIES = {
    "sharing": sharings,
    "weighting": weightings,
    "optimiser": optimisers,
    "data": sources,
}
SETTINGS: dict[str, type[Method]] = {"trunk": Trunk, "training": Training, "plan": Plan}


def read_experiment(path: Path, has_data: bool = False) -> dict[str, Any]:
    """The JSON of an experiment, or of an exported run that contains one. "-" is standard input.

    has_data: another table will take the place of the experiment's own, which need not be here then.
    """
    value, title = read_wish(path)
    if isinstance(value, dict) and "family" in value:
        raise InvalidInput(f"{path} compares learners on new tasks; run it with: mtl-lab adapt {path}")
    experiment = Experiment.from_json(value)
    if not has_data:
        check_table_is_here(experiment, title)
    return experiment.to_json()


def read_wish(path: Path) -> tuple[Any, str]:
    """What a JSON file asks for, bare or within an exported run, and what the run calls its data."""
    try:
        text = Path("/dev/stdin").read_text("utf-8") if str(path) == "-" else path.read_text("utf-8")
        value = json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the file {str(path)!r} cannot be read ({_reason(error)}); check the path") from None
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{path} is not JSON (line {error.lineno}: {error.msg}); correct it there") from None
    if isinstance(value, dict) and isinstance(value.get("experiment"), dict):
        return value["experiment"], value.get("data", "")
    return value, ""


def experiment_from(
    value: dict[str, Any] | None,
    data: str | None,
    tasks: str | None,
    chosen: Mapping[str, str | None],
    settings: Iterable[str],
    recipe: str = "",
    said: Said | None = None,
) -> Experiment:
    """An experiment from a file's JSON (or none), changed by what was asked for.

    data: name of a bundled or generated set, or path of a table. tasks: names with commas between; all if not given.
    chosen: family -> names of methods with commas between. settings: "part.knob=value". recipe: of the table, as JSON.
    said: how the table is read, as far as a person said so.
    """
    if value is None and data is None:
        raise InvalidInput("nothing to run: give an experiment file, or --data with the name of a data set or a table")
    if said and (data is None or data in sources):
        raise InvalidInput("how a file is read can only be said of a table; name its file with --data")
    value = dict(value or {})
    names = split(tasks) if tasks else []
    if data is not None:
        kept = _same_roles(value, data, said or {}) if not (names or recipe) else None
        names = list(value["tasks"]) if kept else names
        given = CsvFile(str(Path(data).resolve()), recipe).to_json() if recipe else kept
        value["data"] = given or _source(data, names, said or {})
    if family := chosen.get("sharing"):
        value["sharings"] = [{"name": name} for name in split(family)]
    for part in ("weighting", "optimiser"):
        if name := chosen.get(part):
            value[part] = {"name": name}
    for setting in settings:
        _set(value, setting)
    if names or data is not None:
        value["tasks"] = names or [task.name for task in sources.from_json(value["data"]).load().tasks]
    return _kept(Experiment.from_json(value))


def split(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _source(data: str, tasks: list[str], said: Said) -> dict[str, Any]:
    if data in sources:
        return {"name": data}
    if Path(data).is_file():
        asked = ReadAs.from_settings(said) if said else None
        return csv_source(str(Path(data).resolve()), tasks, asked).to_json()
    known = ", ".join(name for name in sources if sources[name].shelf != "table")
    raise InvalidInput(f"there is neither a file nor a data set {data!r}; known data sets: {known}")


def _same_roles(value: dict[str, Any], data: str, said: Said) -> dict[str, Any] | None:
    """The file in the place of an experiment's own table, with the roles of its columns; None where it has none."""
    now = value.get("data")
    if data in sources or not (isinstance(now, dict) and now.get("name") in (Upload.name, CsvFile.name)):
        return None
    recipe = now.get("recipe", "")
    if said and not recipe:
        return None
    recipe = with_reading(Recipe.from_text(recipe), said).to_text() if said else recipe
    return CsvFile(str(Path(data).resolve()), recipe).to_json()


def _kept(experiment: Experiment) -> Experiment:
    """A table on disk is copied into the lab's folder, so that the run outlives the file."""
    if not isinstance(experiment.data, CsvFile):
        return experiment
    return Experiment.from_json({**experiment.to_json(), "data": experiment.data.stored().to_json()})


def _set(value: dict[str, Any], setting: str) -> None:
    """Put "part.knob=value" into an experiment's JSON."""
    spot, equals, text = setting.partition("=")
    part, dot, knob = spot.strip().partition(".")
    if not (equals and dot and part and knob):
        raise InvalidInput(f"a setting is written part.knob=value, for instance training.steps=800; got {setting!r}")
    targets = [target for target in _targets(value, part) if part != "sharing" or knob in _knobs(target)]
    if not targets:
        raise InvalidInput(f"none of the sharing types has a setting {knob!r}; see mtl-lab methods")
    for target in targets:
        target[knob] = _value(text.strip())


def _targets(value: dict[str, Any], part: str) -> list[dict[str, Any]]:
    """The methods in an experiment's JSON that a part's name means; a sharing type also goes by its own name."""
    if part in SETTINGS:
        value[part] = dict(value.get(part, {}))
        return [value[part]]
    shared = [{"name": each} if isinstance(each, str) else dict(each) for each in value.get("sharings", ["hard"])]
    if part == "sharing" or part in sharings:
        value["sharings"] = shared
        found = [each for each in shared if part in ("sharing", each["name"])]
        if not found:
            raise InvalidInput(f"the sharing type {part!r} is not in this run; name it with --sharing")
        return found
    if part not in ("data", "weighting", "optimiser"):
        known = ", ".join(["data", "sharing", "weighting", "optimiser", *SETTINGS])
        raise InvalidInput(f"an experiment has no part {part!r}; known: {known}")
    now: Any = value.get(part, {"weighting": "equal", "optimiser": "adam"}.get(part, {}))
    value[part] = {"name": now} if isinstance(now, str) else dict(now)
    return [value[part]]


def _knobs(target: dict[str, Any]) -> set[str]:
    return {item.name for item in sharings[target["name"]].knobs()}


def _value(text: str) -> Any:
    """Numbers, true, false and lists as in JSON, also a bare list 1,2,0.5; anything else is text."""
    for written in (text, f"[{text}]"):
        try:
            return json.loads(written)
        except json.JSONDecodeError:
            continue
    return text


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or "it is not UTF-8 text")
