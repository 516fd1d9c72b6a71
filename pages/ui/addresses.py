"""Experiments as they begin, and as a page's address carries them. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from mtl_core.data.base import Source, sources
from mtl_core.data.table import CsvFile
from mtl_core.experiment import Experiment
from mtl_core.registry import InvalidInput
from mtl_core.weighting.base import weightings

FIRST_DATA = "penguins"
PICTURES_IN_BATCH = 64
"""Where a table of pictures is chosen and all rows at once stood in the settings."""


def first_experiment() -> Experiment:
    """Penguins, all tasks, one trunk, weights in the person's own hands: what a first visitor finds."""
    source = sources[FIRST_DATA]()
    tasks = tuple(task.name for task in source.load().tasks)
    return Experiment(source, tasks, weighting=weightings["fixed"]())


def in_hand(experiment: Experiment) -> Experiment:
    """Equal weights as sliders that all stand at 1: the same numbers, and something to turn."""
    if experiment.weighting != weightings["equal"]():
        return experiment
    return replace(experiment, weighting=weightings["fixed"]())


def suited(now: Experiment, source: Source) -> dict[str, Any]:
    """Trunk and training for other data: no convolutions on a table, and batches where pictures make a step long."""
    if source.image_shape:
        size = now.training.batch_size or PICTURES_IN_BATCH
        return {"trunk": now.trunk, "training": replace(now.training, batch_size=size)}
    ours = now.data.image_shape and now.training.batch_size == PICTURES_IN_BATCH
    training = replace(now.training, batch_size=0) if ours else now.training
    return {"trunk": replace(now.trunk, convolutions=0), "training": training}


def without_changes(experiment: Experiment) -> Experiment:
    """As it was when it started: knobs that were turned during the run are back in their first place."""
    return experiment.before_turned()


def in_force(experiment: Experiment) -> Experiment:
    """What a run stands at by now, for the controls: every knob that was turned stands where it was turned to."""
    return in_hand(experiment.in_force())


def compact(experiment: Experiment) -> str:
    """The experiment's JSON without what stands at its default; short enough for an address."""
    full, bare = experiment.to_json(), type(experiment)(experiment.data, experiment.tasks).to_json()
    kept = {key: value for key, value in full.items() if key in ("data", "tasks") or value != bare[key]}
    for key, value in kept.items():
        if isinstance(value, dict) and key not in ("data", "tasks"):
            kept[key] = {k: v for k, v in value.items() if k == "name" or v != bare[key].get(k)}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def parsed(address: str, known: Source | None = None) -> Experiment:
    """The experiment that `compact` wrote. Raises `InvalidInput` when it is not one.

    A link is somebody else's word: it must not make the server read a file of its choice, so a table on disk is
    taken only where it is `known`, the data of a run that is in the store already.
    """
    try:
        experiment = Experiment.from_json(json.loads(address))
    except InvalidInput:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidInput("the link's settings cannot be read; use the link as it was copied") from error
    if isinstance(experiment.data, CsvFile) and experiment.data != known:
        raise InvalidInput("a link cannot open a file of this machine; upload the table on the Data page")
    return experiment
