"""What leaves the lab: one tidy table, one JSON object, and the difference of two experiments in plain words."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

import mtl_core
from mtl_core.changes import Change
from mtl_core.evaluation.compare import Comparison
from mtl_core.evaluation.history import History
from mtl_core.evaluation.words import listing
from mtl_core.experiment import Experiment
from mtl_core.registry import Method

_PACKAGES = ("torch", "numpy", "pandas", "scikit-learn", "scipy")
_COLUMNS = (
    *("sharing", "baseline", "task", "verdict", "alone", "together", "gain", "low", "high", "relative"),
    *("metric", "p", "p_holm", "smallest", "folds", "inits", "provisional"),
)
_FORMULA = r"^([=+\-@\t\r])"
_PRICES = ("parameters", "networks", "seconds", "predict_seconds")


def history_csv(history: History) -> str:
    """The tidy history: one known number a row (see `History.frame`)."""
    return frame_csv(history.frame())


def frame_csv(frame: pd.DataFrame) -> str:
    """A table as a file that no spreadsheet program runs."""
    return harmless(frame).to_csv(index=False, lineterminator="\n")


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before every name or text that a spreadsheet program would run as a formula."""
    texts = [str(name) for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    told = {name: frame[name].astype("str").str.replace(_FORMULA, r"'\1", regex=True) for name in texts}
    return frame.assign(**{name: cells.where(frame[name].notna()) for name, cells in told.items()})


def run_json(experiment: Experiment, comparison: Comparison, **facts: Any) -> dict[str, Any]:
    """A whole run: what was asked, what came out, and on what it was computed.

    facts: anything JSON that the store knows about the run (name, status, fingerprint of the data).
    """
    return {**facts, "experiment": experiment.to_json(), "comparison": comparison.to_json(), "machine": machine()}


def machine() -> dict[str, Any]:
    """Versions and hardware that numbers may depend on; nothing that names the person or the computer."""
    return {
        "mtl_lab": mtl_core.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def verdict_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Rows of the verdict table: one for each sharing type, baseline and task, with the price of both sides."""
    prices = {cost.arm: cost for cost in comparison.costs}
    rows = []
    for verdict in comparison.verdicts:
        row = {name: getattr(verdict, name) for name in _COLUMNS}
        for side, arm in (("together", verdict.sharing), ("alone", verdict.twin)):
            row |= {f"{name}_{side}": getattr(prices[arm], name) for name in _PRICES}
        rows.append(row)
    return rows


@dataclass(frozen=True)
class Difference:
    """One setting that two experiments do not share, with both values as text ("" = does not have it)."""

    setting: str
    a: str
    b: str


def differences(a: Experiment, b: Experiment) -> list[Difference]:
    """Settings in which two experiments differ, in the order of the form."""
    left, right = settings_in_words(a), settings_in_words(b)
    return [
        Difference(name, left.get(name, ""), right.get(name, ""))
        for name in dict.fromkeys([*left, *right])
        if left.get(name) != right.get(name)
    ]


def data_apart(a: Experiment, b: Experiment) -> str:
    """In what data that are known to differ do so, in words: "relatedness: 0.2 against 0.9"."""
    apart = {each.setting: f"{each.a} against {each.b}" for each in differences(a, b)}
    if "Data" in apart:
        return apart["Data"]
    dials = [name for name in apart if name.startswith("Data: ")]
    return listing([f"{name.removeprefix('Data: ').lower()}: {apart[name]}" for name in dials]) or "the rows themselves"


def sharing_titles(experiment: Experiment) -> dict[str, str]:
    """Plain words for each sharing type of the race, by its key; numbered where a type runs twice."""
    found = {}
    for key, sharing in zip(experiment.sharing_keys(), experiment.sharings, strict=True):
        place = key.removeprefix(sharing.name).removeprefix("-")
        found[key] = f"{sharing.title} {place}".strip()
    return found


def run_name(experiment: Experiment, data_title: str) -> str:
    """What a run is called until somebody renames it: its data and how it shares."""
    return f"{data_title}: {listing(list(sharing_titles(experiment).values()))}"


def settings_in_words(experiment: Experiment) -> dict[str, str]:
    """Every setting of an experiment: its name in plain words -> its value as text."""
    words = _described("Data", experiment.data) | {"Tasks": ", ".join(experiment.tasks)}
    titles = sharing_titles(experiment)
    words["How to share"] = ", ".join(each.label() for each in experiment.sharings)
    for key, sharing in zip(experiment.sharing_keys(), experiment.sharings, strict=True):
        words |= _knobs(titles[key], sharing)
    words |= _described("Loss weights", experiment.weighting)
    words |= _knobs("Network", experiment.trunk)
    words |= _described("Optimiser", experiment.optimiser)
    words |= _knobs("Training", experiment.training) | _knobs("Plan", experiment.plan)
    return words | _changes(experiment.changes)


def _described(part: str, method: Method) -> dict[str, str]:
    return {part: method.label(), **_knobs(part, method)}


def _knobs(part: str, method: Method) -> dict[str, str]:
    return {f"{part}: {item.label}": _text(getattr(method, item.name)) for item in method.knobs()}


def _changes(changes: Sequence[Change]) -> dict[str, str]:
    lines = [f"step {each.step:,}: {each.part} {each.knob.replace('_', ' ')} = {_text(each.value)}" for each in changes]
    return {"Changed during the run": "; ".join(lines)} if lines else {}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "default"
    return f"{value:,}" if isinstance(value, int) else str(value)
