"""A column says how much each row counts: errors are scikit-learn's, a weight of 2 is a row twice, 0 is none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    d2_absolute_error_score,
    d2_tweedie_score,
    log_loss,
    ndcg_score,
    r2_score,
)
from sklearn.utils.class_weight import compute_class_weight

from mtl_core.data.base import Dataset
from mtl_core.data.building import build_dataset
from mtl_core.data.columns import guess
from mtl_core.data.doctor import diagnose
from mtl_core.data.prepare import prepare
from mtl_core.data.recipe import Recipe, guess_recipe
from mtl_core.data.synthetic import Relatedness
from mtl_core.data.table import csv_source
from mtl_core.evaluation.compare import compare
from mtl_core.evaluation.history import History
from mtl_core.evaluation.notes import WEIGHTED
from mtl_core.evaluation.summaries import trivial_error
from mtl_core.events import Progress, UnitFinished
from mtl_core.experiment import Experiment, Plan, Training, shape_for
from mtl_core.meta.groups import usable
from mtl_core.metrics import metrics
from mtl_core.models.base import Shape, Trunk
from mtl_core.registry import InvalidInput
from mtl_core.scales import middle, moments
from mtl_core.tasks import TaskSpec, kinds
from mtl_core.tasks.lists import Lists
from mtl_core.training.engine import advance, prepared_for
from mtl_core.training.evaluate import evaluate, predict
from mtl_core.training.labels import Labels, label_weights
from mtl_core.training.losses import grouped, task_losses
from mtl_core.training.stack import Stack
from pages.ui.roles import WEIGHT, role_table, to_recipe
from tests.test_kinds import KINDS
from tests.test_kinds import table as table_of_all_kinds

ROWS, LISTS = 48, 8
GENERATOR = torch.Generator().manual_seed(0)
OUTPUTS = torch.randn(2, ROWS, 4, generator=GENERATOR)
NUMBERS = torch.randn(2, ROWS, generator=GENERATOR)
CODES = torch.randint(0, 4, (2, ROWS), generator=GENERATOR).float()
HIDDEN = torch.rand(2, ROWS, generator=GENERATOR) < 0.2
BOXES = torch.randn(2, ROWS, 4, generator=GENERATOR)
BOXES[..., 2:] = BOXES[..., :2] + 2
TIMES = torch.randint(0, 4, (LISTS,), generator=GENERATOR).repeat_interleave(ROWS // LISTS)
"""How often each row counts; the same within each list of rows."""
AGAIN = torch.arange(ROWS).repeat_interleave(TIMES)
NAMES = (torch.arange(ROWS) * LISTS // ROWS).long()


def scored(name: str, rows: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    metric, kind = metrics[name], next(iter(metrics[name].kinds))
    outputs = OUTPUTS[:, rows, : 1 if kind in ("regression", "median", "huber", "count", "ranking", "listwise") else 4]
    outputs = outputs[..., :3] if kinds[kind].ordered else outputs
    outputs = BOXES[:, rows] + 0.3 * outputs if kinds[kind].in_boxes else outputs
    labels = NUMBERS if kind in ("regression", "median", "huber") else CODES
    targets = labels.masked_fill(HIDDEN, torch.nan)[:, rows]
    if metric.in_boxes:
        return metric().box_score(outputs, BOXES[:, rows], ~HIDDEN[:, rows], weights)
    if metric.in_lists:
        # a list that counts twice is two lists
        copies = torch.cat([torch.arange(int(times)) for times in TIMES]) if weights is None else 0
        order = torch.argsort(NAMES[rows] * 10 + copies, stable=True)
        numbers = (NAMES[rows] * 10 + copies)[order].expand(2, -1)
        shown, wanted = outputs[:, order][:, None], targets[:, order][:, None]
        return metric().list_score(shown, wanted, Lists(numbers, ROWS // LISTS), weights)[:, 0]
    return metric().score(outputs, targets, torch.full((2,), kinds[kind].constant), weights)


@pytest.mark.parametrize("name", list(metrics))
def test_a_row_of_weight_2_scores_as_two_rows_in_every_metric(name: str) -> None:
    weights = TIMES.float().expand(2, -1)
    weights = weights[:, None] if metrics[name].in_lists else weights
    found = scored(name, torch.arange(ROWS), weights)
    np.testing.assert_allclose(found, scored(name, AGAIN, None), rtol=1e-5)
    assert not np.allclose(found, scored(name, torch.arange(ROWS), torch.ones_like(weights)), rtol=1e-3)


def test_errors_are_scikit_learns_with_sample_weights() -> None:
    weights = torch.rand(2, ROWS, generator=torch.Generator().manual_seed(1))
    found = {
        name: metrics[name]().score(outputs, targets, torch.tensor(constant), weights)
        for name, outputs, targets, constant in (
            ("log_loss", OUTPUTS, CODES, [0.0, 0.0]),
            ("error_rate", OUTPUTS, CODES, [0.0, 0.0]),
            ("balanced_error_rate", OUTPUTS, CODES, [0.0, 0.0]),
        )
    }
    for r in range(2):
        truth, count, chances = CODES[r].numpy(), weights[r].numpy(), torch.softmax(OUTPUTS[r].double(), -1).numpy()
        assert found["log_loss"][r] == pytest.approx(log_loss(truth, chances, sample_weight=count), 1e-5)
        right = accuracy_score(truth, chances.argmax(1), sample_weight=count)
        assert found["error_rate"][r] == pytest.approx(1 - right, 1e-5)
        right = balanced_accuracy_score(truth, chances.argmax(1), sample_weight=count)
        assert found["balanced_error_rate"][r] == pytest.approx(1 - right, 1e-5)


def test_relative_errors_are_scikit_learns_where_the_weighted_constant_is_the_training_rows() -> None:
    rng = np.random.default_rng(2)
    guess, weights = rng.normal(size=41).astype(np.float32), rng.random(41)
    numbers, counts = rng.normal(size=41), rng.poisson(2.0, 41).astype(float)

    def error(name: str, kind: str, labels: np.ndarray) -> float:
        zero, unit = kinds[kind]().units(labels, True, weights)
        targets = torch.tensor(((labels - zero) / unit)[None], dtype=torch.float32)
        reference = torch.full((1,), kinds[kind].constant)
        return metrics[name]().score(torch.tensor(guess)[None, :, None], targets, reference, told).item()

    told = torch.tensor(weights[None], dtype=torch.float32)
    mean, deviation = moments(numbers, weights)
    median, spread = middle(numbers, weights)
    rate = np.average(counts, weights=weights)
    kept = {"sample_weight": weights}
    assert error("r2", "regression", numbers) == pytest.approx(
        r2_score(numbers, guess * deviation + mean, **kept), 1e-4
    )
    wrong = 1 - d2_absolute_error_score(numbers, guess * spread + median, **kept)
    assert error("rmae", "median", numbers) == pytest.approx(wrong, 1e-3)
    wrong = 1 - d2_tweedie_score(counts, np.exp(guess) * rate, power=1, **kept)
    assert error("relative_deviance", "count", counts) == pytest.approx(wrong, 1e-4)


def test_the_quality_of_the_top_is_scikit_learns_with_a_weight_a_list() -> None:
    scores, grades = OUTPUTS[:1, :, 0].double(), CODES[:1].double()
    weights, numbers = torch.rand(LISTS, dtype=torch.float64), NAMES[None]
    found = metrics["ndcg"]().list_score(
        scores[:, None, :, None], grades[:, None], Lists(numbers, 6), weights[NAMES][None, None]
    )
    expected = ndcg_score(grades.view(LISTS, 6), scores.view(LISTS, 6), k=10, sample_weight=weights)
    assert found.item() == pytest.approx(expected, 1e-6)


@pytest.mark.parametrize("scale", [moments, middle])
def test_the_unit_of_a_target_counts_a_row_of_weight_2_twice(scale: object) -> None:
    rng = np.random.default_rng(5)
    values, times = rng.normal(size=31), rng.integers(0, 4, 31)
    times[0] += times.sum() % 2 == 0
    values[3] = np.nan
    times[3] = 2
    assert callable(scale)
    assert scale(values, times.astype(float)) == pytest.approx(scale(np.repeat(values, times)))
    assert scale(values, 1e-300 * times) == pytest.approx(scale(np.repeat(values, times)))


PLAIN = tuple(kind for kind in KINDS if not (kinds[kind].in_lists or kinds[kind].in_boxes))


@pytest.mark.parametrize("kind", PLAIN)
def test_a_loss_and_its_slope_count_a_row_of_weight_2_twice(kind: str) -> None:
    classes = ("a", "b", "c", "d") if kinds[kind].needs_classes else ()
    task = TaskSpec(kind, kind, classes[:2] if kind == "binary" else classes)
    size = task.n_outputs
    groups = grouped((task,), Shape(1, (size,), Trunk()))
    labels = CODES.clamp(max=1) if kind == "binary" else CODES
    targets = labels.masked_fill(HIDDEN, torch.nan)[..., None]
    share = TIMES.float().expand(2, -1) / torch.where(HIDDEN, torch.nan, TIMES.float()).nanmean(1, keepdim=True)
    outputs = OUTPUTS[..., :size].clone().requires_grad_()
    once = task_losses(outputs, Labels(targets, weights=share[..., None]), groups, complete=False)
    twice = task_losses(outputs[:, AGAIN], Labels(targets[:, AGAIN]), groups, complete=False)
    torch.testing.assert_close(once.values, twice.values)
    (expected,) = torch.autograd.grad(twice.values.sum(), outputs)
    torch.testing.assert_close(once.pulled(torch.ones(2, 1)), expected, atol=1e-6, rtol=1e-4)


# --- in a data set ----------------------------------------------------------------------------------------------
def weighted(zero_lists: bool = True) -> Dataset:
    data = table_of_all_kinds()
    assert data.queries is not None
    rng = np.random.default_rng(7)
    of_lists = rng.uniform(0.5, 2, data.queries.max() + 1) * 1e6
    if zero_lists:
        of_lists[::3] = 0
    return replace(data, row_weights=of_lists[data.queries])


def spoiled(data: Dataset) -> Dataset:
    """Other labels and boxes in the rows that do not count."""
    assert data.row_weights is not None
    out = data.row_weights == 0
    targets, boxes = data.targets.copy(), {name: each.copy() for name, each in data.boxes.items()}
    for name in targets:
        labels = targets[name].to_numpy().copy()
        known = out & ~np.isnan(labels)
        labels[known] = np.random.default_rng(1).permutation(labels[known])
        targets[name] = labels
    for each in boxes.values():
        each[out] = each[out] * 3 + 50
    return replace(data, targets=targets, boxes=boxes)


def trained(data: Dataset, class_weights: str = "none") -> list[Progress | UnitFinished]:
    training = Training(steps=30, batch_size=32, evaluate_every=10, class_weights=class_weights)
    plan = Experiment(
        Relatedness(),
        KINDS,
        trunk=Trunk(width=8),
        training=training,
        plan=Plan(folds=2, equal_parameters=False),
    )
    unit = plan.units(shape_for(plan, data))[0]
    found = advance(plan, unit, prepared_for(plan, data), data.tasks, None).events
    return [each for each in found if isinstance(each, (Progress, UnitFinished))]


@pytest.mark.parametrize("class_weights", ["none", "balanced"])
def test_labels_of_rows_that_do_not_count_change_nothing_that_training_says_whatever_the_kind(
    class_weights: str,
) -> None:
    data = weighted()
    for a, b in zip(*(trained(each, class_weights=class_weights) for each in (data, spoiled(data))), strict=True):
        if isinstance(a, Progress) and isinstance(b, Progress):
            for name in ("train", "validation", "validation_error", "test_error"):
                np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-5, err_msg=name)
        elif isinstance(a, UnitFinished) and isinstance(b, UnitFinished):
            for name, scores in a.scores.items():
                np.testing.assert_allclose(scores, b.scores[name], rtol=1e-5, err_msg=name)


def test_numbers_are_learned_from_the_mean_that_the_training_rows_weights_say() -> None:
    data = weighted().choose(("regression",))
    assert data.row_weights is not None
    prepared, labels = prepare(data, 3, 0), data.targets["regression"].to_numpy()
    for p, train in enumerate(prepared.train):
        rows = train[train < data.n_rows]
        rows = rows[~np.isnan(labels[rows])]
        mean = np.average(labels[rows], weights=data.row_weights[rows])
        assert prepared.mean[p, 0] == pytest.approx(mean, 1e-5)
        assert mean != pytest.approx(labels[rows].mean(), 1e-2)


def test_the_error_that_training_reports_is_scikit_learns_with_the_weights_of_the_test_rows() -> None:
    data = weighted(zero_lists=False).choose(("binary",))
    assert data.row_weights is not None
    data = replace(data, row_weights=data.row_weights**6)
    assert data.row_weights is not None
    plan = Experiment(Relatedness(), ("binary",), trunk=Trunk(width=8), plan=Plan(folds=2, equal_parameters=False))
    unit, prepared = plan.units(shape_for(plan, data))[0], prepare(data, 2, plan.plan.seed)
    stack = Stack(plan, unit, prepared, data.tasks)
    reported = evaluate(stack).test_error
    with torch.no_grad():
        outputs, labels = predict(stack, stack.parameters, slice(None))
    first = stack.batches.n_validation
    for r, replica in enumerate(unit.replicas):
        rows = prepared.test[replica.fold]
        truth = prepared.targets[replica.fold, rows, 0]
        known = ~np.isnan(truth)
        chances = torch.sigmoid(outputs[r, first:, 0]).numpy()[: len(rows)]
        np.testing.assert_array_equal(labels.targets[r, first:, 0].numpy()[: len(rows)], truth)
        weighed, plainly = (
            log_loss(truth[known], chances[known], sample_weight=each) for each in (data.row_weights[rows][known], None)
        )
        assert reported[r, 0] == pytest.approx(weighed, 1e-4)
        assert weighed != pytest.approx(plainly, 1e-3)


def test_an_uploaded_table_with_weights_is_loaded_with_them(tmp_path: Path) -> None:
    path = tmp_path / "survey.csv"
    table = frame()
    table.to_csv(path, index=False)
    data = csv_source(str(path), ("income",)).load()
    assert data.row_weights is not None
    np.testing.assert_allclose(data.row_weights, table["survey_weight"])


def test_weights_change_what_is_learned_and_only_their_ratio_counts() -> None:
    data = weighted(zero_lists=False)
    assert data.row_weights is not None
    larger = replace(data, row_weights=data.row_weights * 1e9)
    plain, one, other = (trained(each)[-2] for each in (replace(data, row_weights=None), data, larger))
    assert isinstance(plain, Progress)
    assert isinstance(one, Progress)
    assert isinstance(other, Progress)
    np.testing.assert_allclose(one.test_error, other.test_error, rtol=1e-4)
    assert not np.allclose(one.test_error, plain.test_error, rtol=1e-3, equal_nan=True)


def test_labels_weigh_1_on_average_in_training_and_in_validation_and_classes_count_alike() -> None:
    data = weighted()
    prepared, t = prepare(data, 3, 0), KINDS.index("multiclass")
    for alike in (False, True):
        weights = label_weights(prepared, data.tasks, alike)
        assert weights is not None
        assert data.row_weights is not None
        for p, train in enumerate(prepared.train):
            rows = train[~np.isnan(prepared.targets[p, train, t])]
            assert weights[p, rows, t].mean() == pytest.approx(1, 1e-5)
            codes = prepared.targets[p, rows, t].astype(int)
            sums = np.bincount(codes, weights[p, rows, t], 4)
            repeated = np.repeat(codes, np.rint(data.row_weights[rows] / 100).astype(int))
            balance = compute_class_weight("balanced", classes=np.arange(4), y=repeated) if alike else np.ones(4)
            shares = np.bincount(repeated, minlength=4) * balance
            np.testing.assert_allclose(sums / sums.sum(), shares / shares.sum(), rtol=1e-3)
    validation = prepared.validation[0][~np.isnan(prepared.targets[0, prepared.validation[0], t])]
    plain = label_weights(prepared, data.tasks, False)
    assert plain is not None
    assert plain[0, validation, t].mean() == pytest.approx(1, 1e-5)


def test_the_error_of_a_constant_counts_classes_by_their_rows_weights() -> None:
    data = weighted()
    assert data.row_weights is not None
    kept = data.row_weights > 0
    same = replace(data, features=data.features[kept], targets=data.targets[kept], groups=None, queries=None, boxes={})
    same = replace(same, row_weights=data.row_weights[kept])
    task = data.tasks[KINDS.index("multiclass")]
    assert trivial_error(task, data) == pytest.approx(trivial_error(task, same), 1e-9)
    assert trivial_error(task, data) != pytest.approx(trivial_error(task, replace(data, row_weights=None)), 1e-4)


# --- from a table -----------------------------------------------------------------------------------------------
def frame(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    made = {"x": rng.normal(size=40), "income": rng.normal(size=40), "survey_weight": rng.uniform(1, 9, 40)}
    return pd.DataFrame(made | columns)


RECIPE = Recipe(("x",), (("income", "regression"),), weight="survey_weight")


@pytest.mark.parametrize("name", ["survey_weight", "Sample Weight", "fnlwgt", "case-wt", "样本权重", "权重", "PWEIGHT"])
def test_a_column_named_like_a_weight_of_rows_is_proposed_as_one(name: str) -> None:
    table = frame().rename(columns={"survey_weight": name})
    assert guess_recipe(table).weight == name
    assert name not in guess_recipe(table).features


@pytest.mark.parametrize("name", ["weight", "Whole weight", "body_weight", "weight_kg", "体重"])
def test_how_heavy_a_thing_is_stays_a_feature_or_a_task(name: str) -> None:
    recipe = guess_recipe(frame().rename(columns={"survey_weight": name}))
    assert recipe.weight == ""
    assert name in recipe.columns


def test_of_two_weights_one_is_proposed_and_the_other_left_out() -> None:
    recipe = guess_recipe(frame(case_weight=1.0 + np.arange(40) % 2))
    assert (recipe.weight, "case_weight" in recipe.columns) == ("survey_weight", False)
    (below,) = (each for each in guess(frame(survey_weight=np.arange(40.0) - 3)) if each.name == "survey_weight")
    assert (below.role, below.reason) == ("ignore", "named like the weight of a row, but 3 are below 0")


def test_a_recipe_with_a_weight_goes_to_json_and_back_and_forgets_a_column_that_is_gone() -> None:
    assert Recipe.from_text(RECIPE.to_text()) == RECIPE
    assert RECIPE.role_of("survey_weight") == "weight"
    assert RECIPE.without({"survey_weight"}).weight == ""


def test_the_table_of_roles_takes_one_weight_and_gives_the_recipe_back() -> None:
    columns = guess(frame(case_weight=1.0 + np.arange(40)))
    table = role_table(columns)
    assert to_recipe(table).weight == "survey_weight"
    assert to_recipe(role_table(columns, to_recipe(table))) == to_recipe(table)
    table.loc[table["column"] == "case_weight", "role"] = WEIGHT
    with pytest.raises(InvalidInput, match="are both weights; keep one"):
        to_recipe(table)


def test_words_taken_as_missing_leave_a_weight_and_no_feature() -> None:
    table = frame(survey_weight=["heavy", *map(str, np.arange(1, 40) / 7)])
    recipe = guess_recipe(table)
    assert (recipe.weight, "survey_weight" in recipe.columns) == ("", False)
    (finding,) = [each for each in diagnose(table, recipe) if each.code == "text-in-numbers"]
    assert finding.recipe is not None
    assert (finding.recipe.weight, finding.recipe.features) == ("survey_weight", recipe.features)


def test_lists_are_kept_together_without_weights_that_differ_within_one() -> None:
    table = frame(query_id=np.repeat(np.arange(8), 5), grade=np.tile([0.0, 1, 2, 3, 1], 8))
    recipe = replace(RECIPE, features=("x", "query_id"), tasks=(("grade", "regression"),))
    for weights, left in ((table["survey_weight"], ""), (table["query_id"] + 1.0, "survey_weight")):
        (finding,) = [each for each in diagnose(table.assign(survey_weight=weights), recipe) if each.code == "queries"]
        assert finding.recipe is not None
        assert finding.recipe.weight == left
        assert ("let all rows count alike" in finding.fix) == (not left)
        build_dataset(table.assign(survey_weight=weights), finding.recipe, "Lists")


def test_a_verdict_says_that_rows_count_by_their_weights() -> None:
    data = replace(weighted(), boxes={}, queries=None).choose(("regression", "binary"))
    plan = Experiment(Relatedness(), ("regression", "binary"), trunk=Trunk(width=4), plan=Plan(folds=2))
    history = History(plan, data.tasks, shape_for(plan, data))
    assert WEIGHTED in compare(history, data).notes
    assert WEIGHTED not in compare(history, replace(data, row_weights=None)).notes


def test_a_data_set_keeps_the_weights_and_says_how_many_rows_they_are_worth() -> None:
    table = frame(survey_weight=np.repeat([1.0, 3.0], 20))
    data = build_dataset(table, RECIPE, "Survey")
    assert data.row_weights is not None
    np.testing.assert_array_equal(data.row_weights, table["survey_weight"])
    assert any("40 rows tell about as much as 32 that count alike" in note for note in data.notes)
    assert data.fingerprint != build_dataset(table, replace(RECIPE, weight=""), "Survey").fingerprint


def test_each_value_a_task_keeps_the_weights_of_its_rows() -> None:
    table = pd.concat([frame()] * 3, ignore_index=True).assign(shop=np.repeat(["a", "b", "c"], 40))
    table["survey_weight"] = np.arange(120) + 1.0
    table = table.drop(range(50, 70)).reset_index(drop=True)  # of shop b too few rows are left
    data = build_dataset(table, replace(RECIPE, each="shop"), "Shops")
    assert data.row_weights is not None
    np.testing.assert_array_equal(data.row_weights, table["survey_weight"][table["shop"] != "b"])


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([1.0, np.nan, np.nan], r"has no number in row 2 of the data \(1 more\)"),
        ([1.0, -3.0, 1.0], r"has -3 in row 2 of the data, and a row counts 0 or more"),
        ([1.0, 1.0, 1e300], r"has 1e\+300 in row 3"),
        ([1.0, np.inf, 1.0], r"has inf in row 2"),
        (["1", "<b>$many", "2"], r"has text \('<b>\$many'\) in row 2"),
        ([0.0, 0.0, 0.0], r"is 0 in every row"),
    ],
)
def test_cells_that_are_no_weights_are_refused_in_one_sentence(cells: list[object], says: str) -> None:
    table = frame(survey_weight=pd.Series([*cells, *[cells[0]] * 37]))
    with pytest.raises(InvalidInput, match=says):
        build_dataset(table, RECIPE, "Survey")
    found = [each for each in diagnose(table, RECIPE) if "survey_weight" in each.columns and each.recipe is not None]
    ((what, mended),) = [(each.what, each.recipe) for each in found if each.code == "row-weights"]
    assert re.search(says, what)
    assert "too-large" not in [each.code for each in found]
    assert mended is not None
    assert build_dataset(table, mended, "Survey").row_weights is None


def test_rows_of_a_ranked_list_have_one_weight() -> None:
    table = frame(day=np.repeat(np.arange(8), 5), grade=np.tile([0.0, 1, 2, 3, 1], 8))
    recipe = replace(RECIPE, tasks=(("grade", "ranking"),), query="day")
    with pytest.raises(InvalidInput, match="rows of 'day' '0' have different weights in 'survey_weight'"):
        build_dataset(table, recipe, "Days")
    fine = build_dataset(table.assign(survey_weight=table["day"] + 1.0), recipe, "Days")
    assert fine.row_weights is not None


def test_new_tasks_are_not_learned_from_rows_that_count_unlike() -> None:
    table = frame(shop=np.repeat(np.arange(8), 5))
    data = build_dataset(table, replace(RECIPE, group="shop"), "Shops")
    with pytest.raises(InvalidInput, match="let the column of weights be ignored"):
        usable(data, "income", 2)
    assert usable(replace(data, row_weights=None), "income", 2).n_rows == 40
