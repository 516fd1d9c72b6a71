"""Several learners on one family: prepare each, then judge all on the same unseen tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mtl_core.meta.engine import Budget, Preparation, advance, errors
from mtl_core.meta.families import Family
from mtl_core.meta.learners import Learner
from mtl_core.meta.result import Found, course
from mtl_core.models.base import Trunk
from mtl_core.registry import InvalidInput

SLICE_STEPS = 50


@dataclass(frozen=True)
class Comparison:
    """What is compared. shots: numbers of labels of an unseen task; steps: most steps on it."""

    family: Family
    learners: tuple[Learner, ...]
    trunk: Trunk = field(default_factory=lambda: Trunk(width=40))
    budget: Budget = field(default_factory=Budget)
    shots: tuple[int, ...] = (5, 10, 20)
    steps: int = 10

    def __post_init__(self) -> None:
        names = [each.name for each in self.learners]
        if not names or len(set(names)) != len(names):
            raise InvalidInput(
                f"every learner is compared once, and there must be one; got {', '.join(names) or 'none'}"
            )
        if not self.shots or min(self.shots) < 1 or max(self.shots) > 200:
            raise InvalidInput(f"an unseen task gives from 1 to 200 labels; got {', '.join(map(str, self.shots))}")
        if not 1 <= self.steps <= 1000:
            raise InvalidInput(f"an unseen task is learned in 1 to 1,000 steps; got {self.steps}")


def compare(comparison: Comparison, report: Callable[[str, int], None] = lambda name, step: None) -> Found:
    """Prepare every learner and measure it on unseen tasks; `report` hears its name and meta-step now and then."""
    found: Found = {}
    for unit, learner in enumerate(comparison.learners):
        preparation = Preparation.begin(learner, comparison.family, comparison.trunk, comparison.budget)
        while not preparation.done:
            advance(preparation, unit, max_steps=SLICE_STEPS)
            report(learner.name, preparation.step)
        for shots in comparison.shots:
            both = [errors(preparation, shots, comparison.steps, unseen) for unseen in (True, False)]
            found[learner.name, shots] = course(*both)
    return found
