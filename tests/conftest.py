"""What several test files share: a small experiment, and an engine with real workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Page

import mtl_core.data  # noqa: F401 - registers the sources
from benchmarks.page import chromium, served
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


# --- the dashboard in a real browser --------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """The dashboard as `make run` serves it, on a free port of loopback."""
    with served(home) as found:
        yield found


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    with chromium() as opened:
        yield opened
