"""One task of a table: its name, its kind, its classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mtl_core.registry import InvalidInput
from mtl_core.tasks.base import TaskKind, kinds


@dataclass(frozen=True)
class TaskSpec:
    """One thing to predict. `classes` are the names behind the codes 0, 1, ... of a target, lowest first on a scale."""

    name: str
    kind: str
    classes: tuple[str, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        needs = kinds[self.kind].needs_classes
        if needs and len(self.classes) < 2:
            raise InvalidInput(f"task {self.name!r} has fewer than 2 classes; a {self.kind} task needs them")
        if self.kind == "binary" and len(self.classes) != 2:
            raise InvalidInput(f"task {self.name!r} has {len(self.classes)} classes; a binary task has 2")

    @property
    def method(self) -> TaskKind:
        return kinds[self.kind]()

    @property
    def n_outputs(self) -> int:
        return self.method.n_outputs(len(self.classes))

    @property
    def error(self) -> str:
        """Name of the metric that this task's verdict is built on."""
        return self.method.error

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "kind": self.kind, "classes": list(self.classes), "unit": self.unit}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TaskSpec:
        return cls(value["name"], value["kind"], tuple(value.get("classes", ())), value.get("unit", ""))
