"""Every method by family, read from the registries."""

from __future__ import annotations

from typing import Any

from rich.console import Console

import mtl_core.data
import mtl_core.meta
import mtl_core.models
import mtl_core.weighting  # noqa: F401 - these imports register every method
from mtl_core.cli.tables import table
from mtl_core.cli.wishes import SETTINGS
from mtl_core.data.base import sources
from mtl_core.meta.families import families
from mtl_core.meta.learners import learners
from mtl_core.metrics import metrics
from mtl_core.models.base import sharings
from mtl_core.optimisers import optimisers
from mtl_core.registry import Knob, Method, Registry
from mtl_core.tasks import kinds
from mtl_core.weighting.base import weightings

REGISTRIES: tuple[Registry[Any], ...] = (sources, sharings, weightings, optimisers, kinds, metrics, learners, families)


def as_json() -> dict[str, Any]:
    """family -> its methods; "setting" holds the parts of an experiment that have no alternatives."""
    families = {each.family: [method_json(each[name]) for name in each] for each in REGISTRIES}
    return {**families, "setting": [{**method_json(part), "name": name} for name, part in SETTINGS.items()]}


def method_json(method: type[Method]) -> dict[str, Any]:
    return {
        "name": method.name,
        "label": method.label(),
        "summary": method.summary(),
        "reference": method.reference(),
        "knobs": [knob_json(each) for each in method.knobs()],
    }


def knob_json(item: Knob) -> dict[str, Any]:
    default = list(item.default) if isinstance(item.default, tuple) else item.default
    facts = {"name": item.name, "label": item.label, "help": item.help, "type": item.type.__name__, "default": default}
    facts |= {"low": item.low, "high": item.high, "choices": list(item.choices) if item.choices else None}
    return facts | {"live": item.live, "per_task": item.per_task}


def show(console: Console) -> None:
    """A table for each family."""
    for family, methods in as_json().items():
        rows = [(each["name"], each["label"], each["summary"], _knobs(each)) for each in methods]
        title = f"{family[:1].upper()}{family[1:]}s"
        console.print(table(title, ("Name", "In words", "What it is", "Knobs"), rows))


def _knobs(method: dict[str, Any]) -> str:
    return "\n".join(f"{each['name']} = {each['default']}" for each in method["knobs"])
