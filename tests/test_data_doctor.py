"""What would spoil a comparison is found, each finding once; its fix is a recipe that the finding is gone from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mtl_core.data.building import build_dataset
from mtl_core.data.columns import guess
from mtl_core.data.doctor import diagnose
from mtl_core.data.findings import Finding, merged
from mtl_core.data.recipe import Recipe, guess_recipe
from mtl_core.data.treatment import treated
from mtl_core.registry import InvalidInput

ROWS = 200
RECIPE = Recipe(("x", "z", "odd"), (("y", "regression"), ("kind", "multiclass")))


def table(**changed: object) -> pd.DataFrame:
    """A healthy table, with some columns replaced."""
    random = np.random.default_rng(0)
    columns: dict[str, object] = {name: random.normal(size=ROWS) for name in ("x", "z", "odd", "y")}
    return pd.DataFrame(
        columns | {"kind": random.choice(["a", "b", "c"], ROWS)} | {"moment": np.arange(ROWS)} | changed
    )


def normal(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=ROWS)


def spoilt() -> dict[str, tuple[pd.DataFrame, Recipe]]:
    """For each code a table that has this finding and no other."""
    healthy = table()
    y, kind = healthy["y"], healthy["kind"]
    few = y.where(np.arange(ROWS) < 25)
    three = Recipe(("x", "z"), (("y", "regression"), ("u", "regression"), ("v", "regression")))
    u = normal(2)
    repeated = pd.concat([healthy, healthy.head(7)])
    rare = kind.where(np.arange(ROWS) > 3, "d")
    coded = pd.Series(normal(3)).where(np.arange(ROWS) % 20 != 0, -999.0)
    boxed = table(**{name: np.abs(normal(4 + i)) for i, name in enumerate(("left", "top", "width", "height"))})
    words = pd.Series(normal(3)).astype(str).where(np.arange(ROWS) % 50 != 0, "n.a.")
    slipped = pd.Series(normal(3)).where(np.arange(ROWS) != 5, 12345.0)
    closed = pd.Series(np.where(np.arange(ROWS) % 10 == 0, "no", "yes"))
    by_time = replace(RECIPE, split="time", by="moment")
    dated = Recipe(("x", "z", "odd", "day"), RECIPE.tasks, dates=(("day", "year first"),))
    return {
        "leak-copy": (table(odd=2.54 * y + 1), RECIPE),
        "leak-almost": (table(odd=np.exp(y) + 0.001 * normal()), RECIPE),
        "leak-value": (table(y=y.mask(closed == "no", 0), odd=closed), RECIPE),
        "leak-sum": (table(odd=y - healthy["z"]), RECIPE),
        "task-sum": (table(u=u, v=y + u), three),
        "subjects": (table(patient_id=np.arange(ROWS) % 40), RECIPE),
        "queries": (table(qid=np.arange(ROWS) % 40), RECIPE),
        "given-split": (table(part=np.where(np.arange(ROWS) % 5 == 0, "test", "train")), RECIPE),
        "time-order": (table(day=[f"2023-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(ROWS)]), dated),
        "rows-repeated": (repeated.reset_index(drop=True), RECIPE),
        "few-labels": (table(y=few), RECIPE),
        "nearly-constant": (table(y=np.where(np.arange(ROWS) == 9, 1.0, 0.0)), RECIPE),
        "rare-class": (table(kind=rare), RECIPE),
        "fold-one-answer": (table(kind=np.where(np.arange(ROWS) < 50, "a", kind)), by_time),
        "fold-new-class": (
            table(kind=kind.where((np.arange(ROWS) < 150) | (kind != "c"), "d")),
            by_time,
        ),
        "fold-no-label": (table(y=y.where(np.arange(ROWS) < 100)), by_time),
        "fold-refused": (table(moment=np.arange(ROWS) // 40), by_time),
        "sentinel": (table(odd=coded), RECIPE),
        "missing-word": (table(kind=kind.where(np.arange(ROWS) % 10 != 0, "无")), RECIPE),
        "box": (boxed, Recipe(("x", "z", "left", "top", "width", "height"), RECIPE.tasks)),
        "text-in-numbers": (table(odd=words), Recipe(("x", "z"), RECIPE.tasks)),
        "outlier": (table(odd=slipped), RECIPE),
        "too-large": (table(odd=pd.Series(normal(3)).where(np.arange(ROWS) % 20 != 0, 1e300)), RECIPE),
        "scales": (table(u=u, v=1000 * normal(5)), three),
        "empty-column": (table(odd=np.nan), RECIPE),
    }


def test_a_column_of_nothing_but_numbers_too_large_is_named_as_that() -> None:
    for wild in (1e300, np.inf):
        (finding,) = diagnose(table(odd=wild), RECIPE)
        assert finding.code == "too-large"
        assert finding.recipe is not None
        assert "odd" not in finding.recipe.columns


def test_a_sum_of_rounded_numbers_is_found_and_the_parts_are_the_fewest() -> None:
    a, b, c = normal(7), normal(8), normal(9)
    rare = np.where(np.arange(ROWS) < ROWS // 4, a - c, np.nan)
    frame = pd.DataFrame({"a": a.round(4), "b": b.round(4), "c": c.round(4), "rare": rare, "y": (a + b).round(4)})
    recipe = Recipe(("a", "b", "c"), (("y", "regression"), ("rare", "regression")))
    sums = {finding.columns for finding in diagnose(frame, recipe) if finding.code == "leak-sum"}
    assert ("y", "a", "b") in sums
    whole = pd.DataFrame({"a": np.arange(ROWS) % 17, "b": np.arange(ROWS) % 5, "y": np.arange(ROWS) % 7})
    assert diagnose(whole, Recipe(("a", "b"), (("y", "regression"),))) == ()
    twice = frame.assign(d=a + c)[["a", "b", "c", "d", "y"]]
    sums = {finding.columns for finding in diagnose(twice, Recipe(("a", "b", "c", "d"), (("y", "regression"),)))}
    assert ("y", "a", "b") in sums


def codes(found: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in found]


def test_a_healthy_table_has_no_findings() -> None:
    assert diagnose(table(), RECIPE) == ()


@pytest.mark.parametrize("code", spoilt())
def test_each_fault_is_found_alone_and_its_fix_mends_it(code: str) -> None:
    frame, recipe = spoilt()[code]
    (finding,) = diagnose(frame, recipe)
    assert finding.code == code
    assert finding.what.endswith(".")
    assert finding.why.endswith(".")
    if code == "scales":
        assert finding.recipe is None
        return
    assert finding.recipe is not None
    assert finding.fix
    mended = diagnose(frame, finding.recipe)
    assert codes(mended) in ([], ["empty-column"])
    assert all(each.recipe is None for each in mended)
    assert Recipe.from_text(finding.recipe.to_text()) == finding.recipe
    assert build_dataset(frame, finding.recipe, "t").n_rows in (ROWS, ROWS + 7)


PLACES = np.arange(ROWS)
SPLIT_COLUMNS = {
    "split": (np.where(PLACES % 5 == 0, "test", np.where(PLACES % 7 == 0, "val", "train")), {"test", "train", "val"}),
    "set": (np.where(PLACES % 5 == 0, "Test", "Training"), {"Test", "Training"}),
    "fold": (PLACES % 5, set("01234")),
    "CV fold": (PLACES % 10 + 1, {str(i) for i in range(1, 11)}),
    "fold_id": (np.array([f"fold {i % 5}" for i in PLACES]), {f"fold {i}" for i in range(5)}),
    "is_test": ((PLACES % 5 == 0).astype(int), {"test", "train"}),
    "isTrain": (PLACES % 5 > 0, {"test", "train"}),
    "in test set": (np.where(PLACES % 5 == 0, "yes", "no"), {"test", "train"}),
}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("name", SPLIT_COLUMNS)
def test_a_column_that_says_the_split_is_no_task_wherever_it_stands_and_can_be_kept_to(name: str, first: bool) -> None:
    cells, parts = SPLIT_COLUMNS[name]
    frame = table().drop(columns="moment").rename(columns={"y": "price"})
    frame.insert(0 if first else len(frame.columns), name, cells)
    recipe = guess_recipe(frame)
    assert [task for task, _ in recipe.tasks] == ["price", "kind"]
    assert name not in recipe.columns
    for used in (recipe, replace(recipe, tasks=(*recipe.tasks, (name, "multiclass")))):
        (finding,) = [each for each in diagnose(frame, used) if each.code == "given-split"]
        assert finding.recipe is not None
        assert name not in dict(finding.recipe.tasks)
        data = build_dataset(frame, finding.recipe, "t")
        assert (data.split, set(data.parts)) == ("column", parts)


def test_a_split_that_does_not_say_what_tests_is_named_and_left_out() -> None:
    gaps = pd.Series(SPLIT_COLUMNS["split"][0]).where(PLACES % 50 != 0)
    for name, cells in (("split", PLACES % 3), ("phase", np.where(PLACES % 5 == 0, "val", "train")), ("part", gaps)):
        frame = table().drop(columns="moment").assign(**{name: cells})
        recipe = guess_recipe(frame)
        assert name not in recipe.columns
        (finding,) = diagnose(frame, recipe)
        assert (finding.code, finding.recipe) == ("given-split", None)
        (finding,) = diagnose(frame, replace(recipe, features=(*recipe.features, name)))
        assert finding.recipe == recipe
        assert ("empty in 4 rows" in finding.what) == (cells is gaps)


def test_what_is_merely_called_like_a_split_stays_what_it_is() -> None:
    healthy = table().drop(columns="moment")
    for name, cells in (
        ("fold_change", PLACES % 5),
        ("above the fold", PLACES % 2),
        ("fold", normal(4)),
        ("set", PLACES % 3),
        ("is_test", PLACES % 3),
        ("split", normal(4)),
    ):
        frame = healthy.assign(**{name: cells})
        assert name in guess_recipe(frame).columns
        assert diagnose(frame, replace(RECIPE, features=(*RECIPE.features, name))) == ()


def test_a_class_is_given_away_by_a_number_or_by_words() -> None:
    kind = table()["kind"]
    number = kind.map({"a": 0.0, "b": 5.0, "c": 10.0}) + 0.01 * normal()
    words = kind.map({"a": "one", "b": "two", "c": "three"})
    for column, code in ((number, "leak-almost"), (words, "leak-copy")):
        assert codes(diagnose(table(odd=column), RECIPE)) == [code]


def test_a_fix_that_leaves_nothing_to_learn_from_is_not_offered() -> None:
    frame = table()
    (finding,) = diagnose(frame.assign(x=frame["y"]), Recipe(("x",), (("y", "regression"),)))
    assert (finding.code, finding.fix, finding.recipe) == ("leak-copy", "", None)


def test_frequent_values_and_honest_extremes_are_no_sentinels() -> None:
    thousand = np.linspace(0, 2000, ROWS).round()
    thousand[:5] = 999
    assert diagnose(table(odd=thousand), RECIPE) == ()
    heavy = np.random.default_rng(0).standard_t(4, ROWS)
    assert diagnose(table(odd=heavy), RECIPE) == ()


def test_rows_that_repeat_are_used_once_and_words_in_numbers_become_empty() -> None:
    frame, recipe = spoilt()["rows-repeated"]
    (finding,) = diagnose(frame, recipe)
    assert finding.recipe is not None
    assert build_dataset(frame, finding.recipe, "t").n_rows == ROWS
    plain = treated(pd.DataFrame({"a": ["1", "-", "2.5"], "b": [1, -9, 3]}), (("a", "-"), ("b", "-9")))
    np.testing.assert_array_equal(plain.to_numpy(float), [[1, 1], [np.nan, np.nan], [2.5, 3]])


@pytest.mark.parametrize("form", ["{}", "A{:03}", "{}.0"])
@pytest.mark.parametrize("name", ["id", "sample_id", "编号"])
def test_an_id_of_rows_that_stand_twice_is_left_out_before_and_after_each_is_used_once(name: str, form: str) -> None:
    once = table(moment=[form.format(i + 1) for i in range(ROWS)]).rename(columns={"moment": name})
    once[name] = pd.to_numeric(once[name]) if "A" not in form else once[name]
    frame = pd.concat([once, once.iloc[::10]]).sample(frac=1, random_state=0).reset_index(drop=True)
    column = next(each for each in guess(frame) if each.name == name)
    assert (column.type, column.role) == ("id", "ignore")
    assert column.reason == "named like an id; 20 of 220 rows repeat an earlier one"
    recipe = guess_recipe(frame)
    (finding,) = diagnose(frame, recipe)
    assert (finding.code, finding.fix) == ("rows-repeated", "Use each row once")
    assert finding.recipe is not None
    data = build_dataset(frame, finding.recipe, "t")
    assert (data.n_rows, name in data.features, name in recipe.columns) == (ROWS, False, False)


def test_numbers_that_are_merely_called_like_an_id_or_repeat_often_are_no_id() -> None:
    for name, cells in (("shop_id", PLACES % 60), ("id", PLACES % 8), ("id", normal(4)), ("width", PLACES // 2 * 3)):
        assert name in guess_recipe(table().drop(columns="moment").assign(**{name: cells})).features


@pytest.mark.parametrize("word", ["?", "-", "无", "Unknown", "n.a.", "#DIV/0!"])
def test_what_may_say_missing_is_counted_and_left_until_a_person_says_so(word: str) -> None:
    rows = np.arange(ROWS)
    frame = table(
        odd=pd.Series(normal(3)).astype(str).where(rows % 50 != 0, word),
        kind=table()["kind"].where(rows % 10 != 0, word),
        flag=np.where(rows % 20 == 0, word, np.where(rows % 2, "1", "0")),
    )
    recipe = Recipe(("x", "z", "flag"), (("y", "regression"), ("kind", "multiclass")))
    found = {each.columns[0]: each for each in diagnose(frame, recipe)}
    assert {name: each.code for name, each in found.items()} == {
        "odd": "text-in-numbers",
        "kind": "missing-word",
        "flag": "missing-word",
    }
    assert f"{word!r} (20)" in found["kind"].what
    assert f"{word!r} (4)" in found["odd"].what
    assert word in build_dataset(frame, recipe, "t").tasks[1].classes
    everything = merged(recipe, found.values())
    assert everything.features == ("x", "z", "flag", "odd")
    data = build_dataset(frame, everything, "t")
    assert data.tasks[1].classes == ("a", "b", "c")
    assert data.features[["odd", "flag"]].isna().sum().tolist() == [4, 10]
    assert data.features["flag"].dtype == float
    assert diagnose(frame, everything) == ()


def test_a_task_gets_its_kind_anew_when_a_word_of_it_is_no_class() -> None:
    frame = table(kind=np.where(np.arange(ROWS) % 7 == 0, "?", np.where(np.arange(ROWS) % 2, "yes", "no")))
    (finding,) = diagnose(frame, RECIPE)
    assert finding.recipe is not None
    assert dict(finding.recipe.tasks)["kind"] == "binary"


def test_a_column_that_is_not_there_cannot_have_missing_values() -> None:
    recipe = Recipe(("x",), (("y", "regression"),), missing=(("nowhere", "-"),))
    with pytest.raises(InvalidInput, match="no column 'nowhere'"):
        build_dataset(table(), recipe, "t")


CELLS = st.one_of(st.none(), st.sampled_from([0, 1, -999, 1e300, float("inf"), "", "a", "<b>", True]), st.floats())


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=20), st.sampled_from(["regression", "multiclass"]))
@settings(max_examples=30, deadline=None, phases=(Phase.generate,))
def test_no_table_makes_the_doctor_stumble(rows: list[list[object]], kind: str) -> None:
    frame = pd.DataFrame(rows, columns=["x", "y", "z"])
    for column in frame.columns[[pd.api.types.is_object_dtype(each) for each in frame.dtypes]]:
        frame[column] = frame[column].where(frame[column].isna(), frame[column].astype(str)).astype("str")
    for recipe in (guess_recipe(frame), Recipe(("x",), (("y", kind), ("z", kind))), Recipe(("no",), (("y", kind),))):
        for finding in diagnose(frame, recipe):
            assert bool(finding.fix) == (finding.recipe is not None)


def test_the_grades_of_a_ranking_are_learned_as_one() -> None:
    frame = table(qid=np.arange(ROWS) % 40, relevance=np.arange(ROWS) % 3)
    recipe = Recipe(("x", "z"), (("y", "regression"), ("relevance", "multiclass")))
    (fixed,) = [each.recipe for each in diagnose(frame, recipe) if each.code == "queries"]
    assert fixed is not None
    assert (fixed.query, fixed.tasks) == ("qid", (("y", "regression"), ("relevance", "ranking")))
    assert build_dataset(frame, fixed, "t").tasks[1].kind == "ranking"
