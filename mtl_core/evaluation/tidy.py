"""The whole history as one long table, one known number a row: what a person takes to another program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.evaluation.history import History, Place
from mtl_core.evaluation.spread import magnitude_similarity

COLUMNS = ("arm", "together", "task", "fold", "init", "step", "quantity", "value")
CURVES = ("train", "validation", "validation_error", "test_error", "weights", "gradient_norm")


def tidy(history: History) -> pd.DataFrame:
    """Columns: arm, together, task, fold, init, step, quantity, value; numbers that are not known have no row.

    quantity: "train" and "validation" (losses), "validation_error" and "test_error" (the task's metric; the second
    at the best validation step so far), "weights", "gradient_norm" (on the shared parameters), "cosine with <task>" and
    "magnitude similarity with <task>" (of the gradients; each pair once), "inside <name>[<column>]" (gate shares,
    stitch matrices; "[<part>, <column>]" where a task has several rows), and at the end "final <metric>" for every
    metric on the test rows.
    """
    parts = [
        _rows(history, place, arm, task, *numbers)
        for (arm, task), places in history.places.items()
        for place in places
        for numbers in [
            *(_curve(history, place, task, name) for name in CURVES),
            *_pairs(history, place, task),
            *_shown(history, place, task),
            *_finals(history, place, task),
        ]
    ]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.concat(parts, ignore_index=True)
    known = table[np.isfinite(table["value"])]
    order = ["arm", "task", "fold", "init", "quantity", "step"]
    return pd.DataFrame(known.sort_values(order, ignore_index=True))


Numbers = tuple[str, NDArray[Any], NDArray[Any]]
"""Quantity, steps [S], values [S, n]."""


def _curve(history: History, place: Place, task: int, name: str) -> Numbers:
    steps, (values,) = history.records[place.unit].read(name)
    if not values.size:
        return name, steps[:0], np.zeros((0, len(place.positions)))
    return name, steps, values[:, place.positions, task]


def _pairs(history: History, place: Place, task: int) -> list[Numbers]:
    steps, (cosine, norms) = history.records[place.unit].read("cosine", "gradient_norm")
    found: list[Numbers] = []
    for other in range(task + 1, len(history.tasks)):
        name = history.tasks[other].name
        if cosine.size:
            found.append((f"cosine with {name}", steps, cosine[:, place.positions, task, other]))
        if norms.size:
            lengths = np.asarray(norms[:, place.positions], float)
            alike = magnitude_similarity(lengths[..., task], lengths[..., other])
            found.append((f"magnitude similarity with {name}", steps, alike))
    return found


def _shown(history: History, place: Place, task: int) -> list[Numbers]:
    """The task's own rows of what its sharing type shows; a row that all tasks have in common is each task's."""
    record, found = history.records[place.unit], list[Numbers]()
    for name in record.shown:
        steps, (values,) = record.read(name)
        each, common = divmod(values.shape[2], len(history.tasks))
        for part in range(1 if common else each):
            row = 0 if common else task * each + part
            for column in range(values.shape[3]):
                at = f"{part}, {column}" if each > 1 and not common else f"{column}"
                found.append((f"{name}[{at}]", steps, values[:, place.positions, row, column]))
    return found


def _finals(history: History, place: Place, task: int) -> list[Numbers]:
    finished = history.records[place.unit].finished
    if finished is None:
        return []
    step = np.array([finished.step])
    return [(f"final {name}", step, values[place.positions, task][None]) for name, values in finished.scores.items()]


def _rows(
    history: History, place: Place, arm: str, task: int, quantity: str, steps: NDArray[Any], values: NDArray[Any]
) -> pd.DataFrame:
    n_steps, n = values.shape
    columns = {
        "arm": arm,
        "together": history.arm(arm).together,
        "task": history.tasks[task].name,
        "fold": np.tile(place.folds, n_steps),
        "init": np.tile(place.inits, n_steps),
        "step": np.repeat(steps, n),
        "quantity": quantity,
        "value": values.ravel().astype(float),
    }
    return pd.DataFrame(columns)
