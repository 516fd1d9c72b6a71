"""The page of new tasks: every finished comparison, its sentence, its charts, its numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from benchmarks.adaptation import measured
from mtl_core.meta.examples import TITLES, examples
from mtl_core.meta.learners import learners
from mtl_core.meta.result import Duel
from mtl_core.meta.shown import Shown
from pages.ui.meta_charts import by_labels, by_steps
from pages.ui.meta_result import headline, numbers
from tests.room import Room, room, said


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("adapt")) as place:
        yield place


def test_the_page_opens_on_an_answer(place: Room) -> None:
    at = place.open("adapt")
    assert not at.exception
    words = said(at).replace("\\", "")
    assert headline(examples()[0], 10).replace("\\", "") in words
    assert "What are the earlier tasks worth?" in words


@pytest.mark.parametrize("shown", examples(), ids=lambda each: each.title)
def test_every_comparison_can_be_looked_at_with_every_number_of_labels(place: Room, shown: Shown) -> None:
    for labels in shown.shots:
        at = place.open("adapt", tasks=shown.title, labels=str(labels))
        assert not at.exception
        assert headline(shown, labels).replace("\\", "") in said(at).replace("\\", "")


def test_all_comparisons_are_there_and_cover_every_learner() -> None:
    assert [each.title for each in examples()] == [title for title, _ in TITLES.values()]
    for each in examples():
        assert set(each.learners) == set(learners)
        assert set(each.judged["learner"]) == set(learners)
        assert np.isfinite(each.judged["error"]).all()
        assert each.command.startswith("mtl-lab adapt --")


def test_strangers_have_nothing_to_tell_and_relatives_have() -> None:
    relatives, half, strangers = examples()[:3]
    gains = [each.duel("ridge", 10) for each in (relatives, half, strangers)]
    assert all(gains)
    shares = [each.gain for each in gains if each]
    assert shares[0] > shares[1] > shares[2]
    assert shares[0] > 80


def duel(learner: str, gain: float, p: float) -> Duel:
    return Duel(learner, "scratch", 5, gain, gain - 1, gain + 1, p)


def told(*duels: Duel) -> Shown:
    names = {"maml": "MAML [x](y)", "ridge": "Ridge", "scratch": "Fresh"}
    rows = [(name, 5, 2.0, 1.0 / (i + 1), 0.1, 2.0) for i, name in enumerate(names)]
    judged = pd.DataFrame(rows, columns=["learner", "shots", "steps", "error", "low", "high"])
    curves = judged.assign(step=0).drop(columns="steps")
    return Shown("T", "about", names, curves, judged, duels, "mtl-lab adapt", 5)


def test_the_headline_names_the_best_and_counts_the_better_ones() -> None:
    assert "no preparation is clearly better" in headline(told(duel("maml", 40, 0.2), duel("ridge", 30, 0.9)), 5)
    sentence = headline(told(duel("maml", 40, 0.001), duel("ridge", 30, 0.01)), 5)
    assert "40 % (39 % to 41 %) smaller" in sentence
    assert "2 of 2 ways" in sentence
    assert "[x](y)" not in sentence  # names are shown letter for letter
    assert "99.8 % (98 % to 99.9 %)" in headline(told(Duel("ridge", "scratch", 5, 99.8, 98.4, 99.99, 1e-4)), 5)
    assert "1 of 2 ways" in headline(told(duel("maml", -40, 0.001), duel("ridge", 30, 0.01)), 5)


def test_the_numbers_stand_best_first_with_their_verdict() -> None:
    table = numbers(told(duel("maml", -40, 0.001), duel("ridge", 30, 0.01)), 5)
    assert table["Learner"].tolist() == ["Fresh", "Ridge", "MAML [x](y)"]
    assert table["Against a fresh start"].tolist() == ["", "▲ better", "▼ worse"]


def test_charts_have_a_line_for_each_learner_and_say_the_same_in_words() -> None:
    shown = examples()[0]
    for figure in (by_steps(shown.curves, shown.learners, 10), by_labels(shown.judged, shown.learners)):
        lines = [trace for trace in figure.traces if trace.get("showlegend", True)]
        assert [line["name"] for line in lines] == list(shown.learners.values())
        dashed = {line["legendgroup"] for line in lines if line["line"]["dash"] != "solid"}
        assert dashed == {"scratch", "pretraining"}
        assert all(label in figure.alt for label in shown.learners.values())
        assert figure.layout["yaxis"]["type"] == "log"


@pytest.mark.slow
def test_the_schools_are_what_the_command_measures_today() -> None:
    fresh = json.loads(measured("5-schools", "--learners", "ridge,scratch"))
    stored = examples()[-1]
    for row in fresh["judged"]:
        mine = stored.judged[(stored.judged["learner"] == row["learner"]) & (stored.judged["shots"] == row["shots"])]
        assert float(mine["error"].iloc[0]) == pytest.approx(row["error"], rel=0.03)
