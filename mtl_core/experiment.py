"""What is to be run, whole and immutable; and how it is cut into stacks of replicas.

An experiment names its data, tasks, sharing types (several race in one run and share the same twins alone),
weighting, optimiser, budget and plan. It goes to JSON and back without loss; the same experiment gives the
same numbers on the same machine.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mtl_core import __version__, draws
from mtl_core.changes import Change, Turnable
from mtl_core.data.base import Dataset, Source, sources
from mtl_core.data.prepare import encoded_names
from mtl_core.devices import device_knob
from mtl_core.events import Replica
from mtl_core.models.base import Shape, Sharing, Trunk, sharings
from mtl_core.models.conv import grids
from mtl_core.models.hard import Hard
from mtl_core.models.sizes import equal_parameter_width, equal_sharing_width
from mtl_core.optimisers import Adam, Optimiser, optimisers
from mtl_core.registry import InvalidInput, Method, knob
from mtl_core.weighting.base import Weighting, weightings
from mtl_core.weighting.by_loss import Equal

STACK_LIMIT = 30
"""Replicas in one stack: more leave the cache and cost more than two smaller stacks (docs/performance.md)."""
STACK_WIDTH = 1024
"""Numbers of a row in a replica's widest layer up to which a stack may be as large as that; convolutions have more."""


@dataclass(frozen=True)
class Training(Method):
    """How long every network is trained, on which targets, and how often we look."""

    steps: int = knob(400, "Steps of every network", low=1, high=1_000_000, log=True)
    batch_size: int = knob(0, "Rows in one step; 0 = all of them", low=0, high=1_000_000)
    evaluate_every: int = knob(
        20,
        "How often every network is looked at while it trains",
        label="Steps between two points of the curves",
        low=1,
        high=100_000,
        advanced=True,
    )
    patience: int = knob(
        0,
        "Stop a network after so many evaluations without a better validation error; 0 = never",
        low=0,
        high=100_000,
        advanced=True,
    )
    scale_targets: bool = knob(
        True,
        "Divide each number to predict by its spread; off = a task in large units has a large loss",
        advanced=True,
    )
    class_weights: str = knob(
        "none",
        "How much the rows of a class count while learning; balanced = rare classes as much as frequent ones",
        choices=("none", "balanced"),
        advanced=True,
    )
    device: str = device_knob()


@dataclass(frozen=True)
class Plan(Method):
    """How many networks an answer rests on."""

    folds: int = knob(5, "Parts the rows are cut into; each is the test set once", low=2, high=50)
    inits: int = knob(1, "Fresh starts (initialisations) inside each fold", low=1, high=50)
    equal_width: bool = knob(True, "Compare with single-task networks as wide as the shared one")
    equal_parameters: bool = knob(True, "Compare with single-task networks that together have as many parameters")
    equal: str = knob(
        "width",
        "width = each is as wide as is set; parameters = each is made so wide that it has as many parameters as the "
        "single-task networks of the width that is set have together",
        label="Sharing types are of equal",
        choices=("width", "parameters"),
        advanced=True,
    )
    new_data: bool = knob(False, "Draw new data for every fold; only for generated data", advanced=True)
    seed: int = knob(0, "Another seed: other folds, other starts", low=0, high=2**31 - 1, advanced=True)


@dataclass(frozen=True)
class Arm:
    """One way of learning within a run: a sharing type together, or a baseline alone.

    key: unique in the run: "hard" (the sharing's key), "alone:width:32". baseline: "" when together,
    else "equal_width" or "equal_parameters" (one arm may serve several sharings and both baselines: see
    `Experiment.baseline`).
    """

    key: str
    sharing: Sharing
    trunk: Trunk
    together: bool


@dataclass(frozen=True)
class Unit:
    """A stack of replicas with one architecture: the piece of work that a worker advances by slices.

    Replicas of several tasks come first, so that a weighting acts on a leading slice of every tensor.
    """

    index: int
    sharing: Sharing
    shape: Shape
    replicas: tuple[Replica, ...]

    @property
    def called(self) -> str:
        """Its name in sentences."""
        return self.replicas[0].arm


