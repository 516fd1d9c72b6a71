"""What is to be compared, whole and immutable: learners on one family of tasks. A kind of run, as an experiment is.

It goes to JSON and back without loss. Each learner is one stack of replicas. A stack's way is a row of *moves*: a
meta-step, or a piece of a look at new tasks. Each is short, so that a run can be cut between any two of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from mtl_core.changes import Change, Turnable
from mtl_core.data.base import Source
from mtl_core.meta.budget import Budget
from mtl_core.meta.families import Family, families
from mtl_core.meta.groups import Groups
from mtl_core.meta.learners import Learner, learners
from mtl_core.models.base import Trunk
from mtl_core.registry import InvalidInput, Method, hint

BLOCK = 256
"""Networks that are adapted at once; more leave the cache."""
FEWEST_LOOKS, MOST_LOOKS, LOOK_DISTANCE = 4, 10, 100
"""Provisional looks at new tasks while learners are prepared, the first after the first meta-step: at a distance of so
many meta-steps at least, unless the run is so short that there would be too few."""
LOOK_TASKS, LOOK_ROWS = 10, 20
"""Unseen tasks of a provisional look, and rows of each that are asked about, at most: a look costs about as much as ten
meta-steps. The answer rests on all of them, at the end."""
BASELINE = "scratch"
"""Whom the others are held against, where it is among them."""


@dataclass(frozen=True)
class Piece:
    """A part of a look: unseen tasks (or tasks as for training) from `first` to before `last`, with so many labels."""

    shots: int
    unseen: bool
    first: int
    last: int


@dataclass(frozen=True)
class LearnerUnit:
    """One learner's stack of replicas: the piece of work that a worker advances by slices."""

    index: int
    learner: Learner

    @property
    def called(self) -> str:
        """Its name in sentences."""
        return self.learner.term or self.learner.title


