"""Knobs that are turned while a run trains. They are part of what was asked for, so that the run can be repeated.

Each kind of run says which of its parts have live knobs; how a turn is checked, kept and put into force is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from mtl_core.registry import InvalidInput, Method


@dataclass(frozen=True)
class Change:
    """A knob turned during the run: from `step` on, `knob` of `part` has `value`.

    part is a name among `Turnable.parts`; knob is one of its live knobs; value as in JSON.
    """

    step: int
    part: str
    knob: str
    value: Any

    def to_json(self) -> dict[str, Any]:
        return {"step": self.step, "part": self.part, "knob": self.knob, "value": self.value}


class Turnable:
    """What is asked for of a run whose knobs can be turned; a frozen dataclass with a field `changes`."""

    changes: tuple[Change, ...]

    @property
    def steps(self) -> int:
        """Steps of every stack, as people count them."""
        raise NotImplementedError

    @property
    def parts(self) -> Mapping[str, Method]:
        """The parts that may have live knobs, by the names that changes use."""
        raise NotImplementedError

    def with_part(self, name: str, part: Method) -> Self:
        """The same with another part in that place."""
        raise NotImplementedError

    def at(self, step: int) -> Self:
        """What is in force at a step: the changes up to and including it applied."""
        now = self
        for change in self.changes:
            if change.step <= step:
                now = now._turned(change)
        return now

    def before_turned(self) -> Self:
        """As it was when it started: knobs that were turned during the run are back in their first place."""
        return replace(self, changes=())  # type: ignore[type-var]

    def in_force(self) -> Self:
        """What stands at the end: every knob that was turned stands where it was turned to, as if from the start."""
        return self.at(self.steps).before_turned()

    def changed(self, change: Change) -> Self:
        """With one more change, checked. Raises `InvalidInput` when that knob cannot be turned during a run."""
        parts = self.parts
        if change.part not in parts:
            raise InvalidInput(f"{change.part!r} cannot change during a run; only {' and '.join(parts)} can")
        live = [item.name for item in parts[change.part].knobs() if item.live]
        if change.knob not in live:
            raise InvalidInput(f"{change.knob!r} cannot change during a run; only {', '.join(live) or 'nothing'} can")
        after = replace(self, changes=(*self.changes, change))  # type: ignore[type-var]
        after.at(change.step)
        return after

    def _turned(self, change: Change) -> Self:
        part = self.parts[change.part]
        turned = type(part).from_settings({**part.settings(), change.knob: change.value})
        return self.with_part(change.part, turned)
