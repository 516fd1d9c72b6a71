"""Tables that people bring: what their columns become, what is refused or noted, and how uploads are kept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtl_core.data.columns import guess
from mtl_core.data.prepare import encoded_names, prepare
from mtl_core.data.table import (
    CsvFile,
    Recipe,
    Upload,
    build_dataset,
    csv_source,
    load_upload,
    read_table,
    store_upload,
)
from mtl_core.experiment import Experiment
from mtl_core.registry import InvalidInput


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path / "home"))
    return tmp_path


def text_table(columns: dict[str, Sequence[object]]) -> bytes:
    """A CSV file of these columns, quoted where needed."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue().encode()


def numbers(n: int = 30, **more: Sequence[object]) -> pd.DataFrame:
    """Two numbers to predict from, and whatever the test is about."""
    random = np.random.default_rng(0)
    return pd.DataFrame({"x": random.random(n), "y": random.random(n), **more})


def built(frame: pd.DataFrame, *tasks: tuple[str, str]) -> object:
    return build_dataset(frame, Recipe(("x",), tasks), "t")


# --- data sets --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("frame", "task", "message"),
    [
        (numbers(1), ("y", "regression"), "'t' has 1 row; at least 10"),
        (numbers(9), ("y", "regression"), "'t' has 9 rows; at least 10"),
        (numbers(z=[None] * 30), ("z", "regression"), "'z' has no value in any row"),
        (numbers(z=[1.0] * 3 + [None] * 27), ("z", "regression"), "'z' has 3 labels"),
        (numbers(z=[3] * 30), ("z", "regression"), "'z' is '3' in every row"),
        (numbers(z=["a", *"b" * 29]), ("z", "regression"), r"'z' has text in row 1 of the data \('a'\)"),
        (
            numbers(z=["1"] * 16 + ["n.a."] + ["2"] * 13),
            ("z", "regression"),
            r"text in row 17 of the data \('n.a.'\); leave it empty",
        ),
        (numbers(z=[1e300, *range(29)]), ("z", "regression"), r"'z' has 1e\+300 in row 1"),
        (numbers(z=[*range(29), float("-inf")]), ("z", "regression"), "'z' has an infinite number in row 30"),
        (numbers(z=[1e39, *range(29)]), ("z", "regression"), r"'z' has 1e\+39 in row 1"),
        (
            numbers(z=[*range(29), -2]),
            ("z", "count"),
            "in row 30 of the data, and no count or grade is below 0",
        ),
        (numbers(z=range(30)), ("z", "ranking"), "task 'z' is an order within lists, but no column says"),
        (numbers(z=range(30)), ("z", "binary"), "'z' has 30 classes; a binary task has 2"),
        (numbers(60, z=range(60)), ("z", "multiclass"), "at most 50 classes"),
        (numbers(z=range(30)), ("z", "guess"), "there is no task kind 'guess'"),
        (numbers(), ("yy", "regression"), "no column 'yy'; did you mean 'y'"),
        (numbers(), ("x", "regression"), "'x' has two roles"),
    ],
)
def test_a_task_that_cannot_be_learned_is_refused_in_one_sentence(
    frame: pd.DataFrame, task: tuple[str, str], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as refusal:
        built(frame, task)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("features", "tasks", "message"),
    [
        ((), (("y", "regression"),), "no feature yet"),
        (("x",), (), "no task yet"),
        (("x", "gone"), (("y", "regression"),), "no column 'gone'"),
        (("x", "almost"), (("y", "regression"),), r"'almost' has text in row 3 of the data \('-'\)"),
        (("x", "huge"), (("y", "regression"),), r"'huge' has 1e\+300 in row 1"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused(
    features: tuple[str, ...], tasks: tuple[tuple[str, str], ...], message: str
) -> None:
    almost = [str(i) if i != 2 else "-" for i in range(150)]
    frame = numbers(150, almost=almost, huge=[1e300] * 150)
    with pytest.raises(InvalidInput, match=message):
        build_dataset(frame, Recipe(features, tasks), "t")


def test_what_is_odd_but_harmless_is_noted() -> None:
    frame = numbers(same=[1] * 30, rare=["a"] * 20 + ["b"] * 9 + ["c"])
    frame["copy"] = 2.54 * frame["y"] + 1
    frame["code"] = frame["rare"].map({"a": 10, "b": 20, "c": 20})
    recipe = Recipe(("x", "same", "copy", "code"), (("y", "regression"), ("rare", "multiclass")))
    assert build_dataset(frame, recipe, "t").notes == (
        "Class 'c' of task 'rare' has one label only: it can be learned or tested, never both.",
        "Feature 'same' never varies; it tells nothing.",
        "Feature 'copy' gives task 'y' away; leave one of them out.",
    )
    grade = build_dataset(frame, Recipe(("code",), (("rare", "multiclass"),)), "t")
    assert not [note for note in grade.notes if "away" in note]  # 20 stands beside both b and c
    frame["code"] = frame["rare"].map({"a": 10, "b": 20, "c": 30})
    grade = build_dataset(frame, Recipe(("code",), (("rare", "multiclass"),)), "t")
    assert "Feature 'code' gives task 'rare' away; leave one of them out." in grade.notes


def test_labels_missing_in_one_task_cost_no_row_of_another() -> None:
    frame = numbers(z=["yes", "no", None] * 10)
    data = build_dataset(frame, Recipe(("x",), (("y", "regression"), ("z", "binary"))), "t")
    assert data.n_rows == 30
    assert data.tasks[1].classes == ("no", "yes")
    assert data.targets["z"].tolist()[:2] == [1.0, 0.0]
    assert data.targets["z"].isna().sum() == 10


def test_classes_keep_the_order_of_numbers_and_are_named_without_decimals() -> None:
    frame = numbers(z=[10.0, 9.0, 2.0, np.nan, 9.0] * 6)
    data = build_dataset(frame, Recipe(("x",), (("z", "multiclass"),)), "t")
    assert data.tasks[0].classes == ("2", "9", "10")
    assert data.targets["z"].tolist()[:3] == [2.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("cells", "classes", "doubt"),
    [
        (["High", "low", "medium"], ("low", "medium", "High"), False),
        (["10 points", "9 points", "2 points"], ("2 points", "9 points", "10 points"), False),
        ([3.0, 10.0, 2.0], ("2", "3", "10"), False),
        (["优", "差", "良"], ("差", "良", "优"), False),
        (["gold", "silver", "bronze"], ("bronze", "gold", "silver"), True),
    ],
)
def test_steps_are_taken_in_the_order_that_their_names_say_and_the_order_is_told(
    cells: list[object], classes: tuple[str, ...], doubt: bool
) -> None:
    data = build_dataset(numbers(z=cells * 10), Recipe(("x",), (("z", "ordinal"),)), "t")
    assert data.tasks[0].classes == classes
    assert data.targets["z"].tolist()[:3] == [float(classes.index(str(each).removesuffix(".0"))) for each in cells]
    assert data.notes[0].startswith(f"The steps of task 'z' are taken in this order: {' < '.join(classes)}")
    assert ("alphabet" in data.notes[0]) == doubt


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("number of visits", range(12), "count"),
        ("n_flares", [0, 1, 2], "count"),
        ("投诉次数", [0, 1, 5], "count"),
        ("word_count", [12, 80, 4000], "count"),
        ("account", [0, 1, 2], "multiclass"),
        ("n_flares", [-1, 0, 7], "regression"),
        ("star rating", [1, 2, 3, 4, 5], "ordinal"),
        ("满意度", [1, 2, 3], "ordinal"),
        ("z", ["low", "high", "medium"], "ordinal"),
        ("z", ["red", "green", "blue"], "multiclass"),
        ("level", ["low", "high"], "binary"),
    ],
)
def test_counts_and_steps_are_proposed_where_names_say_so(name: str, cells: Sequence[object], kind: str) -> None:
    (column,) = guess(pd.DataFrame({name: [*cells] * 10}))
    assert column.kind == kind


def test_numbers_can_stand_for_categories() -> None:
    frame = numbers(zip=[75001, 10115, 75001] * 10)
    recipe = Recipe(("zip",), (("y", "regression"),), categories=("zip",))
    assert encoded_names(build_dataset(frame, recipe, "t")) == ["zip = 10115", "zip = 75001"]


def test_rows_of_one_subject_are_one_group_and_nameless_ones_are_alone() -> None:
    frame = numbers(who=["ann", "bob", None] * 10)
    data = build_dataset(frame, Recipe(("x",), (("y", "regression"),), group="who"), "t")
    assert data.groups is not None
    assert len(np.unique(data.groups)) == 12
    assert len({data.groups[0], data.groups[3]}) == 1
    assert "(10)" in data.notes[0]


def test_more_folds_than_subjects_are_refused() -> None:
    frame = numbers(who=["ann", "bob", "eve", "dan", "kim"] * 6)
    data = build_dataset(frame, Recipe(("x",), (("y", "regression"),), group="who"), "t")
    assert prepare(data, 5, 0).test.shape == (5, 6)
    with pytest.raises(InvalidInput, match="has 5 groups, but 10 folds"):
        prepare(data, 10, 0)


# --- uploads ----------------------------------------------------------------------------------------------------
def mixed() -> bytes:
    return text_table(
        {
            "x": [i / 7 for i in range(30)],
            "flag": ["True", "False", ""] * 10,
            "colour": ["red", "", "blue"] * 10,
            "id": range(1000, 1030),
            "a": [i % 4 + 0.5 for i in range(30)],
            "b": ["hi", "lo"] * 15,
        }
    )


def test_an_upload_is_kept_once_and_loads_as_it_was_read() -> None:
    first, second = store_upload(mixed(), "mine.csv"), store_upload(mixed(), "/tmp/../other.csv")
    assert first == second
    frame, reading = load_upload(first)
    fresh, _ = read_table(mixed(), "mine.csv")
    pd.testing.assert_frame_equal(frame, fresh)
    assert reading.filename == "mine.csv"


def test_an_upload_and_its_file_are_one_data_set_and_go_through_json(home: Path) -> None:
    path = home / "mine.csv"
    path.write_bytes(mixed())
    source = csv_source(str(path), ("a", "b"))
    upload = source.stored()
    data = upload.load()
    assert data.fingerprint == source.load().fingerprint
    assert [(task.name, task.kind) for task in data.tasks] == [("a", "regression"), ("b", "binary")]
    assert list(data.features.columns) == ["x", "flag", "colour"]
    for each in (source, upload):
        experiment = Experiment(each, ("b", "a"))
        again = Experiment.from_json(json.loads(json.dumps(experiment.to_json())))
        assert again == experiment
        assert again.data.load().choose(again.tasks).fingerprint == data.choose(("b", "a")).fingerprint


def test_a_table_without_a_recipe_is_used_as_proposed(home: Path) -> None:
    path = home / "mine.csv"
    path.write_bytes(mixed())
    assert [task.name for task in CsvFile(str(path)).load().tasks] == ["a", "b"]


@pytest.mark.parametrize("fingerprint", ["", "../../etc/passwd", "0123456789abcdef", "0" * 17])
def test_an_upload_that_is_not_there_is_refused(fingerprint: str) -> None:
    with pytest.raises(InvalidInput, match="there is no upload"):
        Upload(fingerprint).load()


@pytest.mark.parametrize("path", ["", "/nowhere/at/all.csv", "nul\0byte"])
def test_a_file_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="there is no file"):
        CsvFile(path).load()


def test_a_wrong_task_name_on_the_command_line_is_refused_with_a_hint(home: Path) -> None:
    path = home / "mine.csv"
    path.write_bytes(mixed())
    with pytest.raises(InvalidInput, match="no column 'color'; did you mean 'colour'"):
        csv_source(str(path), ("color",))


def test_a_refused_file_leaves_nothing_behind(home: Path) -> None:
    with pytest.raises(InvalidInput):
        store_upload(b"a,b\n", "t.csv")
    assert not list((home / "home").rglob("*.*"))


def test_a_path_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"CsvFile.path must be a text; got 3"):
        CsvFile.from_settings({"path": 3})
