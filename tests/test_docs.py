"""What the documents show works as shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mtl_core.data
import mtl_core.models
import mtl_core.weighting  # noqa: F401 - registers every method
from mtl_core.events import Progress
from mtl_core.experiment import Experiment, shape_for
from mtl_core.registry import InvalidInput
from mtl_core.training.engine import advance, prepared_for
from mtl_core.weighting.base import weightings

ROOT = Path(__file__).parent.parent


@pytest.fixture
def loudest() -> Iterator[str]:
    """The weighting of docs/extending.md, registered for one test."""
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    name = "example_of_the_docs"
    module = {"__name__": name}
    try:
        exec(compile(block, "docs/extending.md", "exec", dont_inherit=True), module)
        yield "loudest"
    finally:
        weightings._classes.pop("loudest", None)


def test_the_weighting_of_the_extension_guide_trains_and_travels_through_json(loudest: str) -> None:
    experiment = Experiment.from_json(
        {
            "data": "penguins",
            "tasks": ["species", "body mass"],
            "weighting": {"name": loudest, "power": 2.0},
            "training": {"steps": 20},
        }
    )
    assert Experiment.from_json(json.loads(json.dumps(experiment.to_json()))) == experiment
    dataset = experiment.data.load()
    unit = experiment.units(shape_for(experiment, dataset))[0]
    tasks = dataset.choose(experiment.tasks).tasks
    done = advance(experiment, unit, prepared_for(experiment, dataset), tasks, None)
    last = [event for event in done.events if isinstance(event, Progress)][-1]
    assert last.weights[0].sum() == pytest.approx(2.0, rel=1e-4)
    assert not np.allclose(last.weights[0], 1.0)
    with pytest.raises(InvalidInput, match=r"Loudest.power must lie in \[0, 4\]"):
        weightings.from_json({"name": loudest, "power": 9.0})


def test_the_readmes_experiment_is_one() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r'(    \{"data".*?\}\})\n', text, re.DOTALL)
    experiment = Experiment.from_json(json.loads(block))
    assert [each.name for each in experiment.sharings] == ["hard", "cross_stitch"]


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_every_link_inside_the_project_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"
