"""Verdicts in words, and numbers over several tasks."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from mtl_core.data.base import Dataset
from mtl_core.evaluation import explain, words
from mtl_core.evaluation.summaries import delta_m, flat_mean_gain, trivial_error
from mtl_core.evaluation.verdict import TaskVerdict
from mtl_core.tasks import TaskSpec


def verdict_of(**changed: Any) -> TaskVerdict:
    facts: dict[str, Any] = {"sharing": "hard", "baseline": "equal_width", "task": "body mass", "metric": "rrmse"}
    facts |= {"alone": 0.5, "together": 0.43, "gain": 14.0, "low": 9.0, "high": 19.0, "relative": True}
    facts |= {"p": 0.001, "p_holm": 0.003, "verdict": "helps", "folds": 10, "inits": 3, "provisional": False}
    facts |= {"smallest": 5.2, "compared": 3}
    return TaskVerdict(**(facts | changed))


def test_sentences_say_verdict_size_and_interval() -> None:
    assert verdict_of().sentence() == "Sharing helps body mass (error 14 % lower, 9 to 19)."
    worse = verdict_of(verdict="hurts", gain=-14.0, low=-19.0, high=-9.04)
    assert worse.sentence() == "Sharing hurts body mass (error 14 % higher, 9 to 19)."
    same = verdict_of(verdict="no clear difference", gain=3.04, low=-5.0, high=11.2)
    expected = "Sharing makes no clear difference to body mass (error 3 % lower, from 5 % higher to 11 % lower)."
    assert same.sentence() == expected
    equal = verdict_of(verdict="no clear difference", gain=0.0, low=-0.001, high=0.001)
    assert equal.sentence() == "Sharing makes no clear difference to body mass (error the same)."
    small = verdict_of(metric="log_loss", relative=False, gain=0.01234, low=0.004, high=0.02)
    assert small.sentence() == "Sharing helps body mass (log-loss 0.0123 lower, 0.004 to 0.02)."


def test_why_and_what_would_change_it_are_plain_sentences() -> None:
    why = " ".join(explain.why(verdict_of()))
    for part in ("0.5 alone and 0.43 together", "10 folds", "3 initialisations", "0.003 after Holm", "9 to 19 % lower"):
        assert part in why
    assert explain.would_change(verdict_of()) == ("Effects smaller than about 5.2 % could not be seen by this run.",)
    quick = " ".join(explain.would_change(verdict_of(folds=5, inits=1)))
    assert "This rests on 5 folds x 1 initialisation; 10 folds x 3 initialisations make it a full verdict." in quick


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.5, "0.5"),
        (0.43216, "0.432"),
        (1234.5, "1,230"),
        (99.96, "100"),
        (1e-7, "1e-07"),
        (-3.14159, "-3.14"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(3.04, "3"), (3.46, "3.5"), (9.96, "10"), (-48.2, "48"), (12345, "more than 999")]
)
def test_percentages_have_no_decimals_from_10_up(value: float, text: str) -> None:
    assert words.percent(value) == text


UP = frozenset({"iou", "accuracy", "<11.25", "<22.5", "<30"})
ALONE = {
    "segmentation": {"iou": 38.30, "accuracy": 63.76},
    "depth": {"absolute": 0.6754, "relative": 0.2780},
    "normals": {"mean": 25.01, "median": 19.21, "<11.25": 30.14, "<22.5": 57.20, "<30": 69.15},
}
TOGETHER = {
    "segmentation": {"iou": 39.29, "accuracy": 65.33},
    "depth": {"absolute": 0.5493, "relative": 0.2263},
    "normals": {"mean": 28.15, "median": 23.96, "<11.25": 22.09, "<22.5": 47.50, "<30": 61.08},
}


def test_the_flat_mean_is_what_nash_mtl_prints_for_nyuv2_and_delta_m_has_the_other_sign() -> None:
    """Navon et al., ICML 2022: equal weights on NYUv2 are printed as 5.59 (their sign: lower is better)."""
    assert flat_mean_gain(ALONE, TOGETHER, UP) == pytest.approx(-5.59, abs=0.005)
    assert delta_m(ALONE, TOGETHER, UP) > 0


def test_the_trivial_error_of_classes_is_the_entropy_of_their_shares() -> None:
    number, species = TaskSpec("mass", "regression"), TaskSpec("species", "multiclass", ("a", "b", "c"))
    assert trivial_error(number) == 1.0
    assert trivial_error(species) == pytest.approx(math.log(3))
    targets = pd.DataFrame({"species": [0.0, 0.0, 1.0, 2.0, None]})
    dataset = Dataset("x", "X", pd.DataFrame(index=targets.index), targets, (species,))
    assert trivial_error(species, dataset) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(4))
