"""docs/methods.md, written from the registries: `python -m benchmarks.methods`.

What it says about a method stands in one place, the method's own docstring and knobs; costs are the measured ones of
benchmarks/results.json.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Iterator
from typing import Any

from benchmarks.document import RESULTS, ROOT
from mtl_core.meta.families import families
from mtl_core.meta.learners import learners
from mtl_core.models.base import sharings
from mtl_core.optimisers import optimisers
from mtl_core.registry import Knob, Method, Registry
from mtl_core.tasks import kinds
from mtl_core.weighting import by_gradient
from mtl_core.weighting.base import weightings
from mtl_core.weighting.laws import LAWS
from pages.ui.cards import card, describe

DOCUMENT = ROOT / "docs" / "methods.md"
HEAD = """# Methods

Every sharing type, loss weighting, optimiser, kind of task and meta-learner of the lab: what it does, its rule, its
settings, what it promises, what it costs, where it comes from and where it departs from there. Written by
`python -m benchmarks.methods` from the code itself; the tests fail when it is out of date.

T is the number of tasks, K the number of those that a network learns and that have a label in the step, L_t the loss of
task t, g_t its gradient on the shared parameters.
"""
LEARNERS = "The page New tasks and `mtl-lab adapt` compare these on tasks that none of them has seen.\n"
WEIGHED, STEP = " / equal weights", ": one step of 20 networks"
Costs = dict[str, str]


def document() -> str:
    """The whole text of docs/methods.md."""
    costs, machine = measured()
    by_loss = [name for name in weightings if not weightings[name].needs_gramian]
    by_gradients = [name for name in weightings if weightings[name].needs_gramian]
    parts = [
        HEAD,
        "## Contents\n",
        *contents(),
        "\n## What methods promise\n\nLaws that a weighting declares are tested on random and on degenerate signals.\n",
        *laws(),
        "\n## How to share\n\n" + cost_note(machine),
        *chapter(sharings, list(sharings), costs),
        "\n## Loss weights from the losses\n\n" + cost_note(machine),
        *chapter(weightings, by_loss, costs),
        "\n## Loss weights from the gradients\n\n" + module_note() + "\n\n" + cost_note(machine),
        *chapter(weightings, by_gradients, costs),
        "\n## Optimisers\n",
        *chapter(optimisers, list(optimisers), costs),
        "\n## Kinds of task\n",
        *chapter(kinds, list(kinds), costs),
        "\n## Learning to learn\n\n" + LEARNERS,
        *chapter(learners, list(learners), costs),
        "\n## Families of tasks to learn from\n",
        *chapter(families, list(families), costs),
    ]
    return "\n".join(parts).rstrip() + "\n"


def contents() -> Iterator[str]:
    """Names and words of every method, a line a family."""
    every: dict[str, Registry[Any]] = {"Sharing types": sharings, "Loss weightings": weightings}
    every |= {"Optimisers": optimisers, "Kinds of task": kinds}
    every |= {"Meta-learners": learners, "Families of tasks": families}
    for title, registry in every.items():
        links = [f"[{registry[name].term or registry[name].title}](#{anchor(name)})" for name in registry]
        yield f"- {title} ({len(registry)}): {', '.join(links)}"


def laws() -> Iterator[str]:
    for name in sorted(LAWS):
        yield f"- *{words(name)}*: {lower_first(inspect.getdoc(LAWS[name]) or '')}"


def chapter(registry: Registry[Any], names: list[str], costs: Costs) -> Iterator[str]:
    for name in names:
        yield from section(registry[name], costs)


def section(method: type[Method], costs: Costs) -> Iterator[str]:
    """One method."""
    entry = card(method)
    yield f'\n### <a id="{anchor(method.name)}"></a>{entry.label}\n'
    yield f"`{method.name}`. {escaped(entry.summary)}\n"
    yield from (escaped(each) + "\n" for each in entry.details)
    if diagram := getattr(method, "diagram", ""):
        yield f"- Shape: {escaped(diagram)}"
    yield from (f"- Setting `{item.name}`: {escaped(setting(item))}" for item in method.knobs())
    if error := getattr(method, "error", ""):
        yield f"- Verdicts are built on: `{error}`"
    if hasattr(method, "laws"):
        yield f"- Laws: {', '.join(words(law) for law in sorted(method.laws)) or 'none declared'}"
    if method.label() in costs:
        yield f"- Cost of a step: {costs[method.label()]}"
    if entry.reference:
        yield f"- Source: {escaped(entry.reference)}"
        yield f"- Departs from its source: {escaped(entry.differs or 'no.')}"


def setting(item: Knob) -> str:
    live = " Can be turned while networks train." if item.live else ""
    return lower_first(describe(item)) + live


def measured() -> tuple[Costs, str]:
    """Cost of a step of each sharing type and weighting by its label, and the machine it was measured on."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    weighed, shared = (_values(results, name) for name in ("weightings", "sharings"))
    costs = {
        name.removesuffix(WEIGHED): f"{value:.2f} times that with equal weights"
        for name, value in weighed.items()
        if name.endswith(WEIGHED)
    }
    plain = shared.get(sharings["hard"].label() + STEP, math.nan)
    for name, value in shared.items():
        times = f"{value / plain:.2f} times that of hard sharing of the same width"
        costs[name.removesuffix(STEP)] = f"{times} ({value:.2f} ms)"
    machine = results.get("sharings", {}).get("machine", {})
    return costs, f"{machine.get('cores')} cores, torch {machine.get('torch')}"


def _values(results: dict[str, Any], name: str) -> dict[str, float]:
    """Figures of one benchmark by what they are of; none if it was not run."""
    return {row["name"]: row["value"] for row in results.get(name, {"rows": []})["rows"]}


def cost_note(machine: str) -> str:
    return (
        f"Costs are of 20 networks of three tasks, width 64, 64 rows a step ({machine}); see "
        "[performance.md](performance.md)."
    )


def module_note() -> str:
    """What holds for every gradient combination, as the module says it."""
    _, _, rest = (by_gradient.__doc__ or "").partition("\n\n")
    return escaped(" ".join(rest.split()))


def words(law: str) -> str:
    return law.replace("_", " ")


def anchor(name: str) -> str:
    return f"method-{name}"


def lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def escaped(text: str) -> str:
    """Signs that Markdown would take for its own."""
    for sign in "\\*_<[":
        text = text.replace(sign, f"\\{sign}")
    return text


def write() -> None:
    DOCUMENT.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    write()
