"""Two tables on one key: what matches is told, what cannot be told apart is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_core.data.join import as_parquet, joined, keys
from mtl_core.data.reading import read_table
from mtl_core.registry import InvalidInput

NAMES = ("grades.csv", "sports.csv")
GRADES = pd.DataFrame({"pupil": [3, 1, 2, 4], "age": [9, 8, 8, 10], "maths": [1.0, 2.0, 3.0, 4.0]})
SPORTS = pd.DataFrame({"pupil": ["2", "3", "9"], "age": [8, 9, 11], "run": [20.0, 30.0, 90.0]})


def test_each_table_may_label_another_task() -> None:
    found = joined(GRADES, SPORTS, "pupil", NAMES)
    rows = found.frame.set_index("pupil")
    assert set(rows.index) == {"1", "2", "3", "4", "9"}
    assert list(rows.columns) == ["age", "maths", "run"]
    assert rows.to_dict("index")["3"] == {"age": 9, "maths": 1.0, "run": 30.0}
    assert rows["age"].to_dict()["9"] == 11
    assert np.isnan(rows["maths"].to_dict()["9"])
    assert found.notes == (
        "Joined on 'pupil': 2 of 4 rows of grades.csv match sports.csv.",
        "2 rows of grades.csv have no match; they are kept, with empty cells for what the other table says.",
        "1 row of sports.csv has no match; it is kept, with empty cells for what the other table says.",
    )


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_rows_are_those_of_pandas_merge(seed: int) -> None:
    random = np.random.default_rng(seed)
    first = pd.DataFrame({"key": random.choice(30, 20, replace=False), "a": random.normal(size=20)})
    second = pd.DataFrame({"key": random.choice(30, 15, replace=False), "b": random.normal(size=15)})
    expected = first.merge(second, on="key", how="outer")
    found = joined(first, second, "key", NAMES).frame.assign(key=lambda table: table["key"].astype(int))
    pd.testing.assert_frame_equal(found.sort_values("key", ignore_index=True), expected)


@pytest.mark.parametrize("turned", [False, True])
def test_one_table_may_say_more_about_the_rows_of_the_other(turned: bool) -> None:
    visits = pd.DataFrame({"pupil": ["1", "1", "3", "7"], "visit": [1.0, 2.0, 3.0, 4.0]})
    tables, names = ((GRADES, visits), NAMES) if turned else ((visits, GRADES), NAMES[::-1])
    found = joined(*tables, "pupil", names)
    assert found.frame["visit"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert found.frame["maths"].tolist()[:3] == [2.0, 2.0, 1.0]
    assert np.isnan(found.frame["maths"].iloc[3])
    assert any("2 rows of grades.csv have no match; they are left out." in note for note in found.notes)


def test_columns_that_differ_are_told_apart() -> None:
    found = joined(GRADES, SPORTS.assign(age=[8, 99, 11]), "pupil", NAMES)
    assert list(found.frame.columns) == ["pupil", "age", "maths", "age (sports.csv)", "run"]
    assert found.notes[-1] == (
        "Column 'age' differs between the two tables; that of sports.csv is called 'age (sports.csv)'."
    )


@pytest.mark.parametrize(
    ("first", "second", "key", "message"),
    [
        (
            pd.concat([GRADES, GRADES]),
            pd.concat([SPORTS, SPORTS]),
            "pupil",
            "both tables have several rows with the same 'pupil', for instance '3' in grades.csv",
        ),
        (GRADES, SPORTS.assign(pupil=["a", "b", "c"]), "pupil", "no 'pupil' of sports.csv is in grades.csv"),
        (GRADES, SPORTS, "maths", "sports.csv has no column 'maths' to join on"),
    ],
)
def test_what_cannot_be_joined_is_refused(first: pd.DataFrame, second: pd.DataFrame, key: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        joined(first, second, key, NAMES)


def test_rows_without_a_key_match_nothing() -> None:
    found = joined(GRADES.assign(pupil=[3, 1, np.nan, np.nan]), SPORTS, "pupil", NAMES)
    assert found.notes[0] == "Joined on 'pupil': 1 of 2 rows of grades.csv match sports.csv."


def test_a_key_of_numbers_stays_one() -> None:
    found = joined(GRADES, SPORTS.assign(pupil=[2, 3, 9]), "pupil", NAMES).frame
    assert sorted(found["pupil"]) == [1, 2, 3, 4, 9]


def test_the_most_telling_key_is_proposed_first() -> None:
    assert keys(GRADES, SPORTS) == ("pupil", "age")
    assert keys(GRADES, SPORTS[["run"]]) == ()


def test_a_joined_table_is_a_file_like_any_other() -> None:
    frame = joined(GRADES, SPORTS, "pupil", NAMES).frame
    again, _ = read_table(as_parquet(frame), "both.parquet")
    assert as_parquet(frame) == as_parquet(frame)
    pd.testing.assert_frame_equal(again, frame)
