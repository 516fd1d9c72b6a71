"""Train and Home in every state a person can meet, drawn by Streamlit's own test runner."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.api import Lab
from mtl_core.changes import Change
from mtl_core.experiment import Experiment, Plan, Training
from mtl_core.models.base import Trunk, sharings
from mtl_core.running.slices import Job, Part, work
from mtl_core.store.claims import Claim
from mtl_core.store.journal import Journal
from mtl_core.weighting.by_loss import Fixed
from pages.ui import addresses, session

TRAIN, HOME = (str(Path(__file__).parent.parent / "pages" / f"{name}.py") for name in ("train", "home"))
SMALL = replace(
    addresses.first_experiment(),
    trunk=Trunk(width=4, depth=1),
    training=Training(steps=6, evaluate_every=2),
    plan=Plan(folds=5, inits=1, equal_parameters=False),
)


class House:
    """A store with the test in the place of the engine: it trains what it is told to, with the engine's own slices."""

    def __init__(self) -> None:
        self.lab = Lab()
        self.claim = Claim(self.lab.database)
        assert self.claim.take()
        self.journal = Journal(self.lab.database, self.claim)
        self.over = threading.Event()
        self.claim.beat(ready=1, workers=1)
        self.pulse = threading.Thread(target=self._beat, daemon=True)
        self.pulse.start()

    def _beat(self) -> None:
        while not self.over.wait(1.0):
            self.claim.beat()

    def run(
        self, status: str, name: str = "a run", experiment: Experiment = SMALL, message: str = "", steps: int = 6
    ) -> str:
        """A run that has trained for some steps and is in some state now."""
        run_id = self.lab.submit(experiment, name=name)
        if status == "queued":
            return run_id
        record = self.lab.run(run_id)
        dataset = self.lab.dataset(experiment.data)
        self.journal.write(run_id, status="running", started=record.created.timestamp(), step=steps)
        for unit in experiment.units(record.shape):
            facts = (run_id, experiment, unit, record.tasks, record.data_fingerprint)
            part = work(Job(*facts, 0, None, dataset, None, steps, False))
            assert isinstance(part, Part)
            self.journal.write(run_id, facts=part.facts)
        if status in ("finished", "stopped", "failed"):
            self.journal.end(run_id, status, message)
        elif status == "paused":
            self.journal.write(run_id, status="paused")
        return run_id

    def asked(self) -> list[tuple[str, dict[str, Any]]]:
        """What people asked of the engine since the last time, without the submissions."""
        commands = self.journal.inbox()
        self.journal.done(commands)
        return [(each.word, each.payload) for each in commands if each.word != "submit"]

    def close(self) -> None:
        self.over.set()
        self.pulse.join()
        self.claim.release()
        self.lab.close()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path))
    monkeypatch.delenv("MTL_LAB_STORE", raising=False)
    built = House()
    session.lab.clear()
    yield built
    session.lab().close()
    session.lab.clear()
    built.close()


def page(file: str, **address: str) -> AppTest:
    shown = AppTest.from_file(file, default_timeout=30)
    for name, value in address.items():
        shown.query_params[name] = value
    return checked(shown.run())


def checked(shown: AppTest) -> AppTest:
    assert not shown.exception
    return shown


def found(shown: AppTest, kind: str) -> Any:
    """All elements of a kind."""
    return shown.get(kind)


def words(shown: AppTest) -> str:
    """All that the page says, without the backslashes that keep Markdown away."""
    kinds = ("markdown", "caption", "info", "warning", "error", "title", "header")
    said = [each.value for kind in kinds for each in found(shown, kind)]
    said += [each.label for each in shown.button]
    said += [each.proto.text for each in found(shown, "progress")]
    return "\n".join(said).replace("\\", "")


def button(shown: AppTest, label: str) -> Any:
    return next(each for each in shown.button if each.label == label)


# --- states -------------------------------------------------------------------------------------------------------
def test_a_first_visitor_finds_a_finished_example_and_sliders_to_turn(house: House) -> None:
    shown = page(TRAIN)
    assert "First example: penguins · Finished" in words(shown)
    assert "Changed since" not in words(shown)
    assert found(shown, "button_group")[0].value == ["species", "sex", "body mass"]
    assert [each.label for each in shown.slider[:3]] == ["species", "sex", "body mass"]


def test_a_run_that_waits_says_how_long_the_queue_is(house: House) -> None:
    house.run("queued")
    assert "Waiting, place 2 in the queue" in words(page(TRAIN, run=house.run("queued")))


def test_with_nothing_in_view_the_page_says_what_to_do(house: House) -> None:
    house.run("queued")
    shown = page(TRAIN)
    assert "Nothing has been trained here yet. Press Run" in words(shown)
    assert not button(shown, "Run").disabled
    assert button(shown, "Stop").disabled
    assert "35 networks" in words(shown)


