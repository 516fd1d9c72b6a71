"""Frames around a thing: loss as PyTorch's, overlap as counted on a grid, scaling that keeps it, and learning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mtl_core.data.base import Dataset
from mtl_core.data.prepare import prepare
from mtl_core.data.synthetic import Relatedness
from mtl_core.events import UnitFinished
from mtl_core.experiment import Experiment, Plan, Training, shape_for
from mtl_core.metrics import metrics
from mtl_core.models.base import Trunk
from mtl_core.registry import InvalidInput
from mtl_core.tasks import TaskSpec
from mtl_core.tasks.boxes import Box, overlap
from mtl_core.training.engine import advance, prepared_for

TASKS = (TaskSpec("cat", "box"), TaskSpec("size", "regression"), TaskSpec("dog", "box"))
NAMES = tuple(task.name for task in TASKS)


def table(rows: int = 150, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    place = rng.normal(size=(rows, 4))
    start = 40 + 10 * place[:, :2]
    cat = np.concatenate([start, start + np.exp(0.3 * place[:, 2:]) * [30, 5]], 1)
    dog = cat[:, [0, 1, 2, 3]] * 3 - 7
    targets = pd.DataFrame({"cat": _area(cat), "size": place.sum(1), "dog": _area(dog)})
    features = pd.DataFrame(place, columns=["a", "b", "c", "d"])
    targets = targets.mask(rng.random(targets.shape) < 0.1)
    return Dataset("t", "The table", features, targets, TASKS, boxes={"cat": cat, "dog": dog})


def _area(corners: np.ndarray) -> np.ndarray:
    area: np.ndarray = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    return area


def drawn(*size: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).normal(size=size))


def test_the_loss_is_pytorchs_and_the_slope_autograds() -> None:
    outputs, boxes = (2 * drawn(3, 9, 2, 4)).requires_grad_(), drawn(3, 9, 2, 4).flip(0)
    loss, slope = Box().box_loss(outputs, boxes)
    wanted = torch.nn.functional.smooth_l1_loss(outputs, boxes, reduction="none").mean(-1)
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(slope, torch.autograd.grad(wanted.sum(), outputs)[0])


def test_overlap_is_the_share_of_grid_points_in_both_boxes() -> None:
    rng = np.random.default_rng(2)
    corners = np.sort(rng.integers(0, 40, (60, 2, 2, 2)), 2).transpose(0, 1, 2, 3).reshape(60, 2, 4)
    found = overlap(*torch.from_numpy(corners).double().unbind(1))
    across, down = np.meshgrid(np.arange(40) + 0.5, np.arange(40) + 0.5)
    for pair, value in zip(corners, found, strict=True):
        a, b = ((across > x[0]) & (down > x[1]) & (across < x[2]) & (down < x[3]) for x in pair)
        assert value == pytest.approx((a & b).sum() / max((a | b).sum(), 1))


def test_a_box_that_is_inside_out_overlaps_nothing() -> None:
    assert overlap(torch.tensor([3.0, 0, 1, 2]), torch.tensor([0.0, 0, 4, 4])) == 0
    assert overlap(torch.tensor([3.0, 0, 1, 2]), torch.tensor([3.0, 0, 1, 2])) == 0


def test_scaling_keeps_overlaps_and_comes_from_the_training_rows() -> None:
    data = table()
    prepared = prepare(data, 3, 0)
    assert prepared.boxes is not None
    for k, name in enumerate(("cat", "dog")):
        known = data.targets[name].notna().to_numpy()
        raw = torch.from_numpy(data.boxes[name][known])
        for p, train in enumerate(prepared.train):
            scaled = torch.from_numpy(prepared.boxes[p, :-1, k][known]).double()
            torch.testing.assert_close(overlap(scaled[:-1], scaled[1:]), overlap(raw[:-1], raw[1:]), atol=1e-5, rtol=0)
            mine = train[np.isin(train, np.flatnonzero(known))]
            edges = prepared.boxes[p, mine, k].reshape(-1, 2)
            np.testing.assert_allclose(edges.mean(0), 0, atol=1e-5)
            np.testing.assert_allclose(edges.std(0), 1, atol=1e-5)


def test_frames_are_learned_scored_and_the_same_alone() -> None:
    data = table()
    plan = Experiment(
        Relatedness(), NAMES, trunk=Trunk(width=16), training=Training(steps=300), plan=Plan(folds=2, equal_width=True)
    )
    unit = next(unit for unit in plan.units(shape_for(plan, data)) if unit.index == 0)
    prepared = prepared_for(plan, data)
    events = advance(plan, unit, prepared, TASKS, None).events
    (finished,) = (each for each in events if isinstance(each, UnitFinished))
    for r, replica in enumerate(unit.replicas):
        for t in {0, 2} & set(replica.tasks):
            assert finished.scores["box_error"][r, t] < 0.4
            assert finished.scores["box_hit"][r, t] > 0.8
        assert np.isnan(finished.scores["box_error"][r, 1])
    alone = replace(unit, replicas=unit.replicas[-1:])
    again = next(each for each in advance(plan, alone, prepared, TASKS, None).events if isinstance(each, UnitFinished))
    for name in ("box_error", "rrmse"):
        np.testing.assert_allclose(again.scores[name][0], finished.scores[name][-1], rtol=2e-3, atol=2e-4)


def test_rows_without_a_frame_do_not_count() -> None:
    boxes, known = drawn(1, 1, 5, 4), torch.tensor([[[True, False, True, True, False]]])
    outputs = boxes.clone()
    outputs[0, 0, [1, 4]] = 1e6
    assert (
        metrics["box_error"]().box_score(boxes, boxes, known).item()
        == metrics["box_error"]().box_score(outputs, boxes, known).item()
    )


def test_a_frame_with_one_number_a_row_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidInput, match="predict each edge as a number of its own"):
        prepare(replace(table(), boxes={}), 2, 0)


def test_other_frames_are_other_data() -> None:
    data = table()
    assert replace(data, boxes={**data.boxes, "dog": data.boxes["dog"] + 1}).fingerprint != data.fingerprint
