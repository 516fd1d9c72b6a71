"""What folds lack, seen and mended on the Data page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.own_table import csv, drop, told
from tests.room import room

ROWS = 300
LATE = np.arange(ROWS) >= 0.4 * ROWS
RANDOM = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "heat": RANDOM.normal(size=ROWS),
        "day": pd.date_range("2023-01-01", periods=ROWS).strftime("%Y-%m-%d"),
        "sales": RANDOM.normal(size=ROWS),
        "sold": np.where(LATE & (RANDOM.random(ROWS) < 0.5), "yes", "no"),
    }
)


def test_a_split_whose_folds_lack_an_answer_is_found_and_mended_by_a_click(tmp_path: Path) -> None:
    with room(tmp_path) as place:
        at = drop(place, csv(TABLE))
        assert "But split so: Task 'sold' has one answer only ('no')" in told(at)
        assert not [each for each in at.button if "Train on the past" in each.label]
        next(each for each in at.selectbox if each.label == "How rows are split").set_value("time").run()
        assert "Task 'sold' has one answer only ('no') to train with in" in told(at)
        assert "past and future by 'day'" in told(at)
        next(each for each in at.button if each.label == "Split evenly").click().run()
        assert not at.exception
        assert "Rows are split: evenly" in told(at)
        assert "Split evenly" not in [each.label for each in at.button]