def test_a_run_that_trains_can_be_paused_and_stopped(house: House) -> None:
    shown = page(TRAIN, run=house.run("running", steps=4))
    assert "Training: step 4 of 6" in words(shown)
    assert "Does sharing help?" in words(shown)
    house.asked()
    checked(button(shown, "Pause").click().run())
    checked(button(shown, "Stop").click().run())
    assert house.asked() == [("pause", {}), ("stop", {})]


def test_a_paused_run_can_be_resumed_stepped_and_reset(house: House) -> None:
    run_id = house.run("paused", steps=2)
    shown = page(TRAIN, run=run_id)
    assert "Paused at step 2 of 6" in words(shown)
    house.asked()
    checked(button(shown, "Resume").click().run())
    checked(button(shown, "Step").click().run())
    assert house.asked() == [("resume", {}), ("step", {})]
    checked(button(shown, "Reset").click().run())
    fresh = house.lab.runs()[0]
    assert fresh.id != run_id
    assert (fresh.status, fresh.experiment) == ("paused", SMALL)
    assert ("stop", {}) in house.asked()


def test_a_finished_run_has_a_sentence_dots_reasons_and_a_price(house: House) -> None:
    shown = page(TRAIN, run=house.run("finished"))
    said = words(shown)
    assert "Finished after 6 steps" in said
    assert "Provisionally, sharing" in said
    assert "Cost: " in said
    assert {each.proto.popover.label for each in found(shown, "popover")} >= {"Why?", "What would change it?"}
    assert button(shown, "Run")


@pytest.mark.parametrize(("sharing", "shown_inside"), [("mmoe", True), ("cross_stitch", True), ("hard", False)])
def test_what_each_task_listens_to_is_drawn_where_something_chooses(
    house: House, sharing: str, shown_inside: bool
) -> None:
    experiment = replace(SMALL, sharings=(sharings[sharing](),))
    shown = page(TRAIN, run=house.run("finished", experiment=experiment))
    assert ("What does each task listen to?" in words(shown)) == shown_inside
    assert any("inside" in each.proto.id for each in found(shown, "bidi_component")) == shown_inside


EARLY = [("stopped", "Stopped at step 4 of 6"), ("failed", "Failed at step 4 of 6: no room")]


@pytest.mark.parametrize(("status", "phrase"), EARLY)
def test_a_run_that_ended_early_says_so_and_keeps_what_it_had(house: House, status: str, phrase: str) -> None:
    shown = page(TRAIN, run=house.run(status, message="no room", steps=4))
    assert phrase in words(shown)
    assert "Does sharing help?" in words(shown)
    assert button(shown, "Run")


def test_an_unknown_run_in_the_address_is_forgotten_with_a_word(house: House) -> None:
    house.run("queued")
    shown = page(TRAIN, run="nosuchrun")
    assert "there is no run 'nosuchrun'" in shown.toast[0].value.replace("\\", "").lower()
    assert "run" not in shown.query_params


# --- settings -----------------------------------------------------------------------------------------------------
def test_settings_that_moved_on_are_named_and_the_way_back_is_one_click(house: House) -> None:
    shown = page(TRAIN, run=house.run("finished", name="the old one"))
    assert "Changed since" not in words(shown)
    checked(found(shown, "button_group")[0].set_value(["species", "sex"]).run())
    assert "These results are for the old one. Changed since then: tasks." in words(shown)
    checked(button(shown, "Back to its settings").click().run())
    assert "Changed since" not in words(shown)


def test_without_a_task_there_is_a_sentence_and_no_run(house: House) -> None:
    shown = page(TRAIN)
    checked(found(shown, "button_group")[0].set_value([]).run())
    assert "No task is chosen" in words(shown)


def test_without_a_sharing_type_there_is_a_sentence_and_every_control(house: House) -> None:
    shown = page(TRAIN)
    checked(found(shown, "button_group")[1].set_value([]).run())
    assert "No sharing type is chosen; choose at least one." in words(shown)
    assert {"species", "Weight decay"} <= {each.label for each in shown.slider}
    assert "Learning rate" in {each.label for each in found(shown, "select_slider")}
    assert button(shown, "Run").disabled


def test_a_rare_sharing_type_stands_behind_one_click_and_races_with_the_others(house: House) -> None:
    shown = page(TRAIN, settings=addresses.compact(SMALL))
    checked(found(shown, "button_group")[2].set_value(["ple"]).run())
    checked(button(shown, "Run").click().run())
    assert [each.name for each in house.lab.runs()[0].experiment.sharings] == ["hard", "ple"]


def test_run_hands_in_what_the_controls_say(house: House) -> None:
    house.run("queued")
    shown = page(TRAIN, settings=addresses.compact(SMALL))
    checked(found(shown, "button_group")[1].set_value(["hard", "soft"]).run())
    checked(button(shown, "Run").click().run())
    record = house.lab.runs()[0]
    assert record.experiment == replace(SMALL, sharings=record.experiment.sharings)
    assert [each.name for each in record.experiment.sharings] == ["hard", "soft"]
    assert shown.query_params["run"] == record.id


