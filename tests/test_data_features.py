"""Dates, free text, many categories and scaled numbers as inputs: fitted on training rows, names survive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import QuantileTransformer, RobustScaler, StandardScaler

from mtl_core.data.base import Dataset
from mtl_core.data.building import build_dataset
from mtl_core.data.columns import guess
from mtl_core.data.dates import date_order, moments_of
from mtl_core.data.encoders import INPUT_LIMIT
from mtl_core.data.inputs import Inputs
from mtl_core.data.prepare import encoded_names, prepare
from mtl_core.data.recipe import Recipe, guess_recipe
from mtl_core.data.splits import splits
from mtl_core.registry import InvalidInput

N = 240
RNG = np.random.default_rng(0)
WORDS = ["bus", "late", "driver", "rude", "clean", "seat", "window", "ticket", "price", "cold"]
SIGNS = "公交车晚点司机态度好座位干净票价贵"
FRAME = pd.DataFrame(
    {
        "when": [f"{1 + i % 28}/{1 + i % 12}/2023 {i % 24:02}:30" for i in range(N)],
        "comment": [" ".join(RNG.choice(WORDS, 6)) for _ in range(N)],
        "评论": ["".join(RNG.choice(list(SIGNS), 10)) for _ in range(N)],
        "city": [f"city {i % 120}" for i in range(N)],
        "pay": np.where(RNG.random(N) < 0.2, np.nan, RNG.lognormal(3, 1, N)),
        "y": RNG.normal(size=N),
    }
)
RECIPE = Recipe(
    ("when", "comment", "评论", "city", "pay"),
    (("y", "regression"),),
    dates=(("when", "day first"),),
    texts=("comment", "评论"),
)


def made(inputs: Inputs = RECIPE.inputs, *features: str, frame: pd.DataFrame = FRAME) -> Dataset:
    chosen = features or RECIPE.features
    return build_dataset(frame, replace(RECIPE.without(set(RECIPE.features) - set(chosen)), inputs=inputs), "t")


def first_fold(data: Dataset) -> tuple[pd.DataFrame, np.ndarray]:
    """The inputs of the first of three folds by name, and its training rows."""
    prepared = prepare(data, 3, 0)
    train = splits(data, 3, 0)[0].train
    return pd.DataFrame(prepared.inputs[0, :-1], columns=encoded_names(data)), train


def standardised(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    scaled = StandardScaler().fit(values[train]).transform(values)
    clipped: np.ndarray = np.clip(scaled, -INPUT_LIMIT, INPUT_LIMIT)
    return clipped


# --- dates --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("texts", "order", "first"),
    [
        (["1/12/2017", "13/12/2017"], "day first", "2017-12-01"),
        (["3/4/21 1:05 PM", "3/14/21 12:05 am"], "month first", "2021-03-04T13:05:00"),
        (["2024-01-31T13:45:01Z", "2024-02-01"], "year first", "2024-01-31T13:45:01"),
        (["2024年3月1日", "2024年12月31日"], "year first", "2024-03-01"),
        (["01.02.1999", "02.02.1999", "03.03.1999"], "day first", "1999-02-01"),
        (["1/2/20", "1/3/20", "1/4/20"], "month first", "2020-01-02"),
        ([*(f"{day}/3/2020" for day in range(13, 32)), "1/13/2020"], "day first", "2020-03-13"),
        (["13/13/2020", "1/1/2020"], "", ""),
        (["192.168.1.1", "10.0.0.1"], "", ""),
        (["late", "early"], "", ""),
        ([None, None], "", ""),
    ],
)
def test_the_order_of_a_date_is_found_on_the_whole_column(texts: list[str], order: str, first: str) -> None:
    column = pd.Series(texts, dtype="str")
    assert date_order(column) == order
    if order:
        assert moments_of(column, order)[0] == pd.Timestamp(first)


@pytest.mark.parametrize("write", ["{}-{:02}", "{}/{}", "{}年{}月"])
def test_a_month_of_a_year_is_its_first_day(write: str) -> None:
    column = pd.Series([write.format(1949 + i // 12, 1 + i % 12) for i in range(40)])
    assert date_order(column) == "year first"
    assert_array_equal(
        moments_of(column, "year first"), pd.date_range("1949-01-01", periods=40, freq="MS").astype("datetime64[s]")
    )
    assert date_order(column.str.replace("1", "77")) == ""


def test_what_is_no_date_is_missing_and_is_counted() -> None:
    frame = FRAME.assign(when=["soon", "31/2/2023", *FRAME["when"][2:]])
    data = made(RECIPE.inputs, "when", frame=frame)
    assert data.features["when"].isna().sum() == 2
    assert "2 of 240 cells of 'when' are no dates that read day first; they count as missing." in data.notes
    assert "when is missing" in encoded_names(data)
    with pytest.raises(InvalidInput, match="'when' has no date that reads year first"):
        build_dataset(frame, replace(RECIPE, dates=(("when", "year first"),)), "t")
    with pytest.raises(InvalidInput, match="cannot be 'backwards'"):
        build_dataset(frame, replace(RECIPE, dates=(("when", "backwards"),)), "t")


def test_a_date_becomes_days_and_places_on_circles() -> None:
    found, train = first_fold(made(RECIPE.inputs, "when"))
    moments = pd.to_datetime(FRAME["when"], format="%d/%m/%Y %H:%M")
    days = (moments - moments.min()).dt.total_seconds().to_numpy()[:, None]
    assert_allclose(found["when · days"], standardised(days, train)[:, 0], atol=1e-4)
    for part, name, steps in (("month", "month", 12), ("weekday", "day_of_week", 7), ("hour", "hour", 24)):
        angle = 2 * np.pi * getattr(moments.dt, name).to_numpy() / steps
        circle = standardised(np.stack([np.sin(angle), np.cos(angle)], 1), train)
        assert_allclose(found[[f"when · {part}, sine", f"when · {part}, cosine"]], circle, atol=1e-4)


def test_parts_of_a_date_that_never_vary_are_no_inputs() -> None:
    frame = FRAME.assign(when=[f"2023-05-{1 + i % 28:02}" for i in range(N)])
    data = build_dataset(frame, Recipe(("when",), (("y", "regression"),), dates=(("when", "year first"),)), "t")
    assert encoded_names(data) == ["when · days", "when · weekday, sine", "when · weekday, cosine"]


# --- texts --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("column", "how"), [("comment", {"analyzer": "word"}), ("评论", {"analyzer": "char", "ngram_range": (1, 2)})]
)
def test_a_text_becomes_what_scikit_learn_makes_of_the_training_rows(column: str, how: dict[str, object]) -> None:
    found, train = first_fold(made(Inputs(text_parts=5), column))
    texts = FRAME[column].to_numpy(object)
    counter = TfidfVectorizer(max_features=5000, sublinear_tf=True, **how)
    reducer = TruncatedSVD(5, random_state=0).fit(counter.fit_transform(texts[train]))
    expected = standardised(reducer.transform(counter.transform(texts)), train)
    assert list(found.columns) == [f"{column} · part {i}" for i in range(1, 6)]
    signs = np.sign((found.to_numpy() * expected).sum(0))
    assert_allclose(found.to_numpy() * signs, expected, atol=2e-3)


def test_words_of_the_test_rows_change_nothing_for_the_training_rows() -> None:
    before, train = first_fold(made(RECIPE.inputs, "comment"))
    held = np.setdiff1d(np.arange(N), train)
    other = FRAME["comment"].copy()
    other.iloc[held] = "words that nobody else has written ever"
    after, _ = first_fold(made(RECIPE.inputs, "comment", frame=FRAME.assign(comment=other)))
    assert_array_equal(before.iloc[train], after.iloc[train])
    assert not after.iloc[held].equals(before.iloc[held])


def test_texts_without_a_word_are_zero() -> None:
    found, _ = first_fold(made(RECIPE.inputs, "comment", frame=FRAME.assign(comment=["!", "?", "... -"] * 80)))
    assert found.shape == (N, 16)
    assert not found.to_numpy().any()


def test_a_text_that_is_empty_is_flagged() -> None:
    found, _ = first_fold(made(RECIPE.inputs, "comment", frame=FRAME.assign(comment=FRAME["comment"].mask(pay_less()))))
    assert found.columns[-1] == "comment is missing"
    assert found["comment is missing"].nunique() == 2


def pay_less() -> pd.Series:
    return FRAME["pay"].isna()


# --- categories ---------------------------------------------------------------------------------------------------
def test_many_categories_share_inputs_as_scikit_learn_hashes_them() -> None:
    data = made(Inputs(hashes=8), "city")
    found, train = first_fold(data)
    table = FeatureHasher(8, input_type="string").transform([[city] for city in FRAME["city"]]).toarray()
    assert_allclose(found, standardised(table, train), atol=1e-5)
    assert list(found.columns) == [f"city · hash {i}" for i in range(1, 9)]
    assert "Feature 'city' has 120 different texts; they share 8 inputs (hashing)." in data.notes


def test_a_category_that_no_training_row_has_says_nothing() -> None:
    frame = FRAME.assign(city=["a", "b"] * (N // 2))
    train = splits(made(RECIPE.inputs, "city", frame=frame), 3, 0)[0].train
    held = np.setdiff1d(np.arange(N), train)
    frame.loc[held[0], "city"] = "new"
    found, again = first_fold(made(RECIPE.inputs, "city", frame=frame))
    assert_array_equal(train, again)
    assert not found["city = new"].any()


# --- numbers ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scale", ["standard", "robust", "quantile"])
def test_numbers_are_scaled_as_scikit_learn_does_on_the_training_rows(scale: str) -> None:
    found, train = first_fold(made(Inputs(scale=scale), "pay"))
    values = FRAME["pay"].to_numpy()[:, None]
    filled = np.where(np.isnan(values), np.nanmedian(values[train]), values)
    scaler = {
        "standard": StandardScaler(),
        "robust": RobustScaler(unit_variance=True),
        "quantile": QuantileTransformer(n_quantiles=len(train), output_distribution="normal"),
    }[scale]
    expected = np.clip(scaler.fit(filled[train]).transform(filled), -INPUT_LIMIT, INPUT_LIMIT)[:, 0]
    assert_allclose(found["pay"], expected, atol=1e-4)
    assert found["pay is missing"].nunique() == 2


@pytest.mark.parametrize("scale", ["robust", "quantile"])
def test_a_number_that_does_not_vary_in_training_is_zero(scale: str) -> None:
    assert not first_fold(made(Inputs(scale=scale), "pay", frame=FRAME.assign(pay=3.0)))[0].to_numpy().any()
    mostly = FRAME.assign(pay=np.where(np.arange(N) % 10, 0.0, 5.0))  # the middle half is one value
    assert np.isfinite(first_fold(made(Inputs(scale=scale), "pay", frame=mostly))[0].to_numpy()).all()


def test_without_flags_an_empty_number_is_the_median_and_no_more() -> None:
    found, _ = first_fold(made(Inputs(flags=False), "pay"))
    assert list(found.columns) == ["pay"]


# --- proposals and fingerprints -----------------------------------------------------------------------------------
def test_dates_texts_and_names_are_proposed_as_what_they_are() -> None:
    columns = {column.name: column for column in guess(FRAME)}
    assert (columns["when"].type, columns["when"].order) == ("date", "day first")
    assert columns["comment"].type == columns["评论"].type == "text"
    recipe = guess_recipe(FRAME)
    assert (recipe.dates, recipe.texts) == ((("when", "day first"),), ("comment", "评论"))


def test_a_recipe_with_everything_goes_through_its_text() -> None:
    recipe = replace(
        RECIPE, query="q", kept=(("city", "NA"),), split="time", by="when", inputs=Inputs("robust", False, 8, 64)
    )
    assert Recipe.from_text(recipe.to_text()) == recipe
    with pytest.raises(InvalidInput, match="scale"):
        Recipe.from_text('{"features": [], "tasks": [], "inputs": {"scale": "huge"}}')


@pytest.mark.parametrize("change", [{"inputs": Inputs(scale="robust")}, {"texts": ("city",)}, {"split": "random"}])
def test_what_changes_the_inputs_changes_the_fingerprint(change: dict[str, object]) -> None:
    frame, plain = FRAME[["city", "pay", "y"]], Recipe(("city", "pay"), (("y", "regression"),))
    before = build_dataset(frame, plain, "t")
    after = build_dataset(frame, replace(plain, **change), "t")  # type: ignore[arg-type]
    assert before.fingerprint != after.fingerprint
    assert before.fingerprint == build_dataset(frame, plain, "t").fingerprint
