"""The page of new tasks: every finished example, its sentence, its charts; a run of one's own in each of its states."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from benchmarks.adaptation import measured
from mtl_core.changes import Change
from mtl_core.data.table import CsvFile, Upload
from mtl_core.experiment import Experiment
from mtl_core.meta.adaptation import Adaptation
from mtl_core.meta.budget import Budget
from mtl_core.meta.by_adapting import ModelAgnostic
from mtl_core.meta.by_trunk import RidgeHead, Scratch
from mtl_core.meta.examples import TITLES, examples
from mtl_core.meta.generated import Sinusoids
from mtl_core.meta.groups import Groups
from mtl_core.meta.learners import learners
from mtl_core.meta.result import Duel
from mtl_core.meta.shown import Shown, shown_of
from mtl_core.models.base import Trunk
from mtl_core.registry import InvalidInput
from mtl_core.store.tables import runs
from pages.ui.arms import marks
from pages.ui.importing import read
from pages.ui.meta_addresses import compact, parsed
from pages.ui.meta_charts import by_labels, by_steps, losses
from pages.ui.meta_controls import first_comparison
from pages.ui.meta_live import progress_words
from pages.ui.meta_result import headline, numbers
from pages.ui.meta_table import group_columns, number_columns
from tests.room import Room, room, said
from tests.test_pages_runs import button, choose


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
    shown = told(duel("maml", -40, 0.001), duel("ridge", 30, 0.01))
    table = numbers(shown, 5, {"maml": "MAML", "ridge": "ridge head", "scratch": "fresh"})
    assert table["Learner"].tolist() == ["fresh", "ridge head", "MAML"]
    saved = table["Error saved against a fresh start"]
    assert saved.tolist() == ["", "▲ better: 30 % (29 % to 31 %)", "▼ worse: −40 % (−41 % to −39 %)"]
    assert table["Squared error"].tolist()[0] == "0.333 (0.1 to 2)"


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


# --- a comparison of one's own, in each of its states -----------------------------------------------------------
QUICK = Adaptation(
    Sinusoids(),
    (RidgeHead(), Scratch()),
    Trunk(width=6),
    Budget(steps=40, tasks=3, shots=5, queries=3, folds=3, unseen=6, asked=5, evaluate_every=10),
    (5, 10),
    3,
)


def words_of(at: AppTest) -> str:
    return said(at).replace("\\", "")


def begun(place: Room, asked: Adaptation = QUICK, name: str = "Waves") -> str:
    run = place.lab.submit(asked, name)
    place.work(lambda: place.lab.adapting(run).looked is not None)
    return run


def ended(place: Room, asked: Adaptation = QUICK, name: str = "Waves") -> str:
    run = place.lab.submit(asked, name)
    place.work(lambda: place.lab.record(run).has_ended)
    return run


def test_run_hands_in_what_the_controls_say_and_shows_it(place: Room) -> None:
    at = place.open("adapt")
    before = len(place.lab.records())
    at.button(key="meta-run").click().run()
    assert not at.exception
    run = at.query_params["adaptation"]
    run = run[0] if isinstance(run, list) else run
    record = place.lab.adaptation(run)
    assert len(place.lab.records()) == before + 1
    assert record.experiment == first_comparison()
    assert at.button(key="meta-run").label == "Pause"
    place.lab.delete(run)


def test_a_run_on_its_way_says_how_far_it_is_and_what_is_provisional(place: Room) -> None:
    run = begun(place, replace(QUICK, budget=replace(QUICK.budget, steps=100_000)))
    at = place.open("adapt", adaptation=run)
    assert not at.exception
    assert "Provisionally, after 1 meta-step" in words_of(at)
    assert at.button(key="meta-run").label == "Pause"
    at.button(key="meta-run").click().run()
    place.work(lambda: place.lab.record(run).status == "paused")
    at.run()
    assert at.button(key="meta-run").label == "Resume"
    at.button(key="meta-run").click().run()
    place.work(lambda: place.lab.record(run).status == "running")
    at.run()
    at.button(key="meta-stop").click().run()
    place.work(lambda: place.lab.record(run).status == "stopped")
    at.run()
    assert "Stopped at meta-step" in words_of(at)
    assert at.button(key="meta-run").label == "Run"
    place.lab.delete(run)


LONG = replace(QUICK, learners=(ModelAgnostic(), RidgeHead(), Scratch()), budget=replace(QUICK.budget, steps=4000))


def of(at: AppTest, name: str) -> str:
    """A word of the page's address."""
    found = at.query_params[name]
    return str(found[0] if isinstance(found, list) else found)