def test_a_reload_finds_run_and_settings_again(house: House) -> None:
    shown = page(TRAIN, run=house.run("running", steps=4))
    checked(shown.slider[1].set_value(3.0).run())
    again = page(TRAIN, **shown.query_params)
    assert "Training: step 4 of 6" in words(again)
    assert again.slider[1].value == 3.0


def test_a_weight_turned_while_a_run_trains_reaches_it_once(house: House) -> None:
    shown = page(TRAIN, run=house.run("running", steps=4))
    house.asked()
    checked(shown.slider[1].set_value(3.0).run())
    checked(shown.run())
    turned = {"part": "weighting", "knob": "weights_of_tasks", "value": [1.0, 3.0, 1.0]}
    assert house.asked() == [("change", turned)]
    assert "Changed since" not in words(shown)


def test_a_click_that_still_carries_the_address_before_it_counts(house: House) -> None:
    """Presses in quick succession: the browser asks again before it has heard of the address written last."""
    shown = page(TRAIN, run=house.run("finished"))
    before = shown.query_params["settings"]
    shown.session_state["written"] = []  # the page was opened a while ago
    checked(shown.slider[1].set_value(3.0).run())
    shown.query_params["settings"] = before
    checked(shown.run())
    assert shown.slider[1].value == 3.0


def test_a_run_is_taken_up_at_the_settings_in_force_in_it(house: House) -> None:
    turned = SMALL.changed(Change(2, "optimiser", "learning_rate", 0.01))
    run_id = house.run("running", experiment=turned, steps=4)
    house.asked()
    shown = page(TRAIN, run=run_id)
    assert "Changed since" not in words(shown)
    rate = next(each for each in found(shown, "select_slider") if each.label == "Learning rate")
    assert rate.value == 0.01
    checked(rate.set_value(0.02).run())
    checked(next(each for each in found(shown, "select_slider") if each.label == "Learning rate").set_value(0.01).run())
    assert [payload["value"] for _, payload in house.asked()] == [0.02, 0.01]


def test_a_knob_that_stood_elsewhere_belongs_to_the_next_run(house: House) -> None:
    elsewhere = replace(SMALL, weighting=Fixed(weights_of_tasks=(1.0, 1.0, 5.0)))
    run_id = house.run("running", steps=4)
    shown = page(TRAIN, run=run_id, settings=addresses.compact(elsewhere))
    checked(shown.slider[2].set_value(6.0).run())
    assert house.asked() == []
    checked(button(shown, "Back to its settings").click().run())
    assert house.asked() == []
    checked(shown.slider[2].set_value(6.0).run())
    assert [word for word, _ in house.asked()] == ["change"]


def test_looking_at_a_run_turns_none_of_its_knobs(house: House) -> None:
    elsewhere = replace(SMALL, weighting=Fixed(weights_of_tasks=(1.0, 1.0, 5.0)))
    run_id = house.run("running", steps=4)
    shown = page(TRAIN, run=run_id, settings=addresses.compact(elsewhere))
    assert [word for word, _ in house.asked()] == []
    assert "Changed since then: loss weights. These count from the next run on" in words(shown)


def test_turned_knobs_stand_under_the_curves(house: House) -> None:
    turned = SMALL.changed(Change(2, "optimiser", "learning_rate", 0.01))
    shown = page(TRAIN, run=house.run("finished", experiment=turned))
    assert "1: at step 2, learning rate 0.005 → 0.01" in words(shown)


def test_another_initial_weight_is_not_taken_for_a_change(house: House) -> None:
    start = replace(SMALL, weighting=Fixed(weights_of_tasks=(1.0, 2.0, 1.0)))
    shown = page(TRAIN, run=house.run("finished", experiment=start))
    assert "Changed since" not in words(shown)
    assert [each.value for each in shown.slider[:3]] == [1.0, 2.0, 1.0]


def test_a_store_that_cannot_be_opened_is_named_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTL_LAB_STORE", f"sqlite:///{tmp_path}/no/such/folder/runs.sqlite")
    session.lab.clear()
    shown = page(TRAIN)
    session.lab.clear()
    assert [each.value[-2:] for each in shown.error] == ["\\."]
    assert not shown.button


# --- home ---------------------------------------------------------------------------------------------------------
def test_home_asks_the_question_shows_three_doors_and_the_last_runs(house: House) -> None:
    house.run("finished", name="**bold** run")
    said = words(page(HOME))
    assert "Does learning several tasks together help each of them, or hurt?" in said
    assert all(door in said for door in ("Explore", "My CSV", "Learn"))
    assert "**bold** run · finished" in said


def test_home_shows_that_the_answer_turns_with_the_tasks(house: House) -> None:
    said = words(page(HOME))
    assert "When the tasks have everything in common" in said
    assert "Sharing helps all 4 tasks." in said
    assert "When they have nothing in common" in said


def test_home_without_examples_says_where_to_make_one(house: House) -> None:
    house.run("finished", name="mine")
    assert "Train makes a new one" in words(page(HOME))
