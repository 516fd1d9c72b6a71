"""The Learn page in every state: cards, locked, predicted, waiting, finished, read, gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.lessons.base import lesson
from mtl_core.lessons.outcome import Outcome
from pages.ui.charts_lessons import Row, dial_chart
from pages.ui.lesson_cards import every_lesson
from tests.room import Room, room, said

KEY = "first-program"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("learn")) as place:
        yield place


def button(at: AppTest, label: str) -> bool:
    """Whether the button is there and can be pressed."""
    return any(each.label == label and not each.disabled for each in at.button)


def press(at: AppTest, label: str) -> AppTest:
    return next(each for each in at.button if each.label == label).click().run()


def predict(at: AppTest, choice: int) -> AppTest:
    at.radio(key=f"choice.{KEY}").set_value(choice).run()
    return press(at, "This is my prediction")


@pytest.fixture(scope="module")
def done(place: Room) -> AppTest:
    """A visitor who predicted wrongly and whose run has ended."""
    at = press(predict(place.open("learn", lesson=KEY), 0), "Run")
    (run,) = place.lab.runs(text="Lesson: The first program, 10 times")
    assert "Waiting" in "".join(str(each.proto.text) for each in at.get("progress"))
    place.work(lambda: place.lab.run(run.id).has_ended)
    return at.run()


def test_the_list_shows_every_lesson_with_its_hook_and_minutes(place: Room) -> None:
    at = place.open("learn")
    assert not at.exception
    assert all(each.hook in said(at).replace("\\", "") for each in every_lesson())
    assert [each.label for each in at.button].count("Begin") == len(every_lesson())


def test_begin_opens_the_lesson(place: Room) -> None:
    at = place.open("learn")
    at.button(key=f"open.{KEY}").click().run()
    assert at.query_params["lesson"] == KEY
    assert lesson(KEY).question in said(at).replace("\\", "")


def test_run_is_locked_until_a_prediction_is_committed(place: Room) -> None:
    at = place.open("learn", lesson=KEY)
    assert not button(at, "Run")
    assert not button(at, "This is my prediction")
    at.radio(key=f"choice.{KEY}").set_value(1).run()
    assert not button(at, "Run")
    press(at, "This is my prediction")
    assert button(at, "Run")
    assert not at.radio
    assert at.query_params["prediction"] == "1"


def test_the_answer_is_not_shown_before_the_run(place: Room) -> None:
    at = predict(place.open("learn", lesson=KEY), 1)
    first = lesson(KEY)
    words = said(at).replace("\\", "")
    assert first.positions[first.start].seen not in words
    assert first.answer not in words
    assert not button(at, "Show an answer")


def test_the_prediction_meets_the_result(done: AppTest) -> None:
    assert not done.exception
    words = said(done).replace("\\", "")
    assert "no clear difference" in words
    assert "You predicted otherwise. What happened: not clearly different" in words
    assert lesson(KEY).positions[1].seen in words


def test_the_reason_opens_with_the_answer_and_the_dial_is_free(place: Room, done: AppTest) -> None:
    address = {name: done.query_params[name] for name in ("lesson", "prediction", "runs")}
    at = place.open("learn", **address)
    assert lesson(KEY).why.split("\n\n")[0].strip() not in said(at).replace("\\", "")
    press(at, "Show an answer")
    words = said(at).replace("\\", "")
    assert lesson(KEY).answer in words
    assert lesson(KEY).why.split("\n\n")[0].strip() in words
    assert not at.get("button_group")[0].proto.disabled


def test_a_reload_finds_prediction_and_run_again(place: Room, done: AppTest) -> None:
    again = place.open("learn", **{name: done.query_params[name] for name in ("lesson", "prediction", "runs")})
    assert "You predicted otherwise" in said(again)
    assert button(again, "Run again")


def test_a_run_that_was_deleted_leaves_the_lesson_ready_to_run(place: Room, done: AppTest) -> None:
    run = place.lab.submit(lesson(KEY).positions[1].experiment)
    at = place.open("learn", lesson=KEY, prediction="2", runs=f"1-{run}")
    assert not button(at, "Run")
    place.lab.delete(run)
    at.run()
    assert button(at, "Run")
    assert not at.exception


def test_a_paused_run_can_be_resumed(place: Room) -> None:
    run = place.lab.submit(lesson(KEY).positions[1].experiment, paused=True)
    at = place.open("learn", lesson=KEY, prediction="2", runs=f"1-{run}")
    assert button(at, "Resume")
    place.lab.delete(run)


def test_start_over_forgets_prediction_and_runs(place: Room, done: AppTest) -> None:
    at = place.open("learn", **{name: done.query_params[name] for name in ("lesson", "prediction", "runs")})
    press(at, "Start over")
    assert not button(at, "Run")
    assert "runs" not in at.query_params


@pytest.mark.parametrize("nonsense", [{"prediction": "99"}, {"prediction": "x"}, {"runs": "1-gone.77-a.b"}])
def test_an_address_with_nonsense_begins_the_lesson_anew(place: Room, nonsense: dict[str, str]) -> None:
    at = place.open("learn", lesson=KEY, **nonsense)
    assert not at.exception
    assert not at.error
    assert not button(at, "Run")


def test_a_run_of_another_experiment_is_not_taken_for_the_lessons(place: Room, done: AppTest) -> None:
    other = place.lab.submit(lesson("capacity").positions[0].experiment, paused=True)
    at = place.open("learn", lesson=KEY, prediction="1", runs=f"1-{other}")
    assert button(at, "Run")
    place.lab.delete(other)


def test_an_unknown_lesson_is_named_and_the_list_is_shown(place: Room) -> None:
    at = place.open("learn", lesson="![](https://x/y.png)")
    assert "There is no lesson" in at.error[0].value.replace("\\", "")
    assert "![](" not in at.error[0].value
    assert [each.label for each in at.button].count("Begin") == len(every_lesson())


# --- the chart ------------------------------------------------------------------------------------------------
def test_the_prediction_is_drawn_over_the_gains_it_stands_for() -> None:
    first = lesson(KEY)
    found = Outcome(-2.0, -13.0, 8.0, (-20.0, 25.0))
    rows = [Row("a"), Row("b", {"equal_width": found}), Row("c")]
    figure = dial_chart(rows, first.choices[1], 1)
    (box,) = figure.layout["shapes"]
    assert (box["x0"], box["x1"]) == (-15, 15)
    assert box["y0"] < 1 < box["y1"]
    dot = next(trace for trace in figure.traces if "error_x" in trace)
    assert (dot["x"], dot["error_x"]["array"], dot["error_x"]["arrayminus"]) == ([-2.0], [10.0], [11.0])
    assert "no clear difference, -2 % (-13 to +8)" in figure.alt
    assert "not clearly different" in figure.alt


def test_an_open_prediction_reaches_the_edge_of_the_chart() -> None:
    figure = dial_chart([Row("a"), Row("b")], lesson(KEY).choices[2], 1)
    (box,) = figure.layout["shapes"]
    assert [box["x0"], -15] == [figure.layout["xaxis"]["range"][0], box["x1"]]


def test_without_a_prediction_nothing_is_drawn_over_the_result() -> None:
    figure = dial_chart([Row("a"), Row("b")], None, 1)
    assert figure.layout["shapes"] == []
    assert "Nothing measured yet" in figure.alt