def slider(at: AppTest, label: str, index: int = 0) -> Any:
    return [each for each in (*at.select_slider, *at.slider) if each.label == label][index]


def test_a_knob_turned_while_it_runs_is_passed_on_marked_and_not_called_a_difference(place: Room) -> None:
    run = begun(place, LONG)
    at = place.open("adapt", adaptation=run)
    slider(at, "Learning rate").set_value(0.01).run()
    slider(at, "Step size on a task").set_value(0.05).run()
    place.work(lambda: len(place.lab.adaptation(run).experiment.changes) == 2)
    at.run()
    assert not at.exception
    turned = place.lab.adaptation(run).experiment
    assert [(each.part, each.knob, each.value) for each in turned.changes] == [
        ("budget", "learning_rate", 0.01),
        ("maml", "inner_rate", 0.05),
    ]
    first, second = turned.changes
    words = words_of(at)
    assert f"1: at meta-step {first.step:,}, learning rate 0.001 → 0.01" in words
    assert f"2: at meta-step {second.step:,}, step size on a task of MAML 0.01 → 0.05" in words
    assert "Changed since then" not in words
    slider(at, "Repeats").set_value(4).run()
    assert "Changed since then: how learners are prepared" in words_of(at)
    at.button(key="back.adaptation").click().run()
    assert "Changed since then" not in words_of(at)
    assert (slider(at, "Learning rate").value, slider(at, "Repeats").value) == (0.01, 3)
    place.lab.delete(run)


def test_every_turn_is_drawn_at_its_meta_step_and_turns_of_one_step_share_a_number_place(place: Room) -> None:
    asked = LONG.changed(Change(7, "maml", "inner_rate", 0.05)).changed(Change(7, "budget", "learning_rate", 0.01))
    asked = asked.changed(Change(30, "ridge", "strength", 2.0))
    frame = pd.DataFrame({"learner": "maml", "step": [1, 40], "mean": [2.0, 1.0], "low": 0.5, "high": 3.0})
    layout = losses(frame, {"maml": "MAML"}, 4000, "view", marks(asked)).layout
    assert [(each["x0"], each["x1"]) for each in layout["shapes"]] == [(7, 7), (7, 7), (30, 30)]
    assert [(each["x"], each["text"]) for each in layout["annotations"]] == [(7, "1, 2"), (30, "3")]
    assert layout["annotations"][1]["hovertext"] == "strength of ridge head 0.1 → 2"
    run = ended(place, replace(asked, budget=QUICK.budget))
    at = place.open("adapt", adaptation=run)
    assert not at.exception
    assert "3: at meta-step 30, strength of ridge head 0.1 → 2" in words_of(at)
    assert "gives the same numbers" in words_of(at)
    place.lab.delete(run)


def test_a_knob_that_stood_elsewhere_belongs_to_the_next_run(place: Room) -> None:
    run = begun(place, LONG)
    other = place.open("adapt", adaptation=run)
    slider(other, "Learning rate").set_value(0.01).run()
    place.work(lambda: bool(place.lab.adaptation(run).experiment.changes))
    second = place.open("adapt", adaptation=run)
    assert slider(second, "Learning rate").value == 0.01
    slider(second, "Learning rate").set_value(0.1).run()
    place.work(lambda: place.lab.adaptation(run).experiment.in_force().budget.learning_rate == 0.1)
    slider(other, "Learning rate").set_value(0.02).run()  # it showed 0.01, which is not in force any more
    assert "Changed since then: how learners are prepared" in words_of(other)
    for _ in range(3):
        place.work(lambda: True)
    turned = place.lab.adaptation(run).experiment
    assert turned.in_force().budget.learning_rate == 0.1
    assert 0.02 not in [each.value for each in turned.changes]
    place.lab.delete(run)


