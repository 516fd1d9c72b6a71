"""The lesson without a run: its maps hold what is known of them, and its page asks before it shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from streamlit.testing.v1 import AppTest

from benchmarks.toys import surface
from mtl_core.lessons.walk import walks
from pages.ui.charts_lessons import walk_chart
from tests.room import Room, room, said

(LESSON,) = walks()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("walk")) as place:
        yield place


def predicted(place: Room, choice: int) -> AppTest:
    at = place.open("learn", lesson=LESSON.key)
    assert not at.exception
    at.radio(key=f"choice.{LESSON.key}").set_value(choice).run()
    return next(each for each in at.button if each.label == "This is my prediction").click().run()


@pytest.mark.parametrize("rule", surface.METHODS)
def test_walkers_start_where_the_papers_do_and_arrive_as_often(rule: str) -> None:
    for shown, problem, (least, most) in zip(
        LESSON.maps, (surface.CAGRAD, surface.NASH), surface.METHODS[rule], strict=True
    ):
        assert [walk[0] for walk in shown.walks[rule]] == list(problem.starts)
        assert least <= shown.arrived(rule) <= most


def test_the_maps_are_the_sum_of_the_losses() -> None:
    for shown, problem in zip(LESSON.maps, (surface.CAGRAD, surface.NASH), strict=True):
        for row, column in ((0, 0), (5, 30), (20, 50), (45, 10)):
            place = torch.tensor([[shown.axis[column], shown.axis[row]]] * 2, dtype=torch.float64)
            found = surface.losses(place, torch.tensor(problem.first, dtype=torch.float64)).sum().item()
            assert shown.heights[row][column] == pytest.approx(found, abs=0.06)


def test_one_prediction_is_right() -> None:
    found = LESSON.maps[0].arrived("equal")
    assert [choice.arrive for choice in LESSON.choices].count(found) == 1


def test_half_a_walk_ends_in_the_middle_of_it() -> None:
    whole = walk_chart(LESSON.maps[0], "mgda", 1.0).traces[2:]
    half = walk_chart(LESSON.maps[0], "mgda", 0.5).traces[2:]
    for a, b in zip(whole, half, strict=True):
        assert a["x"][: len(b["x"])] == b["x"]
        assert 0.4 < len(b["x"]) / len(a["x"]) < 0.6
        assert a["marker"]["symbol"][-1] == "star" != b["marker"]["symbol"][-1]


def test_nothing_is_given_away_before_the_prediction(place: Room) -> None:
    at = place.open("learn", lesson=LESSON.key)
    assert "reach the black line.**" not in said(at)
    assert not at.button_group


@pytest.mark.parametrize("choice", range(len(LESSON.choices)))
def test_the_prediction_meets_its_result(place: Room, choice: int) -> None:
    at = predicted(place, choice)
    right = LESSON.choices[choice].arrive == LESSON.maps[0].arrived("equal")
    assert ("You were right" in said(at)) == right
    assert ("It is not so" in said(at)) != right
    assert at.query_params["prediction"] == str(choice)


def test_another_rule_and_other_losses_can_be_tried_and_the_answer_read(place: Room) -> None:
    at = predicted(place, 0)
    at.button_group(key=f"rule.{LESSON.key}").set_value("famo").run()
    assert "3 of 3 reach" in said(at)
    at.button_group(key=f"map.{LESSON.key}").set_value(1).run()
    assert "5 of 5 reach" in said(at)
    next(each for each in at.button if each.label == "Show an answer").click().run()
    assert not at.exception
    assert "CAGrad also wants the lowest mean" in said(at)
