"""How fast this machine trains: measured when the engine starts, corrected by every finished run.

Model: a step of a stack costs `per_step` (Python and kernel starts) plus `per_product` for each multiplication of
its layers, rows x parameters over all networks (a convolution's at each pixel); an evaluated row costs a third of a
trained one. A weighting that looks at gradients costs more: `ratios` says how much, learned from the last runs, of
which the middle one counts, since a run beside other work on the machine seems slow. Learners that are prepared for
new tasks go by the same model, each with ratios of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from mtl_core import devices
from mtl_core.data.base import Dataset, Source
from mtl_core.data.splits import VALIDATION_SHARE
from mtl_core.experiment import Experiment, Plan, Training, Unit, shape_for
from mtl_core.meta.adaptation import Adaptation
from mtl_core.meta.learners import Learner
from mtl_core.models.base import Trunk
from mtl_core.tasks import TaskSpec

INPUTS = 10
"""Of a table whose width is not looked at: most of the work is in the layers behind."""

REMEMBERED = 5
"""Runs that an estimate goes by: more than half of them would have to be slowed down to make it too high."""


@dataclass(frozen=True)
class Speed:
    """Seconds; see the module's words. ratios: name -> what the last runs took against the model, oldest first."""

    per_step: float
    per_product: float
    ratios: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def seconds(self, experiment: Experiment, units: tuple[Unit, ...], rows: int, workers: int) -> float:
        """How long a run will take on `workers` workers, with nothing else running."""
        work = sum(self._unit_seconds(experiment, unit, rows) for unit in units)
        return work * self._ratio(experiment.weighting.name, 1.0) / min(workers, len(units))

    def corrected(self, experiment: Experiment, units: tuple[Unit, ...], rows: int, measured: float) -> Speed:
        """After a run that took `measured` seconds of training, summed over its stacks."""
        guess = sum(self._unit_seconds(experiment, unit, rows) for unit in units)
        return self._with(experiment.weighting.name, measured / max(guess, 1e-9))

    def preparing(self, adaptation: Adaptation, workers: int) -> float:
        """How long learners take that are prepared and measured on `workers` workers, with nothing else running."""
        each = [
            self._learner_seconds(adaptation, learner) * self._ratio(_name(learner), learner.price)
            for learner in adaptation.learners
        ]
        return max(sum(each) / workers, max(each))

    def learned(self, adaptation: Adaptation, measured: Sequence[float]) -> Speed:
        """After a run whose learners took `measured` seconds each."""
        now = self
        for learner, seconds in zip(adaptation.learners, measured, strict=True):
            now = now._with(_name(learner), seconds / max(self._learner_seconds(adaptation, learner), 1e-9))
        return now

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Speed:
        told = {name: [each] if isinstance(each, float) else each for name, each in value["ratios"].items()}
        return cls(**{**value, "ratios": told})  # an engine of an older version may have left a single number

    def _ratio(self, name: str, first: float) -> float:
        """first: until a run has told."""
        return median(self.ratios.get(name) or [first])

    def _with(self, name: str, ratio: float) -> Speed:
        told = [*self.ratios.get(name, ()), ratio][-REMEMBERED:]
        return replace(self, ratios={**self.ratios, name: told})

    def _learner_seconds(self, adaptation: Adaptation, learner: Learner) -> float:
        budget, trunk = adaptation.budget, adaptation.trunk
        parameters = trunk.width * (trunk.width * (trunk.depth - 1) + INPUTS)
        passes = 1 + getattr(learner, "inner_steps", 0)
        rows = budget.folds * budget.tasks * (budget.shots + budget.queries)
        prepared = budget.steps * passes * (self.per_step + self.per_product * rows * parameters)
        looks = [(adaptation.look_tasks, adaptation.look_rows)] * len(adaptation.looks) + [
            (budget.unseen, budget.asked)
        ]
        asked = sum(
            self.per_step
            + self.per_product * budget.folds * (piece.last - piece.first) * (piece.shots + rows / 3) * parameters
            for n_tasks, rows in looks
            for piece in adaptation.pieces(n_tasks)
        )
        return prepared * learner.trains + adaptation.adapt_steps * asked

    def _unit_seconds(self, experiment: Experiment, unit: Unit, rows: int) -> float:
        training, folds = experiment.training, experiment.plan.folds
        test = rows / folds
        trained = (rows - test) * (1 - VALIDATION_SHARE)
        in_step = min(training.batch_size or trained, trained)
        evaluated = (rows - trained) / 3 / training.evaluate_every
        products = len(unit.replicas) * unit.sharing.products(unit.shape) * (in_step + evaluated)
        return training.steps * (self.per_step + self.per_product * products)


def _name(learner: Learner) -> str:
    return f"learner {learner.name}"


@cache
def clock() -> Callable[[], float]:
    """The processor's time for this thread, which other work on the machine does not lengthen; a card has none."""
    return time.thread_time if devices.available() == ("cpu",) else time.perf_counter


def warm_up() -> None:
    """Load and use everything that a first slice would otherwise wait for."""
    from mtl_core.lazy import torch

    torch.set_num_threads(1)
    _train(Probe(rows=40, width=4), steps=3)


def measure() -> Speed:
    """Two small trainings that differ in their products only."""
    small, large = Probe(rows=50, width=4), Probe(rows=400, width=32)
    fast, slow = _train(small, 60) / 60, _train(large, 60) / 60
    per_product = max(slow - fast, 1e-9) / max(large.products() - small.products(), 1)
    return Speed(max(fast - per_product * small.products(), 1e-9), per_product)


@dataclass(frozen=True)
class Probe:
    """A little work whose size is known."""

    rows: int
    width: int

    def dataset(self) -> Dataset:
        x = np.linspace(0, 1, self.rows)
        tasks = (TaskSpec("a", "regression"), TaskSpec("b", "binary", ("no", "yes")))
        features = pd.DataFrame({f"x{i}": np.sin((i + 1) * x) for i in range(8)})
        return Dataset("probe", "Probe", features, pd.DataFrame({"a": x, "b": np.arange(self.rows) % 2.0}), tasks)

    def experiment(self, steps: int) -> Experiment:
        return Experiment(
            data=Source(),
            tasks=("a", "b"),
            trunk=Trunk(width=self.width),
            training=Training(steps=steps, evaluate_every=steps),
            plan=Plan(folds=10, equal_parameters=False),
        )

    def units(self) -> tuple[Unit, ...]:
        experiment = self.experiment(1)
        return experiment.units(shape_for(experiment, self.dataset()))

    def products(self) -> float:
        unit = self.units()[0]
        return len(unit.replicas) * unit.sharing.products(unit.shape) * self.rows * 0.9 * (1 - VALIDATION_SHARE)


def _train(probe: Probe, steps: int) -> float:
    """Seconds for `steps` steps of the probe's stack."""
    from mtl_core.training.engine import advance, prepared_for

    experiment, dataset = probe.experiment(steps), probe.dataset()
    prepared = prepared_for(experiment, dataset)
    now = clock()
    begun = now()
    advance(experiment, probe.units()[0], prepared, dataset.tasks, None)
    return now() - begun
