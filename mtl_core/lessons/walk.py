"""A lesson without a run: walks over the map of two losses, measured beforehand by `python -m benchmarks.toys surface`.

A lesson of this kind is two files in the folder `walks`: its words, `<key>.toml`, and its maps, `<key>.json`.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from mtl_core.lessons.base import LessonWords, Position, Teacher

FOLDER = Path(str(resources.files(__package__))) / "walks"
NEAR = 0.6
"""Who is within this distance has reached the front: the losses' mild tilt moves it up to 0.45 from the line."""


@dataclass(frozen=True)
class Choice:
    """One possible prediction: so many walkers reach the front."""

    text: str
    arrive: int


@dataclass(frozen=True)
class Map:
    """The losses' sum over the plane and the walks on it.

    axis [G]: places along x and along y. heights [G][G]: the sum of the losses, a row for each y. front: ends of the
    Pareto front, ((x, y), (x, y)). walks: name of a weighting -> for each start its places ((x, y), ...).
    """

    title: str
    axis: tuple[float, ...]
    heights: tuple[tuple[float, ...], ...]
    front: tuple[tuple[float, float], tuple[float, float]]
    walks: dict[str, tuple[tuple[tuple[float, float], ...], ...]]

    def arrived(self, weighting: str) -> int:
        """How many walkers of this weighting end on the front."""
        (west, y), (east, _) = self.front
        ends = [walk[-1] for walk in self.walks[weighting]]
        return sum(((min(max(a, west), east) - a) ** 2 + (b - y) ** 2) ** 0.5 < NEAR for a, b in ends)


@dataclass(frozen=True, kw_only=True)
class Walk(LessonWords):
    """A lesson that is seen on maps. `positions` is empty: there is nothing to train."""

    choices: tuple[Choice, ...]
    maps: tuple[Map, ...]
    positions: tuple[Position, ...] = ()


@cache
def walks() -> tuple[Walk, ...]:
    """All lessons of this kind."""
    return tuple(_walk(path.stem) for path in sorted(FOLDER.glob("*.toml")))


def _walk(key: str) -> Walk:
    file = tomllib.loads((FOLDER / f"{key}.toml").read_text("utf-8"))
    maps = json.loads((FOLDER / f"{key}.json").read_text("utf-8"))
    predict = file.pop("predict")
    most = len(predict["choices"]) - 1
    file["teacher"] = Teacher(**{**file["teacher"], "prompts": tuple(file["teacher"]["prompts"])})
    choices = tuple(Choice(words, most - i) for i, words in enumerate(predict["choices"]))
    return Walk(
        key=key,
        question=predict["question"],
        choices=choices,
        maps=tuple(_map(each) for each in maps),
        **{**file, "source": tuple(file["source"])},
    )


def _map(value: dict[str, Any]) -> Map:
    return Map(
        title=value["title"],
        axis=tuple(value["axis"]),
        heights=tuple(map(tuple, value["heights"])),
        front=(tuple(value["front"][0]), tuple(value["front"][1])),
        walks={name: tuple(tuple(map(tuple, walk)) for walk in found) for name, found in value["walks"].items()},
    )
