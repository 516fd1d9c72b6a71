"""Runs side by side: who competes, with what look, and the numbers of each. Pure: results in, frames out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtl_core.evaluation.report import settings_in_words, sharing_titles
from mtl_core.meta.adaptation import Adaptation
from mtl_core.metrics import metrics
from pages.ui import colours, forms, text
from pages.ui.charts import Curve, Panel
from pages.ui.charts_results import Cost, Gain
from pages.ui.verdict_view import in_a_sentence

if TYPE_CHECKING:
    from mtl_core.evaluation.compare import Comparison
    from mtl_core.evaluation.history import History
    from mtl_core.store.records import Record, RunRecord

MOST = 6
"""Runs side by side at most: more colours cannot be told apart."""

RUN_COLOURS = ("#AA4499", "#44AA99", "#999933", "#CC6677", "#6699CC", "#B8860B")
"""Apart from the tasks' colours, since here a line's colour names its run and the panel names the task.
Source: Tol, "Colour schemes", SRON 2021 (muted), the darkest left out so that all can be seen on dark pages."""


@dataclass(frozen=True)
class Shelved:
    """A chosen run with its results; the letter and the colour are its own on the whole page."""

    letter: str
    colour: str
    run: RunRecord
    history: History
    comparison: Comparison


@dataclass(frozen=True)
class Contender:
    """One way of learning together in one chosen run; a run whose sharing types race gives several."""

    shelved: Shelved
    arm: str
    label: str
    mark: str

    @property
    def key(self) -> str:
        return f"{self.shelved.letter}.{self.arm}"


def run_title(record: Record) -> str:
    """The run's name, else how it learns and when it was made."""
    if record.name:
        return str(record.name)
    if isinstance(record.experiment, Adaptation):
        return f"New tasks, {record.data_title}, {record.created.astimezone():%d %b %H:%M}"
    how = " | ".join(each.title for each in record.experiment.sharings)
    return f"{how}, {record.experiment.weighting.title.lower()}, {record.created.astimezone():%d %b %H:%M}"


def data_words(record: Record) -> str:
    """The data's title, with the dials that were turned where it was generated."""
    asked = record.experiment
    made_up = asked.family if isinstance(asked, Adaptation) else asked.data
    dials = forms.differences(made_up) if getattr(made_up, "shelf", "generated") == "generated" else []
    return ", ".join([record.data_title, *dials])


def same_data(records: Iterable[RunRecord]) -> dict[str, list[RunRecord]]:
    """Runs that have something to show, by the data they learned from; the data with the newest run first."""
    groups: dict[str, list[RunRecord]] = {}
    for record in records:
        if record.step > 0:
            groups.setdefault(record.data_fingerprint, []).append(record)
    return groups


def shelve(results: Sequence[tuple[RunRecord, History, Comparison]]) -> tuple[Shelved, ...]:
    """The chosen runs, lettered A, B, ... in the order given."""
    return tuple(Shelved(ascii_uppercase[i], RUN_COLOURS[i], *result) for i, result in enumerate(results[:MOST]))


def contenders(shelved: Sequence[Shelved]) -> tuple[Contender, ...]:
    """Every way of learning together, run by run."""
    found = []
    for each in shelved:
        titles = sharing_titles(each.run.experiment)
        for place, (arm, title) in enumerate(titles.items()):
            label = f"{each.letter} {title}" if len(titles) > 1 else f"{each.letter} {run_title(each.run)}"
            found.append(Contender(each, arm, label, colours.ARM_MARKERS[place % len(colours.ARM_MARKERS)]))
    return tuple(found)


def task_names(shelved: Sequence[Shelved], every: Sequence[str]) -> tuple[str, ...]:
    """Tasks of any chosen run, in the order of `every`, all tasks of the data."""
    learned = {task.name for each in shelved for task in each.run.tasks}
    return tuple(name for name in every if name in learned)


def shared_tasks(shelved: Sequence[Shelved]) -> tuple[str, ...]:
    """Tasks that every chosen run learns, in the order of the first."""
    learned = [{task.name for task in each.run.tasks} for each in shelved]
    return tuple(task.name for task in shelved[0].run.tasks if all(task.name in names for names in learned))


# --- curves ---------------------------------------------------------------------------------------------------
def panels(shelved: Sequence[Shelved], quantity: str, every: tuple[str, ...], with_alone: bool) -> list[Panel]:
    """A panel a task, in it a line a contender; `every` are all tasks of the data, which fix the panels' colours."""
    names = task_names(shelved, every)
    looks = colours.task_looks(names, every)
    return [
        Panel(name, look, tuple(_curves(contenders(shelved), name, quantity, with_alone)))
        for name, look in zip(names, looks, strict=True)
    ]