def test_step_begins_a_run_and_goes_on_point_by_point(place: Room) -> None:
    at = place.open("adapt", comparison=compact(LONG))
    at.button(key="meta-step").click().run()
    run = of(at, "adaptation")
    place.work(lambda: (now := place.lab.record(run)).status == "paused" and now.step > 0)
    at.run()
    every = LONG.budget.evaluate_every
    assert progress_words(place.lab.adaptation(run)) == f"Paused at meta-step {every:,} of 4,000"
    assert (at.button(key="meta-run").label, at.button(key="meta-step").disabled) == ("Resume", False)
    at.button(key="meta-step").click().run()
    place.work(lambda: (now := place.lab.record(run)).status == "paused" and now.step > every)
    at.run()
    assert progress_words(place.lab.adaptation(run)) == f"Paused at meta-step {2 * every:,} of 4,000"
    rows = place.open("runs").dataframe[0].value
    assert rows["status"].iloc[0] == f"paused, {100 * 2 * every // 4000} %"
    place.lab.delete(run)


def test_the_address_and_share_carry_what_the_page_shows(place: Room) -> None:
    at = place.open("adapt")
    slider(at, "Learning rate").set_value(0.01).run()
    slider(at, "Meta-steps").set_value(200).run()
    (link,) = [each.value for each in at.code if "comparison=" in each.value]
    assert urlsplit(link).path.endswith("adapt")
    carried = dict(parse_qsl(urlsplit(link).query))
    assert carried == {"comparison": of(at, "comparison")}
    again = place.open("adapt", **carried)
    assert (slider(again, "Learning rate").value, slider(again, "Meta-steps").value) == (0.01, 200)
    run = ended(place)
    both = place.open("adapt", adaptation=run, **carried)
    assert slider(both, "Meta-steps").value == 200
    assert "Changed since then: " in words_of(both)
    assert "Finished after 40 meta-steps" in words_of(both)
    assert any("these settings and this run" in str(each.value) for each in both.caption)


@pytest.mark.parametrize(
    "asked",
    [
        first_comparison(),
        QUICK,
        LONG,
        Adaptation(
            Sinusoids(), (RidgeHead(2.0), ModelAgnostic(inner_steps=3)), Trunk(width=7), shots=(1, 2), adapt_steps=3
        ),
        Adaptation(Groups(Upload("a" * 64, "{}"), "sales"), (RidgeHead(),), budget=Budget(device="cpu")),
    ],
)
def test_settings_go_into_an_address_and_back(asked: Adaptation) -> None:
    assert parsed(compact(asked)) == asked
    assert len(compact(asked)) < len(json.dumps(asked.to_json())) / 2


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"family": "relatives"}', '{"family": "waves", "learners": []}', "[" * 9999]
)
def test_an_address_that_is_no_comparison_is_said_in_a_sentence(place: Room, text: str) -> None:
    with pytest.raises(InvalidInput):
        parsed(text)
    at = place.open("adapt", comparison=text)
    assert not at.exception
    assert at.toast
    assert parsed(of(at, "comparison")) == first_comparison()


def test_an_address_opens_no_file_of_this_machine(tmp_path: Path) -> None:
    here = CsvFile(str(tmp_path / "table.csv"))
    asked = Adaptation(Groups(here, "sales"), (RidgeHead(),))
    with pytest.raises(InvalidInput, match="cannot open a file of this machine"):
        parsed(compact(asked))
    assert parsed(compact(asked), known=here) == asked


def test_a_waiting_run_says_so(place: Room) -> None:
    run = place.lab.submit(QUICK, "Patience")
    at = place.open("adapt", adaptation=run)
    assert not at.exception
    assert at.button(key="meta-run").label == "Pause"
    place.lab.delete(run)


def test_a_finished_run_shows_its_answer_after_a_reload_with_the_controls_at_its_settings(place: Room) -> None:
    run = ended(place)
    at = place.open("adapt", adaptation=run)
    assert not at.exception
    words = words_of(at)
    shown = shown_of(place.lab.adapting(run), "Waves", "")
    assert headline(shown, 10).replace("\\", "") in words
    assert "Provisionally" not in words
    assert "Finished after 40 meta-steps" in words
    assert "Changed since then" not in words
    at.button(key="meta-run").click().run()
    again = at.query_params["adaptation"]
    again = again[0] if isinstance(again, list) else again
    assert again != run
    assert place.lab.adaptation(again).experiment == QUICK
    place.lab.delete(again)


