"""One task's verdict: the numbers, and the same in one sentence."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from mtl_core.evaluation.words import (
    NO_DIFFERENCE,
    NOT_ENOUGH,
    SHOWN,
    change,
    metric_word,
    plural,
    sentence,
    span,
)

LEAST_FOLDS = 5
"""Below, there is no verdict at all."""
SIGNIFICANCE = 0.05
FULL_FOLDS, FULL_NETWORKS = 10, 30
"""A verdict takes 10 folds and, with the initialisations, 30 networks; anything less is a provisional quick look."""


@dataclass(frozen=True)
class TaskVerdict:
    """Does learning together help one task, for one sharing type against one baseline? None = not known.

    alone, together: the task's error (lower is better), averaged over the initialisations inside each fold and then
        over the folds; a geometric mean where the gain is relative, so that gain = 100 * (alone - together) / alone.
    gain, low, high: with its 95 % interval, positive = sharing helps; percent of the error where `relative`, else a
        difference in the metric's own unit, and `reason` says why. smallest: the smallest effect that this run could
        have told from 0 (half the interval), in the same unit.
    p, p_holm: of the paired difference; p_holm is corrected for the `compared` tasks judged at once.
    folds, inits: what the numbers rest on so far. excluded: pairs left out because one of the two has no test error.
    provisional: the run is not finished, or it is a quick look. new_data: every fold is new data.
    twin: key of the arm that learned alone.
    """

    sharing: str
    baseline: str
    task: str
    metric: str
    alone: float | None
    together: float | None
    gain: float | None
    low: float | None
    high: float | None
    relative: bool
    p: float | None
    p_holm: float | None
    verdict: str
    folds: int
    inits: int
    provisional: bool
    smallest: float | None = None
    excluded: int = 0
    compared: int = 1
    new_data: bool = False
    twin: str = ""
    reason: str = ""

    @property
    def measured(self) -> str:
        """The gain in words: "error 14 % lower, 9 to 19"; a difference is one of the metric it is measured in."""
        if self.gain is None:
            return "nothing measured yet"
        text = f"{'error' if self.relative else metric_word(self.metric)} {change(self.gain, self.relative)}"
        if self.low is None or self.high is None:
            return text
        if {change(end, self.relative) for end in (self.low, self.gain, self.high)} == {"the same"}:
            return text
        return f"{text}, {span(self.low, self.high, self.relative)}"

    @property
    def finding(self) -> str:
        """Verdict and numbers, to follow the word "sharing": "helps body mass (error 14 % lower, 9 to 19)"."""
        if self.verdict == NOT_ENOUGH:
            shortage = f"{plural(self.folds, 'fold')}, at least {LEAST_FOLDS} are needed"
            return f"cannot be judged for {self.task}: {SHOWN[NOT_ENOUGH]} ({shortage})"
        verb = f"makes {NO_DIFFERENCE} to" if self.verdict == NO_DIFFERENCE else self.verdict
        return f"{verb} {self.task} ({self.measured})"

    def sentence(self) -> str:
        """The verdict in one plain sentence."""
        doubt = "provisionally, " if self.provisional and self.verdict != NOT_ENOUGH else ""
        return sentence(f"{doubt}sharing {self.finding}")

    def to_json(self) -> dict[str, Any]:
        """All fields and the sentence."""
        return {**dataclasses.asdict(self), "sentence": self.sentence()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TaskVerdict:
        return cls(**{field.name: value[field.name] for field in dataclasses.fields(cls)})
