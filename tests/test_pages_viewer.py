"""Examples on the Data page: pictures as they are, texts letter for letter, labels beneath."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.data.base import Dataset, Source, sources
from mtl_core.data.bundled import Digits
from mtl_core.data.images import pictures
from mtl_core.data.synthetic_images import Shapes, TwoDigits
from mtl_core.data.synthetic_reviews import Reviews
from mtl_core.tasks import TaskSpec
from pages.ui.addresses import PICTURES_IN_BATCH
from pages.ui.data_view import preview_rows
from pages.ui.viewer import PICTURES, TEXTS, framed, labels, shaded, written
from tests.room import Room, room, said


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("viewer")) as place:
        yield place


def look(place: Room, source: Source) -> AppTest:
    at = place.open("data")
    at.session_state["viewed"] = source
    at.session_state["shelf"] = source.shelf
    return at.run()


def captions(at: AppTest) -> list[str]:
    return [found.caption for each in at.get("image") for found in each.proto.imgs]


@pytest.mark.parametrize("source", [Digits(), TwoDigits(rows=60)], ids=lambda each: each.name)
def test_pictures_stand_on_the_page_with_their_labels(place: Room, source: Source) -> None:
    at = look(place, source)
    assert not at.error
    assert captions(at) == [" · ".join(values) for values in labels(source.load(), slice(0, PICTURES))]


def test_other_pictures_come_with_a_click_and_the_first_again_after_the_last(place: Room) -> None:
    source = TwoDigits(rows=50, noise=0.5)
    at = look(place, source)
    seen = []
    for _ in range(5):
        seen.append(captions(at))
        next(each for each in at.button if each.label == "Others").click().run()
    assert [len(each) for each in seen] == [14, 14, 14, 8, 14]
    assert seen[0] == seen[4] != seen[1]


def test_a_plain_table_has_nothing_to_look_at(place: Room) -> None:
    at = place.open("data")
    assert not at.get("image")
    assert not [each for each in at.button if each.label == "Others"]


def test_texts_stand_on_the_page_with_their_labels(place: Room) -> None:
    at = look(place, Reviews(language="Chinese", rows=60))
    assert not at.error
    data = Reviews(language="Chinese", rows=60).load()
    words = said(at)
    assert all(text in words for text in data.features["review"][:TEXTS])
    assert data.features["review"][TEXTS] not in words
    assert f"topic {labels(data, slice(0, 1))[0][0]} · mood" in words


def test_a_label_is_said_by_its_name_and_a_missing_one_by_a_dash() -> None:
    data = Dataset(
        "t",
        "T",
        pd.DataFrame({"note": ["one", None]}),
        pd.DataFrame({"kind": [1.0, np.nan], "size": [0.25, np.nan]}),
        (TaskSpec("kind", "binary", ("a", "b")), TaskSpec("size", "regression")),
        texts=("note",),
    )
    assert labels(data, slice(0, 2)) == [["b", "0.25"], ["–", "–"]]
    assert written(data, slice(0, 2)) == ["one", ""]


def test_a_pixel_becomes_a_square_of_its_own_shade() -> None:
    data = Shapes(rows=50, noise=0.0).load()
    seen = pictures(data, slice(0, 3))
    shown = shaded(seen)
    assert shown.shape == (3, 96, 96, 3)
    np.testing.assert_allclose(shown[:, 2::4, 1::4], 255 * seen, atol=1)
    grey = shaded(pictures(Digits().load(), slice(0, 5)))
    assert grey.shape == (5, 96, 96)
    assert (grey.min(), grey.max()) == (0, 255)


def test_a_box_is_drawn_around_its_shape() -> None:
    data = Shapes(rows=50, noise=0.0, occlusion=0.0).load()
    rows = slice(0, 10)
    drawn = framed(shaded(pictures(data, rows)), data, rows) == 255
    bare = shaded(pictures(data, rows)) == 255
    for picture, box in zip((drawn & ~bare).all(-1), data.boxes["box"], strict=False):
        down, across = picture.nonzero()
        np.testing.assert_allclose([across.min(), down.min(), across.max(), down.max()], 4 * box, atol=1)
    assert [len(values) for values in labels(data, rows)] == [2] * 10


def test_the_first_rows_of_pictures_show_labels_and_no_pixels() -> None:
    assert list(preview_rows(TwoDigits(rows=50).load()).columns) == ["task: left digit", "task: right digit"]


def test_convolutions_are_asked_for_where_there_are_pictures(place: Room) -> None:
    at = look(place, TwoDigits(rows=60))
    at.button(key="train").click().run()
    at.switch_page("pages/train.py").run()
    assert not at.error
    dial = next(each for each in at.slider if each.label == "Convolutions")
    dial.set_value(2).run()
    assert not at.error
    experiment = at.session_state["experiment"]
    assert (experiment.trunk.convolutions, experiment.training.batch_size) == (2, PICTURES_IN_BATCH)
    at.session_state["viewed"] = sources.from_json("penguins")
    at.session_state["shelf"] = "real"
    at.switch_page("pages/data.py").run()
    at.button(key="train").click().run()
    at.switch_page("pages/train.py").run()
    assert not at.error
    assert "Convolutions" not in [each.label for each in at.slider]
    assert at.session_state["experiment"].trunk.convolutions == 0


def test_more_halvings_than_the_picture_allows_are_refused_in_a_sentence(place: Room) -> None:
    at = look(place, Digits())
    at.button(key="train").click().run()
    at.switch_page("pages/train.py").run()
    next(each for each in at.slider if each.label == "Convolutions").set_value(4).run()
    assert not at.error
    assert [each.value for each in at.warning if "8 x 8 pixels cannot be halved 4 times" in each.value]
