"""The Compare page: what it offers, what it gathers, and how it looks in every state."""

from __future__ import annotations

import mtl_core.data
import mtl_core.models
import mtl_core.weighting  # noqa: F401 - suggestions are taken from everything that is registered
from mtl_core.data.base import sources
from mtl_core.experiment import Experiment, Plan
from pages.ui.suggest import next_runs

PENGUINS = Experiment(data=sources["penguins"](), tasks=("species", "body mass"))


def test_suggested_runs_differ_from_the_run_and_keep_its_data() -> None:
    suggestions = next_runs(PENGUINS)
    assert len(suggestions) == 3
    for each in suggestions:
        assert each.experiment != PENGUINS
        assert (each.experiment.data, each.experiment.tasks) == (PENGUINS.data, PENGUINS.tasks)
        assert each.why.endswith((".", "?"))


def test_a_quick_look_is_followed_by_a_full_verdict_and_that_by_another_seed() -> None:
    full = next_runs(PENGUINS)[-1].experiment
    assert (full.plan.folds, full.plan.inits) == (10, 3)
    again = next_runs(full)[-1].experiment
    assert again.plan == Plan(folds=10, inits=3, seed=1)
