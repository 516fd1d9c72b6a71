"""Experiments as they begin, and as a page's address carries them. Pure."""

from __future__ import annotations

import json
from dataclasses import replace

from mtl_core.data.base import sources
from mtl_core.experiment import Experiment
from mtl_core.registry import InvalidInput
from mtl_core.weighting.base import weightings

FIRST_DATA = "penguins"


def first_experiment() -> Experiment:
    """Penguins, all tasks, one trunk, weights in the person's own hands: what a first visitor finds."""
    source = sources[FIRST_DATA]()
    tasks = tuple(task.name for task in source.load().tasks)
    return Experiment(source, tasks, weighting=weightings["fixed"]())


def without_changes(experiment: Experiment) -> Experiment:
    """As it was when it started: knobs that were turned during the run are back in their first place."""
    return replace(experiment, changes=())


def compact(experiment: Experiment) -> str:
    """The experiment's JSON without what stands at its default; short enough for an address."""
    full, bare = experiment.to_json(), type(experiment)(experiment.data, experiment.tasks).to_json()
    kept = {key: value for key, value in full.items() if key in ("data", "tasks") or value != bare[key]}
    for key, value in kept.items():
        if isinstance(value, dict) and key not in ("data", "tasks"):
            kept[key] = {k: v for k, v in value.items() if k == "name" or v != bare[key].get(k)}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def parsed(address: str) -> Experiment:
    """The experiment that `compact` wrote. Raises `InvalidInput` when it is not one."""
    try:
        return Experiment.from_json(json.loads(address))
    except InvalidInput:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput("the link's settings cannot be read; use the link as it was copied") from error
