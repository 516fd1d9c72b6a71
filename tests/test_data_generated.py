"""Generated families keep what defines them: a cosine, hidden groups, two waves, a biased funnel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from mtl_core.data.base import Source
from mtl_core.data.synthetic_funnel import Funnel
from mtl_core.data.synthetic_tasks import Correlated, HiddenGroups, Sinusoids

Numbers = NDArray[np.floating[Any]]
FAMILIES: list[Source] = [Correlated(), HiddenGroups(), Sinusoids(), Funnel()]


def table(source: Source) -> tuple[Numbers, Numbers]:
    data = source.load()
    return data.features.to_numpy(float), data.targets.to_numpy(float)


@pytest.mark.parametrize("source", FAMILIES, ids=lambda each: each.name)
def test_draws_are_fresh_rows_of_one_world(source: Source) -> None:
    first, second = source.draw(1), source.draw(2)
    assert not np.array_equal(first.features, second.features)
    assert first.fingerprint == source.draw(1).fingerprint
    assert source.load().fingerprint == source.draw(0).fingerprint


# --- MMoE's tasks -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("correlation", [-1.0, -0.3, 0.0, 0.5, 0.9, 1.0])
def test_the_dial_is_the_cosine_between_what_the_tasks_look_at(correlation: float) -> None:
    """Stein's lemma: for normal inputs the best straight line of f(w . x) points along w, whatever f."""
    source = Correlated(correlation=correlation, rows=50_000, noise=0.0, waves=2)
    lines = np.asarray(np.linalg.lstsq(*table(source), rcond=None)[0])
    cosine = lines[:, 0] @ lines[:, 1] / np.sqrt((lines**2).sum(0).prod())
    assert_allclose(abs(cosine), abs(correlation), atol=0.05)
    exact = source.directions().astype(float)
    assert_allclose(exact.T @ exact / source.scale**2, [[1, correlation], [correlation, 1]], atol=1e-6)


def test_labels_correlate_more_the_higher_the_dial() -> None:
    """Figure 2 of the paper: Pearson correlation of the labels rises with the cosine."""
    found = [
        np.asarray(np.corrcoef(table(Correlated(correlation=each, rows=5000))[1].T))[0, 1]
        for each in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert (np.diff(found) > 0.02).all()
    assert abs(found[0]) < 0.05
    assert found[-1] > 0.95


def test_at_cosine_one_the_tasks_are_one_function() -> None:
    labels = table(Correlated(correlation=1.0, noise=0.0))[1]
    assert_allclose(labels[:, 0], labels[:, 1], atol=1e-5)


# --- hidden groups ------------------------------------------------------------------------------------------------
def rank(labels: Numbers) -> int:
    values = np.linalg.svd(labels - labels.mean(0), compute_uv=False)
    return int((values > 1e-3 * values[0]).sum())


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_tasks_of_one_group_live_in_two_latents_and_groups_share_none(groups: int) -> None:
    source = HiddenGroups(tasks=9, groups=groups, rows=2000, noise=0.0)
    labels, group_of = table(source)[1], np.array(source.group_of())
    assert set(group_of) == set(range(groups))
    assert np.ptp(np.bincount(group_of)) <= 1
    for group in range(groups):
        assert rank(labels[:, group_of == group]) == 2
    assert rank(labels) == 2 * groups


def test_without_relatedness_even_a_group_shares_nothing() -> None:
    assert rank(table(HiddenGroups(tasks=4, groups=2, rows=2000, noise=0.0, relatedness=0.0))[1]) == 4


def test_groups_are_dealt_by_the_seed() -> None:
    assert len({HiddenGroups(seed=seed).group_of() for seed in range(10)}) > 3


# --- sines --------------------------------------------------------------------------------------------------------
def test_every_task_is_a_sine_of_its_own_height_and_shift() -> None:
    source = Sinusoids(tasks=20)
    inputs, labels = table(source)
    waves = np.column_stack([np.sin(inputs[:, 0]), np.cos(inputs[:, 0])])
    parts, left, *_ = np.linalg.lstsq(waves, labels, rcond=None)
    assert_allclose(left, 0, atol=1e-8)
    wanted = np.array([source.sine(t) for t in range(20)])
    assert_allclose(np.hypot(*parts), wanted[:, 0], atol=1e-4)
    assert_allclose(np.arctan2(parts[1], parts[0]), wanted[:, 1], atol=1e-4)
    assert ((wanted >= [0.1, 0]) & (wanted <= [5, np.pi])).all()
    assert np.abs(inputs).max() <= 5


def test_fewer_labels_are_exactly_as_many_as_asked_for() -> None:
    data = Sinusoids(rows=100, labels=0.1).load()
    assert data.targets.count().tolist() == [10] * 6
    full = Sinusoids(rows=100).load().targets.to_numpy()
    kept = data.targets.notna().to_numpy()
    assert_array_equal(data.targets.to_numpy()[kept], full[kept])


# --- funnel -------------------------------------------------------------------------------------------------------
BIG = 40_000


def test_rates_are_as_asked_for() -> None:
    data = Funnel(rows=BIG, click_rate=0.15, buy_rate=0.3).load().targets
    assert_allclose(data["click"].mean(), 0.15, atol=0.01)
    assert_allclose(data["would buy"].mean(), 0.3, atol=0.01)


def test_a_purchase_is_known_only_after_a_click_and_all_columns_agree() -> None:
    data = Funnel().load().targets
    clicked = data["click"] == 1
    assert data["purchase after a click"].notna().equals(clicked)
    assert_array_equal(data["purchase after a click"][clicked], data["would buy"][clicked])
    assert_array_equal(data["click and purchase"], data["click"] * data["would buy"])


def test_clicked_rows_overstate_the_rate_unless_clicks_have_nothing_to_do_with_buying() -> None:
    def bias(source: Funnel) -> float:
        data = source.load().targets
        return float(data["purchase after a click"].mean() - data["would buy"].mean())

    assert bias(Funnel(rows=BIG)) > 0.2
    assert abs(bias(Funnel(rows=BIG, alike=0.0, mood=0.0))) < 0.02
    assert bias(Funnel(rows=BIG, alike=0.0, mood=3.0)) > bias(Funnel(rows=BIG, alike=0.0, mood=1.0)) > 0.02


def test_a_rate_learned_from_clicked_rows_is_too_high_for_everyone() -> None:
    """scikit-learn's logistic regression, fitted where purchases are known, asked about all."""
    from sklearn.linear_model import LogisticRegression

    data = Funnel(rows=BIG, alike=0.0).load()
    inputs, known = data.features.to_numpy(), data.targets["click"] == 1
    fitted = LogisticRegression().fit(inputs[known], data.targets["would buy"][known])
    assert fitted.predict_proba(inputs)[:, 1].mean() > data.targets["would buy"].mean() + 0.05


def test_what_nobody_can_know_may_be_left_out() -> None:
    data = Funnel(would_buy=False).load()
    assert [task.name for task in data.tasks] == ["click", "purchase after a click", "click and purchase"]
    assert "nobody knows" in data.notes[0]
