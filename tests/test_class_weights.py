"""Balanced classes: weights are scikit-learn's, come from the training rows only, and weigh the loss."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

from mtl_core.data.base import Dataset
from mtl_core.data.prepare import Prepared, prepare
from mtl_core.data.synthetic import Relatedness
from mtl_core.experiment import Experiment, Plan, Training, shape_for
from mtl_core.models.base import Trunk
from mtl_core.tasks import TaskSpec
from mtl_core.training.labels import label_weights
from mtl_core.training.stack import Stack

TASKS = (
    TaskSpec("size", "regression"),
    TaskSpec("kind", "multiclass", ("a", "b", "c", "never")),
    TaskSpec("sign", "binary", ("no", "yes")),
    TaskSpec("step", "ordinal", ("low", "middle", "high")),
)


def table() -> Dataset:
    rng = np.random.default_rng(3)
    signal = rng.normal(size=200)
    columns = {
        "size": signal,
        "kind": np.digitize(signal, [-1.2, 1.5]) * 1.0,
        "sign": (signal > 1) * 1.0,
        "step": np.digitize(signal, [-1.0, 1.4]) * 1.0,
    }
    targets = pd.DataFrame(columns).mask(rng.random((200, 4)) < 0.15)
    return Dataset("t", "T", pd.DataFrame({"x": signal + rng.normal(size=200)}), targets, TASKS)


def prepared() -> Prepared:
    return prepare(table(), 4, 0)


def weighed(found: Prepared) -> np.ndarray:
    weights = label_weights(found, TASKS, True)
    assert weights is not None
    return weights


@pytest.mark.parametrize("t", [1, 2, 3])
def test_weights_are_scikit_learns_and_have_the_mean_1(t: int) -> None:
    found = prepared()
    weights = weighed(found)
    for p, train in enumerate(found.train):
        rows = train[~np.isnan(found.targets[p, train, t])]
        np.testing.assert_allclose(
            weights[p, rows, t], compute_sample_weight("balanced", found.targets[p, rows, t]), rtol=1e-6
        )
        assert weights[p, rows, t].mean() == pytest.approx(1, 1e-6)


def test_numbers_and_rows_without_a_label_weigh_1() -> None:
    found = prepared()
    weights = weighed(found)
    assert (weights[..., 0] == 1).all()
    assert (weights[np.isnan(found.targets)] == 1).all()
    assert label_weights(found, (TASKS[0],) * 4, True) is None


def test_labels_of_held_out_rows_change_no_weight_of_a_training_row() -> None:
    before, found = weighed(prepared()), prepared()
    for p in range(len(found.train)):
        for rows in (found.validation[p], found.test[p]):
            known = ~np.isnan(found.targets[p, rows, 2])
            found.targets[p, rows, 2] = np.where(known, 1.0, np.nan)
    after = weighed(found)
    for p, train in enumerate(found.train):
        np.testing.assert_array_equal(before[p, train], after[p, train])


def stack(class_weights: str) -> Stack:
    experiment = Experiment(
        Relatedness(),
        tuple(task.name for task in TASKS),
        trunk=Trunk(width=8),
        training=Training(steps=300, class_weights=class_weights),
        plan=Plan(folds=4, equal_parameters=False),
    )
    unit = experiment.units(shape_for(experiment, table()))[0]
    return Stack(experiment, unit, prepared(), TASKS)


def test_the_loss_of_a_batch_is_scikit_learns_with_these_weights() -> None:
    found, built = prepared(), stack("balanced")
    inputs, labels = built.batches.at(0)
    losses, _, _ = built.look(built.parameters, inputs, labels, slice(None))
    outputs = built.sharing.forward(built.parameters, inputs, built.shape).detach()
    for r, replica in enumerate(built.unit.replicas):
        truth = labels.targets[r, :, 1].numpy()
        known = ~np.isnan(truth)
        chances = torch.softmax(outputs[r, known, 1:5].double(), -1).numpy()
        weights = compute_sample_weight("balanced", truth[known])
        wanted = log_loss(truth[known], chances, sample_weight=weights, labels=range(4))
        assert losses.values[r, 1].item() == pytest.approx(wanted, 1e-5)
        train = found.train[replica.fold]
        assert (labels.targets[r, :, 0].numpy()[known] == found.targets[replica.fold, train, 0][known]).sum() > 50


def test_the_slope_is_the_derivative_of_the_weighted_loss() -> None:
    built = stack("balanced")
    inputs, labels = built.batches.at(0)
    losses, learned, pull = built.look(built.parameters, inputs, labels, slice(None))
    found = pull(losses.pulled(learned.float()))
    step = 1e-3
    for parameter, gradient in zip(built.parameters.values(), found, strict=True):
        moved = {name: p + step * gradient if p is parameter else p for name, p in built.parameters.items()}
        after, _, _ = built.look(moved, inputs, labels, slice(None))
        rise = (torch.where(learned, after.values - losses.values, 0.0)).sum()
        assert rise.item() == pytest.approx(step * float((gradient**2).sum()), rel=0.05, abs=2e-5)


def test_a_rare_class_is_found_more_often_where_classes_are_balanced() -> None:
    recall = {}
    for name in ("none", "balanced"):
        built = stack(name)
        while not built.done:
            built.step()
        inputs, labels = built.batches.at(0)
        outputs = built.sharing.forward(built.parameters, inputs, built.shape).detach()
        recall[name] = (outputs[..., 5] > 0)[labels.targets[..., 2] == 1].float().mean().item()
    assert recall["balanced"] > recall["none"] + 0.1
