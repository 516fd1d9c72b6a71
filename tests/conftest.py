"""What several test files share: a small experiment, and an engine with real workers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

import mtl_core.data  # noqa: F401 - registers the sources
from mtl_core.api import Lab
from mtl_core.data.base import sources
from mtl_core.experiment import Experiment, Plan, Training
from mtl_core.models.base import Trunk
from tests.waiting import wait_until

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("searching", derandomize=False, deadline=None)
settings.load_profile(os.environ.get("MTL_LAB_HYPOTHESIS", "repeatable"))
"""A test run says the same twice; MTL_LAB_HYPOTHESIS=searching looks for cases that nobody has seen."""


@pytest.fixture(scope="session")
def small() -> Experiment:
    """15 tiny networks in two stacks: a tenth of a second."""
    source = sources.from_json({"name": "relatedness", "tasks": 2, "rows": 60})
    return Experiment(
        data=source,
        tasks=("task 1", "task 2"),
        trunk=Trunk(width=4, depth=1),
        training=Training(steps=40, evaluate_every=10),
        plan=Plan(folds=5, inits=1, equal_width=False),
    )


@pytest.fixture(scope="session")
def engine_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab served by a real engine process with two workers; started once for all tests that ask for it."""
    home = tmp_path_factory.mktemp("engine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTL_LAB_HOME", str(home))
        patch.setenv("MTL_LAB_WORKERS", "2")
        lab = Lab(f"sqlite:///{home / 'runs.sqlite'}")
        lab.ensure_engine()
        wait_until(lab.engine_ready)
    yield lab
    lab.close()