@dataclass(frozen=True)
class Adaptation(Turnable):
    """Everything that decides the numbers.

    shots: numbers of labels of an unseen task. adapt_steps: most steps on it. changes: knobs of the budget or of a
    learner that were turned at a meta-step: that step and all later ones feel them, and every look that follows them.
    """

    kind: ClassVar[str] = "adaptation"

    family: Family
    learners: tuple[Learner, ...]
    trunk: Trunk = field(default_factory=lambda: Trunk(width=40))
    budget: Budget = field(default_factory=Budget)
    shots: tuple[int, ...] = (5, 10, 20)
    adapt_steps: int = 10
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        names = [each.name for each in self.learners]
        if not names or len(set(names)) != len(names):
            raise InvalidInput(
                f"every learner is compared once, and there must be one; got {', '.join(names) or 'none'}"
            )
        if not self.shots or min(self.shots) < 1 or max(self.shots) > 200:
            raise InvalidInput(f"an unseen task gives from 1 to 200 labels; got {', '.join(map(str, self.shots))}")
        if len(set(self.shots)) != len(self.shots):
            raise InvalidInput(f"every number of labels counts once; got {', '.join(map(str, self.shots))}")
        if not 1 <= self.adapt_steps <= 1000:
            raise InvalidInput(f"an unseen task is learned in 1 to 1,000 steps; got {self.adapt_steps}")
        if self.trunk.convolutions:
            raise InvalidInput("learners on new tasks look at tables, not at pictures; set convolutions to 0")

    # --- JSON -------------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        return {
            "family": self.family.to_json(),
            "learners": [each.to_json() for each in self.learners],
            "trunk": self.trunk.settings(),
            "budget": self.budget.settings(),
            "shots": list(self.shots),
            "adapt_steps": self.adapt_steps,
            "changes": [each.to_json() for each in self.changes],
        }

    @classmethod
    def from_json(cls, value: Any) -> Adaptation:
        """Raises `InvalidInput` with one sentence when the JSON is no comparison of learners."""
        if not isinstance(value, Mapping) or "family" not in value or "learners" not in value:
            raise InvalidInput('a comparison of learners is a JSON object with at least "family" and "learners"')
        known = {"family", "learners", "trunk", "budget", "shots", "adapt_steps", "changes"}
        if unknown := sorted(set(value) - known):
            raise InvalidInput(f"a comparison of learners has no {unknown[0]!r}{hint(unknown[0], known)}")
        try:
            return cls._built(value)
        except InvalidInput:
            raise
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise InvalidInput(
                f"this is no comparison of learners: one of its parts has the wrong form ({error})"
            ) from error

    @classmethod
    def _built(cls, value: Mapping[str, Any]) -> Adaptation:
        return cls(
            family=family_from(value["family"]),
            learners=tuple(learners.from_json(each) for each in value["learners"]),
            trunk=Trunk.from_settings({"width": 40} | dict(value.get("trunk", {}))),
            budget=Budget.from_settings(dict(value.get("budget", {}))),
            shots=tuple(map(int, value.get("shots", (5, 10, 20)))),
            adapt_steps=int(value.get("adapt_steps", 10)),
        )._with_changes(value.get("changes", ()))

    def _with_changes(self, values: Any) -> Adaptation:
        now = self
        for each in values:
            now = now.changed(Change(**each))
        return now

    # --- what a run of any kind has -------------------------------------------------------------------------
    @property
    def data(self) -> Source | None:
        """The table whose groups are the tasks; None where tasks are drawn from a formula."""
        return self.family.source

    @property
    def units(self) -> tuple[LearnerUnit, ...]:
        return tuple(LearnerUnit(i, each) for i, each in enumerate(self.learners))

    @property
    def steps(self) -> int:
        """Meta-steps of every learner that is prepared."""
        return self.budget.steps

    @property
    def parts(self) -> dict[str, Method]:
        return {"budget": self.budget, **{each.name: each for each in self.learners}}

    def with_part(self, name: str, part: Method) -> Adaptation:
        if isinstance(part, Learner):
            return replace(self, learners=tuple(part if each.name == name else each for each in self.learners))
        changed: dict[str, Any] = {name: part}
        return replace(self, **changed)

    # --- moves ----------------------------------------------------------------------------------------------
    @property
    def moves(self) -> int:
        """Moves of a learner that is prepared: its meta-steps, and the pieces of its looks."""
        return self.budget.steps + len(self.looks) * self._look_moves + len(tuple(self.pieces(self.budget.unseen)))

    def meta_steps(self, moves: int) -> int:
        """Meta-steps that a learner has made after so many moves."""
        made = moves
        for look in self.looks:
            if made <= look:
                break
            made = max(made - self._look_moves, look)
        return min(made, self.budget.steps)

    def next_point(self, moves: int) -> int:
        """Moves up to the next point of the curves, with the look that belongs to it; to the end after the last."""
        made, every = self.meta_steps(moves), self.budget.evaluate_every
        if made >= self.budget.steps:
            return self.moves
        point = min((made // every + 1) * every, self.budget.steps)
        return point + self._look_moves * sum(look <= point for look in self.looks)

    @property
    def _look_moves(self) -> int:
        """Pieces of a provisional look."""
        return len(tuple(self.pieces(self.look_tasks)))

    # --- looks at new tasks ---------------------------------------------------------------------------------
    @property
    def looks(self) -> tuple[int, ...]:
        """Meta-steps after which a learner is looked at provisionally; the last look, at the end, is the answer."""
        count = min(max(self.budget.steps // LOOK_DISTANCE, FEWEST_LOOKS), MOST_LOOKS)
        return tuple(sorted({max(self.budget.steps * i // count, 1) for i in range(count)}))

    @property
    def look_tasks(self) -> int:
        return min(LOOK_TASKS, self.budget.unseen)

    @property
    def look_rows(self) -> int:
        return min(LOOK_ROWS, self.budget.asked)

    def pieces(self, n_tasks: int) -> Iterator[Piece]:
        """A look at so many tasks, cut into blocks of networks; the same cuts on every machine."""
        size = max(BLOCK // self.budget.folds, 1)
        for shots in self.shots:
            for unseen in (True, False):
                for first in range(0, n_tasks, size):
                    yield Piece(shots, unseen, first, min(first + size, n_tasks))

    @property
    def against(self) -> str:
        """Name of the learner that the others are held against."""
        names = [each.name for each in self.learners]
        return BASELINE if BASELINE in names else names[0]


def family_from(value: Any) -> Family:
    """A family of tasks from its JSON: a formula by its name, or the groups of a table."""
    return Groups.from_json(value) if isinstance(value, Mapping) and "data" in value else families.from_json(value)
