"""A comparison of learners as it is shown, whether it shipped with the lab, ran here, or still runs."""

from __future__ import annotations

import dataclasses
import math
import shlex
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mtl_core.meta.adaptation import BASELINE, Adaptation
from mtl_core.meta.history import MetaHistory
from mtl_core.meta.result import Duel, Found, curves, duels, judged
from mtl_core.registry import Method

FROM_FILE = "mtl-lab adapt experiment.json"
"""Where the flags cannot say it all."""


@dataclass(frozen=True)
class Shown:
    """One comparison. curves: learner, shots, step, error, low, high; judged: learner, shots, steps, error, low, high.

    learners: name -> plain words with the field's term. command: how to make it again. against: name of the learner
    that the duels are fought with. tasks: how many unseen tasks of each replica were asked for; 0 = not known.
    meta_step: where the learners stood when they were measured before their end; None = they were ready.
    """

    title: str
    about: str
    learners: dict[str, str]
    curves: pd.DataFrame
    judged: pd.DataFrame
    duels: tuple[Duel, ...]
    command: str
    folds: int
    against: str = BASELINE
    tasks: int = 0
    meta_step: int | None = None

    @property
    def shots(self) -> tuple[int, ...]:
        return tuple(sorted({int(each) for each in self.judged["shots"]}))

    @property
    def is_provisional(self) -> bool:
        return self.meta_step is not None

    def duel(self, learner: str, shots: int) -> Duel | None:
        return next((each for each in self.duels if (each.learner, each.shots) == (learner, shots)), None)


def shown_of(history: MetaHistory, title: str, about: str) -> Shown:
    """The state of a run: the answer, or what the last look says."""
    asked, found = history.experiment, history.found()
    ratio = asked.family.test_to_train(asked.budget.folds)
    return Shown(
        title,
        about,
        {each.name: each.label() for each in asked.learners},
        curves(found, ratio),
        judged(found, ratio),
        duels(found, asked.against, ratio),
        command_of(asked),
        asked.budget.folds,
        asked.against,
        history.tasks,
        None if history.is_final else history.looked or 0,
    )


def told(asked: Adaptation, found: Found, against: str = "") -> dict[str, Any]:
    """What was asked for, the curves, every learner's error at its own number of steps, and who beats whom there."""
    against = against or asked.against
    ratio = asked.family.test_to_train(asked.budget.folds)
    fought = [{**dataclasses.asdict(each), "verdict": each.verdict} for each in duels(found, against, ratio)]
    facts = {
        "family": asked.family.to_json(),
        "learners": [{"label": each.label(), **each.to_json()} for each in asked.learners],
        "budget": asked.budget.settings(),
        "trunk": asked.trunk.settings(),
        "changes": [each.to_json() for each in asked.changes],
        "curves": _records(curves(found, ratio)),
        "judged": _records(judged(found, ratio)),
    }
    return facts | {"duels": [{key: _plain(value) for key, value in each.items()} for each in fought]}


def command_of(asked: Adaptation) -> str:
    """The words on a command line that make this comparison again; of a table, with a name in the place of its file.

    Knobs that were turned on the way have no flags: such a run is made again from its exported file.
    """
    if asked.changes:
        return FROM_FILE
    words = ["mtl-lab", "adapt"]
    if asked.data is None:
        words += ["--family", asked.family.name]
    else:
        words += ["--data", "table.csv", "--group", "column", "--task", str(getattr(asked.family, "task", ""))]
    words += ["--learners", ",".join(each.name for each in asked.learners)]
    words += ["--labels", ",".join(map(str, asked.shots)), "--adapt-steps", str(asked.adapt_steps)]
    parts: list[tuple[str, Method]] = [("family", asked.family), ("budget", asked.budget), ("trunk", asked.trunk)]
    parts += [(each.name, each) for each in asked.learners]
    usual = Adaptation(asked.family, asked.learners)
    for part, method in parts:
        first: Any = {"budget": usual.budget, "trunk": usual.trunk}.get(part, method)
        for item in method.knobs():
            value = getattr(method, item.name)
            if value != (getattr(first, item.name) if first is not method else item.default):
                words += ["--set", f"{part}.{item.name}={value}"]
    return shlex.join(words)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): _plain(value) for key, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    """JSON has no infinity: an interval without an end ends in null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