def test_a_failed_run_says_why(place: Room) -> None:
    run = place.lab.submit(QUICK, "Gone")
    with place.lab.database.writing() as connection:
        connection.execute(update(runs).where(runs.c.id == run).values(status="failed", message="no room was left"))
    at = place.open("adapt", adaptation=run)
    assert any("no room was left" in str(each.value) for each in at.error)
    assert at.button(key="meta-run").label == "Run"
    place.lab.delete(run)


def test_an_address_of_a_run_that_is_not_there_or_of_another_kind_is_forgotten_with_a_word(
    place: Room, small: Experiment
) -> None:
    other = place.make(small)
    for run, words in (("nowhere", "there is no run"), (other, "look at it on the page Train")):
        at = place.open("adapt", adaptation=run)
        assert not at.exception
        assert any(words in str(each.value).replace("\\", "").lower() or words in str(each.value) for each in at.toast)
        assert "What are the earlier tasks worth?" in said(at)
    at = place.open("train", run=ended(place))
    assert not at.exception
    assert any("New tasks" in str(each.value) for each in at.toast)


def test_examples_come_back_with_one_click(place: Room) -> None:
    at = place.open("adapt", adaptation=ended(place))
    at.button(key="meta-examples").click().run()
    assert headline(examples()[0], 10).replace("\\", "") in words_of(at)
    assert "adaptation" not in at.query_params


def test_groups_of_a_table_ask_for_a_table_and_then_for_its_columns(place: Room) -> None:
    at = place.open("adapt")
    family = next(box for box in at.selectbox if box.label == "Tasks to learn from")
    family.set_value("groups").run()
    assert any("No table is here yet" in str(each.value) for each in at.warning)
    assert at.button(key="meta-run").disabled
    at.button(key="meta.example").click().run()
    assert not at.exception
    assert not at.warning
    labels = {box.label: box.value for box in at.selectbox}
    assert (labels["Each of these is a task"], labels["Number to predict"]) == ("school", "math")
    at.button(key="meta-run").click().run()
    run = at.query_params["adaptation"]
    record = place.lab.adaptation(run[0] if isinstance(run, list) else run)
    assert (record.experiment.family.name, record.data_title) == ("groups", "schools")
    place.lab.delete(record.id)


# --- on the other pages -----------------------------------------------------------------------------------------
def test_the_list_of_runs_tells_kinds_apart_and_opens_each_where_it_belongs(place: Room, small: Experiment) -> None:
    trained, adapted = place.make(small, name="Trained"), ended(place, name="Adapted")
    at = place.open("runs")
    rows = at.dataframe[0].value.set_index("name")
    assert (rows.loc["Trained", "kind"], rows.loc["Adapted", "kind"]) == ("tasks together", "new tasks")
    assert rows.loc["Adapted", "sharing"] == "ridge head, training from scratch"
    assert len(list(rows["error"])[list(rows.index).index("Adapted")]) > 2
    assert headline(shown_of(place.lab.adapting(adapted), "", ""), 10).replace("\\", "") in words_of(at)
    button(at, "again").click().run()
    assert place.lab.records()[0].experiment == QUICK
    both = choose(place.open("runs"), "Trained", "Adapted")
    assert button(both, "compare").disabled
    assert "compares its learners by itself" in words_of(both)
    assert not place.open("compare").exception
    assert any("Adapted" in str(getattr(each, "proto", "")) for each in place.open("home").get("page_link"))
    place.lab.delete(trained)


def test_an_exported_comparison_can_be_imported(place: Room) -> None:
    run = ended(place)
    asked, name = read(place.lab.export_json(run).encode(), "waves.json")
    assert (asked, name) == (QUICK, "Waves")


def test_a_file_that_was_exported_is_run_from_the_list(place: Room) -> None:
    content = place.lab.export_json(ended(place)).encode()
    at = place.open("runs")
    at.file_uploader(key="import.file").upload("waves.json", content, "application/json").run()
    assert "Who learns: ridge head and training from scratch" in words_of(at)
    at.button(key="import.run").click().run()
    assert not at.exception
    assert place.lab.records()[0].experiment == QUICK


def test_columns_that_can_name_groups_and_numbers_to_predict_are_told_apart() -> None:
    rows = np.arange(80)
    frame = pd.DataFrame(
        {"weight": rows % 9 / 2, "shop": [f"s{each}" for each in rows % 8], "row": rows, "yes": rows % 2}
    )
    assert group_columns(frame) == {"shop": 8, "weight": 9}
    assert number_columns(frame) == ["weight", "row"]
