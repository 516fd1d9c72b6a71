"""What a run can be expected to see is near what runs have seen, and more work sees more."""

from __future__ import annotations

import pytest

from mtl_core.evaluation.resolution import smallest_effect
from mtl_core.experiment import Plan

MEASURED = [
    *[(100, 10, 3, 13.9), (300, 10, 3, 8.4), (1000, 10, 3, 6.5)],
    *[(100, 10, 1, 21.4), (300, 10, 1, 13.2), (1000, 10, 1, 9.6)],
    *[(100, 5, 1, 25.4), (300, 5, 1, 15.7), (1000, 5, 1, 15.1)],
]


@pytest.mark.parametrize(("rows", "folds", "inits", "seen"), MEASURED)
def test_the_expected_effect_is_near_the_median_that_was_measured(
    rows: int, folds: int, inits: int, seen: float
) -> None:
    assert smallest_effect(Plan(folds=folds, inits=inits), rows) == pytest.approx(seen, rel=0.25)


def test_more_rows_folds_and_initialisations_see_smaller_effects() -> None:
    base = smallest_effect(Plan(folds=10, inits=3), 300)
    assert base is not None
    for plan, rows in [(Plan(folds=10, inits=1), 300), (Plan(folds=5, inits=3), 300), (Plan(folds=10, inits=3), 150)]:
        assert (smallest_effect(plan, rows) or 0) > base


def test_without_a_verdict_there_is_no_smallest_effect() -> None:
    assert smallest_effect(Plan(folds=4, inits=3), 300) is None