@dataclass(frozen=True)
class Experiment(Turnable):
    """Everything that decides the numbers of a run."""

    data: Source
    tasks: tuple[str, ...]
    sharings: tuple[Sharing, ...] = field(default_factory=lambda: (Hard(),))
    weighting: Weighting = field(default_factory=Equal)
    trunk: Trunk = field(default_factory=Trunk)
    optimiser: Optimiser = field(default_factory=Adam)
    training: Training = field(default_factory=Training)
    plan: Plan = field(default_factory=Plan)
    changes: tuple[Change, ...] = ()

    kind: ClassVar[str] = "training"

    def __post_init__(self) -> None:
        if not self.tasks:
            raise InvalidInput("an experiment needs at least one task; choose one or more")
        if len(set(self.tasks)) != len(self.tasks):
            raise InvalidInput(f"every task can be chosen once; got {', '.join(self.tasks)}")
        if not self.sharings:
            raise InvalidInput("an experiment needs at least one sharing type; choose one or more")
        if self.plan.new_data and not self.data.draws:
            raise InvalidInput(f"{self.data.title} cannot draw new data; set new_data to false")
        grids(self.data.image_shape, self.trunk.convolutions, self.trunk.width)
        for part, item in self.parts.items():
            for each in item.knobs():
                value = getattr(item, each.name)
                if each.per_task and value and len(value) != len(self.tasks):
                    raise InvalidInput(
                        f"{part}.{each.name} has {len(value)} numbers for {len(self.tasks)} tasks; "
                        "give one for each task"
                    )

    # --- JSON -------------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        return {
            "data": self.data.to_json(),
            "tasks": list(self.tasks),
            "sharings": [each.to_json() for each in self.sharings],
            "weighting": self.weighting.to_json(),
            "trunk": self.trunk.settings(),
            "optimiser": self.optimiser.to_json(),
            "training": self.training.settings(),
            "plan": self.plan.settings(),
            "changes": [each.to_json() for each in self.changes],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Experiment:
        """Raises `InvalidInput` with one sentence when the JSON is not an experiment."""
        if not isinstance(value, Mapping) or "data" not in value or "tasks" not in value:
            raise InvalidInput('an experiment is a JSON object with at least "data" and "tasks"')
        known = {"data", "tasks", "sharings", "weighting", "trunk", "optimiser", "training", "plan", "changes"}
        if unknown := set(value) - known:
            raise InvalidInput(f"an experiment has no {sorted(unknown)[0]!r}; known: {', '.join(sorted(known))}")
        try:
            return cls._built(value)
        except InvalidInput:
            raise
        except (TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"this is not an experiment: one of its parts has the wrong form ({error})") from error

    @classmethod
    def _built(cls, value: Mapping[str, Any]) -> Experiment:
        return cls(
            data=sources.from_json(value["data"]),
            tasks=tuple(map(str, value["tasks"])),
            sharings=tuple(sharings.from_json(each) for each in value.get("sharings", ["hard"])),
            weighting=weightings.from_json(value.get("weighting", "equal")),
            trunk=Trunk.from_settings(dict(value.get("trunk", {}))),
            optimiser=optimisers.from_json(value.get("optimiser", "adam")),
            training=Training.from_settings(dict(value.get("training", {}))),
            plan=Plan.from_settings(dict(value.get("plan", {}))),
            changes=tuple(Change(**each) for each in value.get("changes", [])),
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the canonical JSON and the engine's version."""
        text = json.dumps(self.to_json(), sort_keys=True, allow_nan=False) + __version__
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    # --- what a run of any kind has -------------------------------------------------------------------------
    @property
    def steps(self) -> int:
        """Steps of every stack."""
        return self.training.steps

    # --- what can be turned while it trains -----------------------------------------------------------------
    @property
    def parts(self) -> dict[str, Method]:
        return {"weighting": self.weighting, "optimiser": self.optimiser}

    def with_part(self, name: str, part: Method) -> Experiment:
        changed: dict[str, Any] = {name: part}
        return replace(self, **changed)

    # --- arms, replicas, stacks -----------------------------------------------------------------------------
    def sharing_keys(self) -> tuple[str, ...]:
        """A short unique word for each sharing type of the race: its name, numbered where it appears twice."""
        names = [each.name for each in self.sharings]
        return tuple(
            name if names.count(name) == 1 else f"{name}-{names[: i + 1].count(name)}" for i, name in enumerate(names)
        )

    def baseline(self, key: str, kind: str, shape: Shape) -> str:
        """Key of the arm that is `kind` ("equal_width" or "equal_parameters") for the sharing type `key`."""
        sharing = self.sharings[self.sharing_keys().index(key)]
        if kind == "equal_width":
            return f"alone:{self.fitted(sharing, shape).width}"
        alike = self.plan.equal == "parameters"
        return f"alone:{self.trunk.width if alike else equal_parameter_width(sharing, shape)}"

    def fitted(self, sharing: Sharing, shape: Shape) -> Trunk:
        """The trunk of a sharing type in this run: as it is set, or of the width that `Plan.equal` asks for."""
        if self.plan.equal == "width":
            return self.trunk
        return replace(self.trunk, width=equal_sharing_width(sharing, shape))

    def baselines(self) -> tuple[str, ...]:
        """The kinds of baselines that the plan asks for; none for a single task."""
        kinds = [name for name in ("equal_width", "equal_parameters") if getattr(self.plan, name)]
        return tuple(kinds) if len(self.tasks) > 1 else ()

    def arms(self, shape: Shape) -> tuple[Arm, ...]:
        """Every way of learning in this run: the sharing types, then the twins alone, each once."""
        keys = self.sharing_keys()
        pairs = zip(keys, self.sharings, strict=True)
        arms = [Arm(key, each, self.fitted(each, shape), True) for key, each in pairs]
        alone = {self.baseline(key, kind, shape) for key in keys for kind in self.baselines()}
        for name in sorted(alone, key=lambda each: int(each.split(":")[1]), reverse=True):
            trunk = replace(self.trunk, width=int(name.split(":")[1]))
            arms.append(Arm(name, Hard(), trunk, False))
        return tuple(arms)

    def units(self, shape: Shape) -> tuple[Unit, ...]:
        """The stacks of this run. Arms of one architecture share stacks; a fold-and-initialisation stays whole."""
        families: dict[tuple[Sharing, Trunk], list[Arm]] = {}
        for arm in self.arms(shape):
            families.setdefault((arm.sharing, arm.trunk), []).append(arm)
        units: list[Unit] = []
        for (sharing, trunk), arms in families.items():
            pairs = [[r for arm in arms for r in self._replicas(arm, f, i)] for i, f in self._starts()]
            fitted = replace(shape, trunk=trunk)
            for chunk in _chunks(pairs, STACK_LIMIT * STACK_WIDTH // max(fitted.widest, STACK_WIDTH)):
                replicas = sorted((r for pair in chunk for r in pair), key=lambda each: len(each.tasks) == 1)
                units.append(Unit(len(units), sharing, fitted, tuple(replicas)))
        return tuple(units)

    def _starts(self) -> Iterator[tuple[int, int]]:
        return ((init, fold) for init in range(self.plan.inits) for fold in range(self.plan.folds))

    def _replicas(self, arm: Arm, fold: int, init: int) -> list[Replica]:
        every = tuple(range(len(self.tasks)))
        return [Replica(arm.key, fold, init, tasks) for tasks in ([every] if arm.together else [(t,) for t in every])]


def shape_for(experiment: Experiment, dataset: Dataset) -> Shape:
    """What every network of this experiment must fit. Raises `InvalidInput` for a task that is not there."""
    chosen = dataset.choose(experiment.tasks)
    outputs = tuple(task.n_outputs for task in chosen.tasks)
    return Shape(len(encoded_names(chosen)), outputs, experiment.trunk, dataset.image_shape)


def replica_seeds(plan: Plan, replicas: tuple[Replica, ...]) -> NDArray[np.int64]:
    """One seed for each replica, the same for all arms of a fold and initialisation: [R]."""
    words = [f"{replica.fold}/{replica.init}" for replica in replicas]
    drawn = {word: int(draws.bits([plan.seed], word, 1)[0, 0] >> np.uint64(1)) for word in set(words)}
    return np.array([drawn[word] for word in words], dtype=np.int64)


def _chunks(pairs: list[list[Replica]], limit: int) -> Iterator[list[list[Replica]]]:
    """As few, as even chunks as the limit allows; a pair is never cut."""
    per_chunk = max(limit // max(len(pairs[0]), 1), 1)
    n_chunks = -(-len(pairs) // per_chunk)
    bounds = [round(i * len(pairs) / n_chunks) for i in range(n_chunks + 1)]
    return (pairs[a:b] for a, b in itertools.pairwise(bounds))
