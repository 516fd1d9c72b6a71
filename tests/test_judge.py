"""Paired errors become the right verdict: goldens, laws, false alarms and power."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mtl_core.evaluation import explain
from mtl_core.evaluation.intervals import holm, paired_interval, ratio_of_rows
from mtl_core.evaluation.judge import Setting, judge
from mtl_core.tasks import TaskSpec

Doubles = NDArray[np.float64]

TASKS = tuple(TaskSpec(f"task {t + 1}", "regression") for t in range(3))
SETTING = Setting("hard", "equal_width", "alone:32", TASKS, (1.0, 1.0, 1.0))


def errors(seed: int, folds: int = 10, inits: int = 3, tasks: int = 3, spread: float = 0.1) -> Doubles:
    drawn = np.random.default_rng(seed).normal(0, spread, (folds, inits, tasks))
    return 0.5 * np.exp(drawn)


# --- statistics ------------------------------------------------------------------------------------------------
def test_the_corrected_interval_gives_the_published_example() -> None:
    d = [1.2, -0.4, 0.8, 1.5, 0.3]
    assert paired_interval(d).p == pytest.approx(0.1136, abs=5e-5)
    assert paired_interval(d, 30 / 70).p == pytest.approx(0.3183, abs=5e-5)


def test_without_correction_it_is_the_paired_t_of_scipy() -> None:
    from scipy import stats

    d = np.random.default_rng(0).normal(0.2, 1, 12)
    ours, theirs = paired_interval(d), stats.ttest_1samp(d, 0)
    assert ours.p == pytest.approx(theirs.pvalue)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))


def test_holm_gives_the_published_example() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_keeps_their_order_and_is_below_bonferroni(p: list[float]) -> None:
    adjusted = holm(p)
    order = np.argsort(p, kind="stable")
    assert (adjusted >= np.asarray(p) - 1e-12).all()
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (adjusted <= np.minimum(len(p) * np.asarray(p), 1) + 1e-12).all()


@given(
    st.lists(st.floats(-5, 5, allow_subnormal=False), min_size=2, max_size=12), st.floats(0, 1, allow_subnormal=False)
)
def test_the_interval_leaves_out_0_exactly_where_p_is_below_5_percent(d: list[float], ratio: float) -> None:
    interval = paired_interval(d, ratio)
    if abs(interval.p - 0.05) > 1e-6:
        assert (interval.low > 0 or interval.high < 0) == (interval.p < 0.05)


def test_ten_folds_share_rows_in_the_ratio_1_to_9_and_new_data_shares_none() -> None:
    assert ratio_of_rows(10, False) == pytest.approx(1 / 9)
    assert ratio_of_rows(10, True) == 0
    assert ratio_of_rows(4, False, "time") == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_rolling_folds_have_wider_intervals_than_folds_dealt_evenly() -> None:
    alone, together = np.random.default_rng(0).uniform(1, 2, (2, 10, 3, 3))
    evenly, rolling = (judge(alone, together, replace(SETTING, split=split)) for split in ("spread", "time"))
    for a, b in zip(evenly, rolling, strict=True):
        assert a.gain == b.gain
        assert (b.low or 0) < (a.low or 0) < (a.high or 0) < (b.high or 0)


# --- laws of a verdict -----------------------------------------------------------------------------------------
def test_a_clear_gain_helps_a_clear_loss_hurts_and_the_rest_is_the_default() -> None:
    alone = errors(0)
    together = alone * np.exp(np.random.default_rng(1).normal([-0.3, 0.3, 0.0], 0.05, alone.shape))
    verdicts = judge(alone, together, SETTING)
    assert [each.verdict for each in verdicts] == ["helps", "hurts", "no clear difference"]
    assert verdicts[0].gain == pytest.approx(100 * (1 - math.exp(-0.3)), abs=2)
    assert not any(each.provisional for each in verdicts)


@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-1, 1, allow_subnormal=False))
@settings(max_examples=40, deadline=None)
def test_the_gain_is_the_change_of_the_error_in_percent_whatever_its_unit(seed: int, unit: float, shift: float) -> None:
    alone, together = errors(seed), errors(seed + 1) * math.exp(shift)
    plain, scaled = judge(alone, together, SETTING), judge(unit * alone, unit * together, SETTING)
    for a, b in zip(plain, scaled, strict=True):
        assert a.alone is not None
        assert a.together is not None
        assert a.gain == pytest.approx(100 * (a.alone - a.together) / a.alone)
        assert (b.gain, b.low, b.high, b.p_holm) == pytest.approx((a.gain, a.low, a.high, a.p_holm))
        assert a.verdict == b.verdict


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_swapping_the_sides_swaps_helps_and_hurts(seed: int) -> None:
    alone, together = errors(seed), errors(seed + 1) * np.array([0.8, 1.0, 1.25])
    swapped = {"helps": "hurts", "hurts": "helps", "no clear difference": "no clear difference"}
    forth, back = judge(alone, together, SETTING), judge(together, alone, SETTING)
    assert [swapped[each.verdict] for each in forth] == [each.verdict for each in back]
    assert [each.p for each in forth] == pytest.approx([each.p for each in back])


def test_a_network_against_itself_makes_no_difference() -> None:
    for verdict in judge(errors(3), errors(3), SETTING):
        assert (verdict.verdict, verdict.gain, verdict.p) == ("no clear difference", 0.0, 1.0)


def test_rounding_is_no_difference() -> None:
    alone = errors(3)
    assert {each.verdict for each in judge(alone, alone * (1 - 2e-7), SETTING)} == {"no clear difference"}


def test_fewer_than_five_folds_carry_no_verdict() -> None:
    alone = errors(0, folds=4)
    for verdict in judge(alone, alone / 2, SETTING):
        assert verdict.verdict == "not enough seeds"
        assert verdict.p_holm is None
        assert verdict.gain == pytest.approx(50)
        assert "4 folds, at least 5 are needed" in verdict.sentence()


@pytest.mark.parametrize(
    ("folds", "inits", "provisional"), [(10, 3, False), (10, 1, True), (5, 6, True), (30, 1, False)]
)
def test_a_quick_look_is_provisional(folds: int, inits: int, provisional: bool) -> None:
    verdict = judge(errors(0, folds, inits), errors(1, folds, inits), SETTING)[0]
    assert verdict.provisional == provisional
    assert verdict.sentence().startswith("Provisionally, sharing") == provisional


def test_an_unfinished_run_is_provisional() -> None:
    assert judge(errors(0), errors(1), replace(SETTING, finished=False))[0].provisional


def test_a_base_below_the_floor_is_compared_by_difference_and_says_so() -> None:
    alone, together = errors(0), errors(1)
    alone[2, :, 1] = 0.005
    one, two, _ = judge(alone, together, SETTING)
    assert one.relative
    assert not one.reason
    assert not two.relative
    assert two.gain == pytest.approx((alone - together)[..., 1].mean())
    assert "below 0.01" in two.reason


def test_a_perfect_score_together_is_compared_by_difference() -> None:
    together = errors(1)
    together[0, :, 0] = 0.0
    verdict = judge(errors(0), together, SETTING)[0]
    assert not verdict.relative
    assert verdict.gain is not None


def test_pairs_with_a_diverged_side_are_left_out_on_both_sides() -> None:
    alone, together = errors(0), errors(1)
    broken = together.copy()
    broken[4, 1, 0] = np.nan
    verdict = judge(alone, broken, SETTING)[0]
    assert (verdict.excluded, verdict.folds, verdict.inits) == (1, 10, 3)
    kept_alone = np.delete(alone[4, :, 0], 1).mean()
    expected = np.log(alone[..., 0].mean(1))
    expected[4] = np.log(kept_alone)
    assert verdict.alone == pytest.approx(np.exp(expected.mean()))
    assert "1 pair of networks left out" in " ".join(explain.would_change(verdict))
    broken[4, :, 0] = np.nan
    assert judge(alone, broken, SETTING)[0].folds == 9


wild = arrays(float, (6, 2, 3), elements=st.sampled_from([np.nan, np.inf, 0.0, 1e-300, 1e-12, 0.3, 1.0, 7.0, 1e30]))


@given(wild, wild)
@settings(max_examples=60, deadline=None)
def test_whatever_the_networks_did_every_number_is_finite_or_unknown(alone: Doubles, together: Doubles) -> None:
    for verdict in judge(alone, together, SETTING):
        json.dumps(verdict.to_json(), allow_nan=False)
        text = " ".join([verdict.sentence(), *explain.why(verdict), *explain.would_change(verdict)]).lower()
        assert not {"nan", "inf", "none"} & set(text.replace(",", " ").replace(".", " ").split())


def test_nothing_known_is_not_enough_seeds() -> None:
    verdict = judge(np.full((10, 3, 3), np.nan), errors(0), SETTING)[0]
    assert (verdict.verdict, verdict.gain, verdict.alone, verdict.folds) == ("not enough seeds", None, None, 0)


def test_new_data_in_every_fold_takes_the_ordinary_paired_t() -> None:
    alone, together = errors(0), errors(1)
    d = (np.log(alone.mean(1)) - np.log(together.mean(1)))[:, 0]
    assert judge(alone, together, SETTING)[0].p == pytest.approx(paired_interval(d, 1 / 9).p)
    assert judge(alone, together, replace(SETTING, new_data=True))[0].p == pytest.approx(paired_interval(d).p)


# --- false alarms and power, simulated ----------------------------------------------------------------------------
def simulated_verdicts(effect: float, trials: int) -> list[str]:
    """Log errors of folds that share training rows: a common part a table, a fold's part, an initialisation's part."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(trials):
        fold = rng.normal(0, 0.2, (10, 1, 3))
        common = rng.normal(0, 0.02, 3)  # the same for all folds of a table: what the correction is for
        alone, together = (np.exp(fold + rng.normal(0, 0.12, (10, 3, 3))) for _ in range(2))
        found += [each.verdict for each in judge(alone, together * np.exp(common - effect), SETTING)]
    return found


def test_without_an_effect_at_least_95_of_100_verdicts_are_no_clear_difference() -> None:
    assert simulated_verdicts(0.0, 100).count("no clear difference") >= 285


def test_an_effect_of_a_sixth_is_found_in_most_trials() -> None:
    found = simulated_verdicts(0.16, 60)
    assert found.count("helps") >= 0.8 * len(found)
    assert "hurts" not in found
