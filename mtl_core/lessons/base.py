"""What a lesson is, and how its file is read.

A lesson is one TOML file in this folder; its name (without `.toml`) is the lesson's key and its address on the
Learn page. It holds the words, a preset experiment, and a dial: one thing to turn, with a few positions, each a
small change of the preset. A new lesson is a new file; nothing else has to know of it.

All effects are *gains* in percent of the error alone: above 0 learning together has the smaller error.
"""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from mtl_core.experiment import Experiment
from mtl_core.registry import InvalidInput


@dataclass(frozen=True)
class Choice:
    """One possible prediction: the gain will lie between `low` and `high` percent (None = open end)."""

    text: str
    low: float | None = None
    high: float | None = None

    def holds(self, gain: float) -> bool:
        return (self.low is None or gain >= self.low) and (self.high is None or gain < self.high)


@dataclass(frozen=True)
class Position:
    """One position of the dial: the whole experiment, the gain it was measured to show, and what to notice."""

    label: str
    experiment: Experiment
    expected: tuple[float, float]
    seen: str


@dataclass(frozen=True)
class Teacher:
    """What a teacher needs beside the lesson: its goal, the belief it corrects, questions for the class."""

    goal: str
    misconception: str
    prompts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LessonWords:
    """What every lesson says: a setting, a question asked beforehand, and what to make of the answer.

    source: where the idea comes from.
    """

    key: str
    title: str
    hook: str
    minutes: int
    setting: str
    question: str
    explain: str
    answer: str
    why: str
    source: tuple[str, ...]
    teacher: Teacher


@dataclass(frozen=True, kw_only=True)
class Lesson(LessonWords):
    """A lesson with a preset that is run once the question has been answered.

    measured: names of the tasks whose mean gain answers the question. start: the dial's first position, the one
    the question is about.
    """

    order: int
    choices: tuple[Choice, ...]
    dial: str
    start: int
    positions: tuple[Position, ...]
    measured: tuple[str, ...]

    def choice_of(self, gain: float) -> int:
        """Number of the prediction that a measured gain bears out."""
        return next(i for i, choice in enumerate(self.choices) if choice.holds(gain))


@cache
def lessons() -> tuple[Lesson, ...]:
    """All lessons, in teaching order."""
    files = [each for each in resources.files(__package__).iterdir() if each.name.endswith(".toml")]
    read = [read_lesson(each.name.removesuffix(".toml"), each.read_text(encoding="utf-8")) for each in files]
    return tuple(sorted(read, key=lambda each: (each.order, each.key)))


def lesson(key: str) -> Lesson:
    """The lesson of that name. Raises `InvalidInput` when there is none."""
    for each in lessons():
        if each.key == key:
            return each
    raise InvalidInput(f"there is no lesson {key!r}; choose one from the list")


def read_lesson(key: str, text: str) -> Lesson:
    """A lesson from its file. Raises `InvalidInput` that names the file and what is wrong in it."""
    where = f"lesson {key}.toml"
    try:
        return _lesson(key, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{where} is not TOML: {error}") from error
    except KeyError as error:
        raise InvalidInput(f"{where} lacks {error.args[0]!r}; add it") from error
    except (TypeError, AttributeError) as error:
        raise InvalidInput(f"{where} cannot be read: {error}") from error
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error}") from error


def _lesson(key: str, file: dict[str, Any]) -> Lesson:
    predict, dial, reading = file["predict"], file["dial"], file["reading"]
    choices = tuple(Choice(**each) for each in predict["choices"])
    positions = tuple(_position(file["experiment"], each) for each in dial["positions"])
    _check(choices, positions, dial["start"])
    return Lesson(
        key=key,
        **{name: file[name] for name in ("order", "title", "hook", "minutes", "setting")},
        question=predict["question"],
        choices=choices,
        dial=dial["label"],
        start=dial["start"],
        positions=positions,
        measured=tuple(predict.get("measured", positions[dial["start"]].experiment.tasks)),
        **{name: reading[name] for name in ("why", "explain", "answer")},
        source=tuple(reading["source"]),
        teacher=Teacher(**{**file["teacher"], "prompts": tuple(file["teacher"]["prompts"])}),
    )


def _position(preset: Mapping[str, Any], table: Mapping[str, Any]) -> Position:
    low, high = table["expected"]
    experiment = Experiment.from_json(_changed(preset, table.get("change", {})))
    return Position(table["label"], experiment, (float(low), float(high)), table["seen"])


def _changed(preset: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The preset with some values replaced; a key is a path such as `data.relatedness`."""
    changed: dict[str, Any] = json.loads(json.dumps(preset))
    for path, value in change.items():
        *parts, last = path.split(".")
        table = changed
        for part in parts:
            table = table.setdefault(part, {})
        table[last] = value
    return changed


def _check(choices: tuple[Choice, ...], positions: tuple[Position, ...], start: int) -> None:
    """Every gain bears out exactly one prediction; the dial starts on one of its positions."""
    ordered = sorted(choices, key=lambda each: float("-inf") if each.low is None else each.low)
    ends = [(each.low, each.high) for each in ordered]
    joined = all(a[1] is not None and a[1] == b[0] for a, b in itertools.pairwise(ends))
    if len(ends) < 2 or not joined or ends[0][0] is not None or ends[-1][1] is not None:
        raise InvalidInput("the choices must cover every gain once, from below (no low) to above (no high)")
    if not 0 <= start < len(positions):
        raise InvalidInput(f"the dial starts at position {start}; it has {len(positions)}, counted from 0")
    for each in positions:
        if each.expected[0] >= each.expected[1]:
            raise InvalidInput(f"position {each.label!r} expects an empty range; write the lower end first")
