"""The finished comparisons of learners that ship with the lab; what they were trained on stands in each."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pandas as pd

from mtl_core.data.bundled import FOLDER
from mtl_core.meta.result import Duel
from mtl_core.meta.shown import Shown

PLACE = FOLDER / "adaptation"
TITLES = {
    "1-relatives": ("Relatives", "Regressions whose signals are mixtures of the same two hidden features."),
    "2-half": ("Half related", "Half of each signal is shared, half is the task's own."),
    "3-strangers": ("Strangers", "Regressions whose signals have nothing in common but their form."),
    "4-waves": ("Sine waves", "Every task is a sine wave of its own height and shift: the classic of meta-learning."),
    "5-schools": ("Schools", "160 schools: achievement in mathematics from minority, sex and social status."),
}
"""What a person reads first, by the file's name."""


@cache
def examples() -> tuple[Shown, ...]:
    """Every comparison that is there, in the order of TITLES."""
    paths = [(name, PLACE / f"{name}.json") for name in TITLES]
    return tuple(_shown(name, json.loads(path.read_text(encoding="utf-8"))) for name, path in paths if path.is_file())


def _shown(name: str, facts: dict[str, Any]) -> Shown:
    title, about = TITLES[name]
    duels = tuple(Duel(**{key: value for key, value in each.items() if key != "verdict"}) for each in facts["duels"])
    return Shown(
        title,
        about,
        {each["name"]: each["label"] for each in facts["learners"]},
        pd.DataFrame(facts["curves"]),
        pd.DataFrame(facts["judged"]),
        duels,
        facts["command"],
        facts["budget"]["folds"],
    )