def _curves(found: Sequence[Contender], task: str, quantity: str, with_alone: bool) -> list[Curve]:
    curves = {}
    for each in found:
        place = _place(each.shelved, task)
        if place is None:
            continue
        history, colour = each.shelved.history, each.shelved.colour
        label = text.cut(each.label, 30)
        frame = history.summary(each.arm, place, quantity)
        curves[each.key] = Curve(each.key, label, frame, True, mark=each.mark, colour=colour)
        twin = _twin(each)
        if with_alone and twin:
            key = f"{each.shelved.letter}.{twin}"
            frame = history.summary(twin, place, quantity)
            dash = colours.ALONE_DASHES["equal_width"]
            curves[key] = Curve(key, f"{each.shelved.letter} alone", frame, False, dash=dash, colour=colour)
    return list(curves.values())


def _twin(contender: Contender) -> str | None:
    """Key of the twins alone that the contender is first compared with; None where the run has none."""
    history = contender.shelved.history
    kinds = history.experiment.baselines()
    return history.experiment.baseline(contender.arm, kinds[0], history.shape) if kinds else None


def _place(shelved: Shelved, task: str) -> int | None:
    names = [each.name for each in shelved.run.tasks]
    return names.index(task) if task in names else None


# --- answers --------------------------------------------------------------------------------------------------
def gains(shelved: Sequence[Shelved], task: str) -> dict[str, list[Gain]]:
    """Dots of one task, a row a contender, by the unit they are measured in: "%" or the metric's own."""
    labels = {(each.shelved.letter, each.arm): each.label for each in contenders(shelved)}
    found: dict[str, list[Gain]] = {}
    for each in shelved:
        for verdict in each.comparison.verdicts:
            if verdict.task != task or verdict.gain is None:
                continue
            low, high = (np.nan if end is None else end for end in (verdict.low, verdict.high))
            row = labels[each.letter, verdict.sharing]
            dot = Gain(row, verdict.gain, low, high, verdict.verdict, verdict.baseline)
            found.setdefault("%" if verdict.relative else metrics[verdict.metric].term, []).append(dot)
    return found


def answers(shelved: Sequence[Shelved]) -> list[tuple[Contender, str]]:
    """The answer of every contender in a sentence, against its first kind of baseline."""
    said = []
    for each in contenders(shelved):
        kinds = each.shelved.history.experiment.baselines()
        sentence = in_a_sentence(each.shelved.comparison, each.arm, kinds[0]) if kinds else ""
        said.append((each, sentence or "Nothing to compare with: this run has no twins alone."))
    return said


# --- costs ----------------------------------------------------------------------------------------------------
def cost_table(shelved: Sequence[Shelved]) -> pd.DataFrame:
    """A row a way of learning (together, and the twins alone): its price and its test error on the shared tasks."""
    tasks = shared_tasks(shelved)
    labels = {each.key: each.label for each in contenders(shelved)}
    rows = []
    for each in shelved:
        for cost in each.comparison.costs:
            errors = [_error(each, cost.arm, task) for task in tasks]
            row = {
                "who": labels.get(f"{each.letter}.{cost.arm}", f"{each.letter} {cost.title}"),
                "short": each.letter if cost.together else "",
                "together": cost.together,
                "colour": each.colour,
                "parameters": cost.parameters,
                "networks": cost.networks,
                "seconds": cost.seconds,
                "microseconds": np.nan if cost.predict_seconds is None else 1e6 * cost.predict_seconds,
                "error": float(np.mean(errors)) if errors else np.nan,
            }
            rows.append(row | dict(zip((f"error: {task}" for task in tasks), errors, strict=True)))
    return pd.DataFrame(rows)


def cost_dots(table: pd.DataFrame) -> list[Cost]:
    """Dots of the cost chart, filled and lettered together, open alone."""
    known = table[np.isfinite(table["error"])] if len(table) else table
    marks = {True: "circle", False: "circle-open"}
    return [
        Cost(row["short"], int(row["parameters"]), row["error"], row["colour"], marks[bool(row["together"])])
        for _, row in known.iterrows()
    ]


def _error(shelved: Shelved, arm: str, task: str) -> float:
    """Mean test error over the networks that know it; NaN where none does."""
    place = _place(shelved, task)
    values = shelved.history.test_errors(arm)[:, :, place]
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else np.nan


# --- settings -------------------------------------------------------------------------------------------------
def differing_settings(shelved: Sequence[Shelved]) -> pd.DataFrame:
    """Settings in which the chosen runs differ: a row a setting, a column a run ("" = does not have it)."""
    said = {each.letter: settings_in_words(each.run.experiment) for each in shelved}
    names = dict.fromkeys(name for words in said.values() for name in words)
    rows = [
        {"setting": name} | {letter: words.get(name, "") for letter, words in said.items()}
        for name in names
        if len({words.get(name) for words in said.values()}) > 1
    ]
    return pd.DataFrame(rows, columns=["setting", *said])
