"""Lessons: their files hold together, and what they claim is what training shows."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.lessons import measured, trained
from mtl_core.evaluation.history import History
from mtl_core.events import Floats, Progress
from mtl_core.experiment import Experiment, shape_for
from mtl_core.lessons.base import Lesson, Position, lesson, lessons, read_lesson
from mtl_core.lessons.outcome import Outcome, outcome
from mtl_core.registry import InvalidInput

POSITIONS = [(each, position) for each in lessons() for position in each.positions]


def named(value: object) -> str:
    return str(getattr(value, "key", getattr(value, "label", value)))


FILE = """
order = 99
title = "A new lesson"
hook = "One file is enough."
minutes = 5
setting = "Two tasks."
[predict]
question = "What will happen?"
choices = [{ text = "better", low = 0 }, { text = "worse", high = 0 }]
[experiment]
data = { name = "relatedness", tasks = 2, rows = 60 }
tasks = ["task 1", "task 2"]
[dial]
label = "Width"
start = 1
[[dial.positions]]
label = "wide"
expected = [-10, 10]
seen = "It is wide."
[[dial.positions]]
label = "narrow"
change = { "trunk.width" = 4, "data.relatedness" = 0.5 }
expected = [-10, 10]
seen = "It is narrow."
[reading]
why = "Because."
explain = "Why?"
answer = "Because of it."
source = ["A book"]
[teacher]
goal = "See."
misconception = "None."
prompts = ["And then?"]
"""


# --- the files ------------------------------------------------------------------------------------------------
def test_the_first_six_lessons_are_there_in_teaching_order() -> None:
    first = ["knowledge-transfer", "negative-transfer", "capacity", "fair-baselines", "task-weighting", "first-program"]
    assert [each.key for each in lessons()][:6] == first
    assert len({each.order for each in lessons()}) == len(lessons())


@pytest.mark.parametrize("each", lessons(), ids=named)
def test_a_lesson_says_everything_it_has_to_say(each: Lesson) -> None:
    words = [each.title, each.hook, each.setting, each.question, each.why, each.explain, each.answer, each.dial]
    words += [choice.text for choice in each.choices] + [position.seen for position in each.positions]
    words += [each.teacher.goal, each.teacher.misconception, *each.teacher.prompts, *each.source]
    assert all(len(word.strip()) > 3 for word in words if word not in (p.label for p in each.positions))
    assert each.source
    assert each.teacher.prompts
    assert 5 <= each.minutes <= 15


@pytest.mark.parametrize("each", lessons(), ids=named)
@given(gain=st.floats(-1e6, 100, allow_subnormal=False))
def test_every_gain_bears_out_exactly_one_prediction(each: Lesson, gain: float) -> None:
    assert [choice.holds(gain) for choice in each.choices].count(True) == 1
    assert each.choices[each.choice_of(gain)].holds(gain)


@pytest.mark.parametrize("each", lessons(), ids=named)
def test_the_answer_to_the_question_does_not_hang_on_chance(each: Lesson) -> None:
    low, high = each.positions[each.start].expected
    assert each.choice_of(low) == each.choice_of(high)


@pytest.mark.parametrize("each", lessons(), ids=named)
def test_the_dial_changes_something_at_every_position(each: Lesson) -> None:
    assert len({position.experiment.fingerprint for position in each.positions}) == len(each.positions)
    assert all(set(each.measured) <= set(position.experiment.tasks) for position in each.positions)


def test_a_lesson_is_one_file() -> None:
    new = read_lesson("new", FILE)
    wide, narrow = (position.experiment for position in new.positions)
    assert (wide.trunk.width, narrow.trunk.width) == (32, 4)
    assert narrow.data.settings()["relatedness"] == 0.5
    assert new.measured == ("task 1", "task 2")
    assert new.choice_of(3.0) == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('hook = "One file is enough."', "", "lesson new.toml lacks 'hook'; add it"),
        ("order = 99", "order = ", "lesson new.toml is not TOML"),
        ("high = 0 }", "high = -1 }", "the choices must cover every gain once"),
        ("high = 0 }", "hihg = 0 }", "lesson new.toml cannot be read"),
        ("start = 1", "start = 2", "the dial starts at position 2; it has 2, counted from 0"),
        ("expected = [-10, 10]", "expected = [10, -10]", "expects an empty range"),
        ('"trunk.width" = 4', '"trunk.witdh" = 4', "did you mean 'width'?"),
        ('name = "relatedness"', 'name = "relatednes"', "did you mean 'relatedness'?"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_the_file(old: str, new: str, said: str) -> None:
    assert old in FILE
    with pytest.raises(InvalidInput, match=r"lesson new\.toml") as refusal:
        read_lesson("new", FILE.replace(old, new))
    assert said in str(refusal.value)


def test_a_lesson_that_is_not_there_is_refused_in_a_sentence() -> None:
    with pytest.raises(InvalidInput, match="there is no lesson 'nope'"):
        lesson("nope")


def test_lessons_are_read_without_torch() -> None:
    code = "import sys; from mtl_core.lessons.base import lessons; assert lessons(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- what a run answers ---------------------------------------------------------------------------------------
def simulated(errors: dict[str, list[list[float]]], folds: int = 3) -> tuple[Lesson, History]:
    """A history of the file above in which networks together and alone have these errors, [fold][task]."""
    new = read_lesson("new", FILE.replace("rows = 60 }", "rows = 60 }\nplan = { folds = 3, new_data = true }"))
    experiment = new.positions[1].experiment
    dataset = experiment.data.load()
    history = History(experiment, dataset.tasks, shape_for(experiment, dataset))
    for unit in history.units:
        found = np.full((len(unit.replicas), 2), np.nan, np.float32)
        for i, replica in enumerate(unit.replicas):
            if replica.fold < folds:
                side = "together" if replica.arm == "hard" else replica.arm
                for task in replica.tasks:
                    found[i, task] = errors[side][replica.fold][task]
        history.add([progress(unit.index, found)])
    return new, history


def progress(unit: int, errors: Floats) -> Progress:
    none = np.zeros(len(errors), bool)
    steps = np.zeros(errors.shape, np.int64)
    return Progress(unit, 20, errors, errors, errors, errors, errors, steps, none, none, 0.1)


def test_half_the_error_in_every_repeat_is_a_gain_of_fifty_percent() -> None:
    alone = [[0.2, 0.4], [0.3, 0.6], [0.1, 0.8]]
    together = [[value / 2 for value in row] for row in alone]
    found = outcome(*simulated({"together": together, "alone:4": alone, "alone:2": alone}))
    assert found is not None
    np.testing.assert_allclose([found.gain, found.low, found.high, *found.repeats], 50, atol=1e-4)
    assert found.word == "helps"


def test_the_gain_is_a_geometric_mean_with_the_interval_of_the_paired_t() -> None:
    alone = [[1.0, 1.0]] * 3
    together = [[np.exp(-0.1), 1.0], [np.exp(-0.2), np.exp(-0.2)], [1.0, np.exp(-0.6)]]
    found = outcome(*simulated({"together": together, "alone:4": alone, "alone:2": alone}))
    assert found is not None  # differences 0.05, 0.2, 0.3: mean 0.18333, deviation 0.12583, t(2) = 4.30265
    margin = 4.30265 * 0.125831 / np.sqrt(3)
    ends = [0.183333, 0.183333 - margin, 0.183333 + margin]
    np.testing.assert_allclose([found.gain, found.low, found.high], [100 * (1 - np.exp(-end)) for end in ends], 1e-4)
    assert found.word == "no clear difference"


def test_one_repeat_is_no_answer() -> None:
    same = [[0.5, 0.5]] * 3
    assert outcome(*simulated({"together": same, "alone:4": same, "alone:2": same}, folds=1)) is None


# --- what training shows --------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize(("each", "position"), POSITIONS, ids=named)
def test_training_shows_what_the_lesson_claims(each: Lesson, position: Position) -> None:
    low, high = position.expected
    assert low <= measured(each, position).gain <= high


@pytest.mark.slow
def test_a_fair_baseline_takes_the_gain_away_at_last() -> None:
    better = lesson("fair-baselines")
    untuned, tuned = better.positions[0], better.positions[-1]
    same_width = measured(better, untuned)
    same_size = outcome(better, trained(untuned.experiment), "equal_parameters")
    assert isinstance(same_size, Outcome)
    assert same_width.word == "helps"
    assert same_size.word == "hurts"
    assert measured(better, tuned).word != "helps"


@pytest.mark.slow
def test_units_are_felt_only_where_targets_are_not_scaled() -> None:
    """With scaled targets a task in other units trains to the same networks."""
    loud = lesson("task-weighting").positions[1].experiment.to_json()
    loud["training"] |= {"scale_targets": True, "steps": 20}
    plain = loud | {"data": loud["data"] | {"first_scale": 1.0}}
    felt, unfelt = (trained(Experiment.from_json(each)).test_errors("hard") for each in (plain, loud))
    np.testing.assert_allclose(unfelt, felt, rtol=1e-3)
