"""What a data set is, and the registry of places it can come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.inputs import Inputs
from mtl_core.registry import InvalidInput, Method, Registry
from mtl_core.tasks import TaskSpec

PLAIN = Inputs()
ImageShape = tuple[int, int, int]


@dataclass(frozen=True)
class Dataset:
    """A table with several things to predict.

    features: one row an example; numeric columns are float (NaN = missing), datetime64 columns are dates, those named
        in `texts` are free text, all others are categories. inputs: how they become the inputs of a network.
    targets: one float column a task, in the order of `tasks`; class codes for classification, NaN = no label.
    groups: subject of each row, or None; rows of one subject stay on one side of every split.
    queries: the list in which each row is ranked, or None; a query is never cut: where there are no other groups,
        queries are the groups, else every query lies within one group.
    split: name of the way in which rows are dealt to training and test (`cuts.py`). places: what that way goes by, a
        number a row (the moment of a row; the code of its part), or None. parts: names behind these codes.
    image_shape: rows, columns and colours of a picture, whose pixels are the features in this order; None = no picture.
    boxes: of each task that frames a thing, left, top, right and bottom of every row [N, 4]; the task's column of
        `targets` then holds one number that tells of them (an area), NaN = no label.
    row_weights: how much each row counts in losses and in errors [N], 0 or more; None = all alike. Where rows are
        ranked, a query counts as a whole: its rows have one weight.
    notes: sentences about what was found or changed while reading, shown to the person.
    """

    name: str
    title: str
    features: pd.DataFrame
    targets: pd.DataFrame
    tasks: tuple[TaskSpec, ...]
    source: str = ""
    licence: str = ""
    description: str = ""
    groups: NDArray[np.int64] | None = None
    image_shape: ImageShape | None = None
    notes: tuple[str, ...] = field(default=())
    queries: NDArray[np.int64] | None = None
    texts: tuple[str, ...] = ()
    inputs: Inputs = PLAIN
    split: str = "spread"
    places: NDArray[np.float64] | None = None
    parts: tuple[str, ...] = ()
    boxes: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    row_weights: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        names = [task.name for task in self.tasks]
        if list(self.targets.columns) != names:
            raise ValueError(f"targets {list(self.targets.columns)} do not match tasks {names}")
        if len(self.features) != len(self.targets):
            raise ValueError("features and targets differ in rows")

    @property
    def n_rows(self) -> int:
        return len(self.features)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that training sees.

        Numbers count as training's 32-bit floats: the last digits of generated data differ between processors.
        """
        digest = hashlib.sha256()
        for frame in (self.features, self.targets):
            digest.update("\x1f".join(map(str, frame.columns)).encode())
            with np.errstate(over="ignore"):
                seen = frame.astype(dict.fromkeys(frame.select_dtypes("float").columns, "float32"))
            digest.update(pd.util.hash_pandas_object(seen, index=False).to_numpy().tobytes())
        digest.update(repr(self.tasks).encode())
        digest.update(b"" if self.groups is None else self.groups.tobytes())
        for name in ("queries", "texts", "inputs", "split", "places", "parts", "row_weights"):
            value, default = getattr(self, name), getattr(type(self), name, None)
            if value is not None and value is not default and (isinstance(value, np.ndarray) or value != default):
                digest.update(name.encode())
                digest.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
        for name, corners in self.boxes.items():
            digest.update(name.encode() + corners.astype(np.float32).tobytes())
        return digest.hexdigest()[:16]

    def choose(self, names: tuple[str, ...]) -> Dataset:
        """The same rows with only these tasks, in this order."""
        known = {task.name: task for task in self.tasks}
        for name in names:
            if name not in known:
                raise InvalidInput(f"{self.title} has no task {name!r}; it has {', '.join(known)}")
        return replace(self, targets=self.targets[list(names)], tasks=tuple(known[name] for name in names))


@dataclass(frozen=True)
class Source(Method):
    """A place that data comes from. `load` is deterministic; its knobs say everything it depends on."""

    shelf: ClassVar[str] = "real"
    """Where a page shows it: "real" (ships with the lab), "generated" (has dials), or "table" (a person's own)."""
    draws: ClassVar[bool] = False
    """Every seed can give new data from the same world (generators): see `draw`."""
    image_shape: ClassVar[ImageShape | None] = None
    """Of its data sets, known without loading one: networks can look at a picture with convolutions."""

    def load(self) -> Dataset:
        """The data set. Raises `InvalidInput` with one plain sentence when it cannot be had."""
        raise NotImplementedError

    def draw(self, seed: int) -> Dataset:
        """Fresh data for one seed; only where `draws` is true."""
        raise NotImplementedError


sources: Registry[Source] = Registry("data source")
