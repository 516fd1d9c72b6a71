"""Ranking within lists: losses against their closed forms, scores against scikit-learn, batches of whole lists."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import log_softmax, softmax
from scipy.stats import kendalltau
from sklearn.metrics import ndcg_score

from mtl_core.data.base import Dataset
from mtl_core.data.prepare import prepare
from mtl_core.metrics import metrics
from mtl_core.models.base import Shape, Trunk
from mtl_core.registry import InvalidInput
from mtl_core.tasks import TaskSpec
from mtl_core.tasks import ranking as ranking_kinds
from mtl_core.tasks.lists import Lists
from mtl_core.training.batches import Batches
from mtl_core.training.labels import Labels
from mtl_core.training.losses import Groups, grouped, task_losses

SIZES = (1, 7, 2, 13, 5, 12)
NUMBERS = np.repeat(np.arange(len(SIZES)) * 3 + 2, SIZES)
LISTS = Lists(torch.from_numpy(NUMBERS).expand(2, -1), max(SIZES))
RANDOM = np.random.default_rng(0)
SCORES = torch.from_numpy(RANDOM.normal(size=(2, len(NUMBERS), 2)))
GRADES = torch.from_numpy(RANDOM.integers(0, 5, (2, len(NUMBERS), 2)).astype(float))
HOLES = torch.where(torch.from_numpy(RANDOM.random(GRADES.shape) < 0.2), torch.nan, GRADES)
TASKS = {kind: (TaskSpec("a", kind), TaskSpec("b", kind)) for kind in ("ranking", "listwise")}


def groups(kind: str) -> Groups:
    return grouped(TASKS[kind], Shape(3, (1, 1), Trunk()))


def by_list(values: torch.Tensor, r: int, t: int) -> list[np.ndarray]:
    return [values[r, number == NUMBERS, t].numpy() for number in dict.fromkeys(NUMBERS)]


def ranknet(scores: np.ndarray, grades: np.ndarray) -> list[float]:
    """One loss for each pair of a list."""
    pairs = combinations(np.flatnonzero(~np.isnan(grades)), 2)
    return [
        np.log1p(np.exp(-np.sign(grades[i] - grades[j]) * (scores[i] - scores[j])))
        for i, j in pairs
        if grades[i] != grades[j]
    ]


def listnet(scores: np.ndarray, grades: np.ndarray) -> list[float]:
    """One loss for the list, none if fewer than two rows are graded."""
    known = ~np.isnan(grades)
    if known.sum() < 2:
        return []
    chance = softmax(grades[known])
    return [float(chance @ (np.log(chance) - log_softmax(scores[known])))]


@pytest.mark.parametrize("grades", [GRADES, HOLES], ids=["all graded", "some not"])
@pytest.mark.parametrize(("kind", "formula"), [("ranking", ranknet), ("listwise", listnet)])
def test_the_loss_is_its_formula_and_the_slope_its_derivative(kind: str, formula, grades: torch.Tensor) -> None:  # type: ignore[no-untyped-def]
    labels = Labels(grades, LISTS)
    found = task_losses(SCORES, labels, groups(kind), complete=not grades.isnan().any())
    for r in range(2):
        for t in range(2):
            each = [
                loss
                for parts in zip(by_list(SCORES, r, t), by_list(grades, r, t), strict=True)
                for loss in formula(*parts)
            ]
            assert found.values[r, t] == pytest.approx(np.mean(each), 1e-6)
    step = 1e-6
    for row in range(len(NUMBERS)):
        moved = SCORES.clone()
        moved[:, row] += step
        up = task_losses(moved, labels, groups(kind), complete=not grades.isnan().any()).values
        np.testing.assert_allclose(found.slope[:, row], (up - found.values) / step, atol=2e-5)


@pytest.mark.parametrize("kind", list(TASKS))
def test_lists_of_which_nothing_can_be_learned_have_no_loss(kind: str) -> None:
    grades = torch.where(torch.arange(len(NUMBERS))[:, None] == 3, GRADES, torch.nan)
    found = task_losses(SCORES, Labels(grades, LISTS), groups(kind), complete=False)
    assert (found.values == 0).all()
    assert (found.slope == 0).all()


def test_a_long_list_is_ranked_by_pairs_of_rows_that_stand_near_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_kinds, "PAIR_REACH", 2)
    found = task_losses(SCORES, Labels(GRADES, LISTS), groups("ranking"), complete=True)
    near = [
        np.log1p(np.exp(-np.sign(grades[i] - grades[j]) * (scores[i] - scores[j])))
        for scores, grades in zip(by_list(SCORES, 0, 0), by_list(GRADES, 0, 0), strict=True)
        for i, j in combinations(range(len(scores)), 2)
        if grades[i] != grades[j] and j - i <= 2
    ]
    assert found.values[0, 0] == pytest.approx(np.mean(near), 1e-9)


@pytest.mark.parametrize("grades", [GRADES, HOLES], ids=["all graded", "some not"])
def test_the_quality_of_the_top_is_scikit_learns(grades: torch.Tensor) -> None:
    found = metrics["ndcg"]().list_score(SCORES.movedim(2, 1)[..., None], grades.movedim(2, 1), LISTS)
    for r in range(2):
        for t in range(2):
            each = []
            for scores, truth in zip(by_list(SCORES, r, t), by_list(grades, r, t), strict=True):
                known = ~np.isnan(truth)
                if np.nansum(truth) > 0:
                    each.append(ndcg_score([truth[known]], [scores[known]], k=10) if known.sum() > 1 else 1.0)
            assert found[r, t] == pytest.approx(np.mean(each), 1e-6)


def test_the_pair_error_counts_pairs_in_the_wrong_order_and_ties_half() -> None:
    scores = SCORES.round(decimals=0)
    found = metrics["pair_error"]().list_score(scores.movedim(2, 1)[..., None], HOLES.movedim(2, 1), LISTS)
    for r in range(2):
        for t in range(2):
            wrong = pairs = 0.0
            for mine, grades in zip(by_list(scores, r, t), by_list(HOLES, r, t), strict=True):
                for i, j in combinations(np.flatnonzero(~np.isnan(grades)), 2):
                    pairs += grades[i] != grades[j]
                    wrong += (
                        (1 - np.sign(grades[i] - grades[j]) * np.sign(mine[i] - mine[j])) / 2 * (grades[i] != grades[j])
                    )
            assert found[r, t] == pytest.approx(wrong / pairs, 1e-6)


def test_without_ties_in_one_list_the_pair_error_is_kendalls_tau() -> None:
    grades, lists = torch.randperm(30).double(), Lists(torch.zeros(1, 30, dtype=torch.long), 30)
    scores = torch.randn(30, dtype=torch.float64)
    found = metrics["pair_error"]().list_score(scores[None, None, :, None], grades[None, None], lists)
    assert found.item() == pytest.approx((1 - kendalltau(scores, grades).statistic) / 2, 1e-6)


def table(queries: bool = True) -> Dataset:
    rng = np.random.default_rng(1)
    numbers = rng.permutation(np.repeat(np.arange(30) * 7, rng.integers(1, 9, 30)))
    features = pd.DataFrame({"x": rng.normal(size=len(numbers)), "row": np.arange(len(numbers)) * 1.0})
    targets = pd.DataFrame({"grade": rng.integers(0, 4, len(numbers)) * 1.0})
    lists = numbers if queries else None
    return Dataset("t", "The table", features, targets, (TaskSpec("grade", "ranking"),), groups=lists, queries=lists)


def test_a_table_without_lists_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidInput, match="name the column that says it"):
        prepare(table(queries=False), 3, 0)


@pytest.mark.parametrize("batch_size", [0, 16])
def test_rows_of_a_list_stand_together_and_every_training_row_is_seen_once(batch_size: int) -> None:
    prepared = prepare(table(), 3, 0)
    assert prepared.lists is not None
    batches = Batches(prepared, np.array([0, 2]), np.array([5, 6]), batch_size, 8)
    orders = []
    for epoch in range(2):
        rows = torch.cat([batches.rows(epoch * batches.epoch_steps + i) for i in range(batches.epoch_steps)], 1).numpy()
        for r, fold in enumerate((0, 2)):
            mine = rows[r] - fold * prepared.inputs.shape[1]
            mine = mine[mine < len(table().features)]
            train = prepared.train[fold]
            assert sorted(mine) == sorted(train[train < len(table().features)])
            numbers = prepared.lists[fold, mine]
            assert (np.diff(numbers) != 0).sum() + 1 == len(np.unique(numbers))
        orders.append(rows)
    assert (orders[0] == orders[1]).all() == (batch_size == 0)
    _, labels = batches.at(0)
    assert labels.lists is not None
    assert labels.lists.longest == max(np.bincount(prepared.lists[0, :-1]))
    np.testing.assert_array_equal(labels.lists.numbers.numpy(), prepared.lists.reshape(-1)[batches.rows(0).numpy()])


def test_blank_rows_belong_to_no_list() -> None:
    prepared = prepare(table(), 3, 0)
    assert prepared.lists is not None
    assert (prepared.lists[:, -1] == -1).all()
    assert replace(prepared, lists=None).lists is None
