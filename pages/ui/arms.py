"""How the ways of learning in one run are drawn and named on every chart. Pure: a history in, panels out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from mtl_core.changes import Change
from mtl_core.evaluation.report import sharing_titles
from mtl_core.experiment import Arm, Experiment
from mtl_core.meta.learners import Learner
from pages.ui import colours, text
from pages.ui.charts import Curve, Mark, Panel

if TYPE_CHECKING:
    from mtl_core.evaluation.history import History
    from mtl_core.store.records import Wish


def served(history: History, arm: Arm) -> list[tuple[str, str]]:
    """What a twin alone is compared with: (sharing key, kind of baseline), one arm may serve several."""
    experiment, shape = history.experiment, history.shape
    pairs = [(key, kind) for key in experiment.sharing_keys() for kind in experiment.baselines()]
    return [(key, kind) for key, kind in pairs if experiment.baseline(key, kind, shape) == arm.key]


def arm_label(history: History, arm: Arm) -> str:
    """The sharing type's title, or what a twin alone stands for: "alone, same width"."""
    titles = sharing_titles(history.experiment)
    if arm.together:
        return titles[arm.key]
    pairs = served(history, arm)
    kinds = sorted({kind for _, kind in pairs}, reverse=True)
    if len(kinds) != 1:
        return "alone"
    if kinds == ["equal_parameters"] and len(titles) > 1:
        return f"alone, size of {text.listing([titles[key] for key, _ in pairs])}"
    if len(pairs) < len(titles):
        return f"alone, width of {text.listing([titles[key] for key, _ in pairs])}"
    return text.BASELINES[kinds[0]]


def arm_dash(history: History, arm: Arm) -> str:
    if arm.together:
        return "solid"
    kinds = {kind for _, kind in served(history, arm)}
    return colours.ALONE_DASHES["equal_parameters" if kinds == {"equal_parameters"} else "equal_width"]


def arm_mark(history: History, arm: Arm) -> str:
    """Sharing types that race in one run have marks on their lines; the first, and twins alone, none."""
    together = [each.key for each in history.arms if each.together]
    return colours.ARM_MARKERS[together.index(arm.key) % len(colours.ARM_MARKERS)] if arm.together else ""


def panels(history: History, quantity: str, every: tuple[str, ...]) -> list[Panel]:
    """One panel a task with the curve of every arm. every: all tasks of the data set, which fix the colours."""
    names = tuple(task.name for task in history.tasks)
    looks = colours.task_looks(names, every)
    return [
        Panel(name, look, tuple(_curve(history, arm, t, quantity) for arm in history.arms))
        for t, (name, look) in enumerate(zip(names, looks, strict=True))
    ]


def _curve(history: History, arm: Arm, task: int, quantity: str) -> Curve:
    return Curve(
        key=arm.key,
        label=arm_label(history, arm),
        frame=history.summary(arm.key, task, quantity),
        together=arm.together,
        dash=arm_dash(history, arm),
        mark=arm_mark(history, arm),
    )


def with_turns(weights: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """`History.weights` with a point of its own where a person turned a weight, between two points of the curves."""
    live = {item.name for item in experiment.weighting.knobs() if item.per_task}
    turns = {change.step for change in experiment.changes if change.part == "weighting" and change.knob in live}
    known = set(weights["step"])
    later = {turn: min((step for step in known if step > turn), default=None) for turn in turns - known}
    added = [weights[weights["step"] == after].assign(step=turn) for turn, after in later.items() if after is not None]
    found: pd.DataFrame = pd.concat([weights, *added]).sort_values("step", kind="stable", ignore_index=True)
    return found


def marks(asked: Wish) -> list[Mark]:
    """Every knob that was turned during the run, in words."""
    found = []
    for i, change in enumerate(asked.changes):
        before = getattr(_after(asked, i).parts[change.part], change.knob)
        found.append(Mark(change.step, _turned(asked, change, before)))
    return found


def _after(asked: Wish, count: int) -> Wish:
    """As it stood after its first `count` changes."""
    return replace(asked, changes=asked.changes[:count]).at(asked.steps)


def _turned(asked: Wish, change: Change, before: Any) -> str:
    part = asked.parts[change.part]
    item = next(each for each in part.knobs() if each.name == change.knob)
    if isinstance(part, Learner):
        return f"{item.label.lower()} of {part.term} {text.number(before)} → {text.number(change.value)}"
    if not item.per_task or not isinstance(asked, Experiment):
        return f"{item.label.lower()} {text.number(before)} → {text.number(change.value)}"
    ones = [1.0] * len(asked.tasks)
    turned = [
        f"{item.label.lower()} of {name} {text.number(a)} → {text.number(b)}"
        for name, a, b in zip(asked.tasks, before or ones, change.value or ones, strict=True)
        if a != b
    ]
    return ", ".join(turned) or f"{item.label.lower()} unchanged"
