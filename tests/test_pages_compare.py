"""The Compare page: what it offers, what it gathers, and how it looks in every state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.data.base import sources
from mtl_core.experiment import Experiment, Plan, Training
from mtl_core.models.base import Trunk, sharings
from pages.ui.colours import task_looks
from pages.ui.shelf import (
    Shelved,
    contenders,
    cost_dots,
    cost_table,
    data_words,
    differing_settings,
    gains,
    panels,
    same_data,
    shared_tasks,
    shelve,
)
from pages.ui.suggest import next_runs
from tests.room import Room, room, said

NASTY = "<img src=x> **bold** $x$"

PENGUINS = Experiment(data=sources["penguins"](), tasks=("species", "body mass"))


def test_suggested_runs_differ_from_the_run_and_keep_its_data() -> None:
    suggestions = next_runs(PENGUINS)
    assert len(suggestions) == 3
    for each in suggestions:
        assert each.experiment != PENGUINS
        assert (each.experiment.data, each.experiment.tasks) == (PENGUINS.data, PENGUINS.tasks)
        assert each.why.endswith((".", "?"))


def test_a_quick_look_is_followed_by_a_full_verdict_and_that_by_another_seed() -> None:
    full = next_runs(PENGUINS)[-1].experiment
    assert (full.plan.folds, full.plan.inits) == (10, 3)
    again = next_runs(full)[-1].experiment
    assert again.plan == Plan(folds=10, inits=3, seed=1)


# --- numbers side by side -----------------------------------------------------------------------------------------
SMALL = Experiment(
    sources.from_json("penguins"),
    ("species", "sex", "body mass"),
    trunk=Trunk(width=4, depth=1),
    training=Training(steps=20, evaluate_every=5),
    plan=Plan(folds=5, inits=1),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Three runs on penguins: two alike but for the seed, a race on fewer tasks; and one run on other data."""
    race = tuple(sharings.from_json(name) for name in ("hard", "independent"))
    with room(tmp_path_factory.mktemp("compare")) as place:
        place.make(SMALL, name="Plain")
        place.make(replace(SMALL, plan=Plan(folds=5, inits=1, seed=3)), name=NASTY)
        place.make(replace(SMALL, tasks=("body mass", "species"), sharings=race), name="Race")
        place.make(Experiment(sources.from_json("linnerud"), ("waist",), training=Training(steps=4)), name="Gym")
        yield place


def shelved(place: Room, *names: str) -> tuple[Shelved, ...]:
    found = {run.name: run for run in place.runs()}
    results = [(found[name], place.lab.history(found[name].id), place.lab.comparison(found[name].id)) for name in names]
    return shelve(results)


def test_runs_are_grouped_by_the_data_they_learned_from(place: Room) -> None:
    groups = same_data(place.runs())
    titles = sorted((found[0].data_title, len(found)) for found in groups.values())
    assert titles == [("Fitness club", 1), ("Penguins", 3)]


def test_generated_data_are_told_apart_by_their_dials(place: Room) -> None:
    (run,) = [each for each in place.runs() if each.name == "Gym"]
    dialled = sources.from_json({"name": "relatedness", "relatedness": 0.0, "tasks": 3})
    unrelated = replace(run, data_title="Relatedness dial", experiment=Experiment(dialled, ("task 1",)))
    assert data_words(unrelated) == "Relatedness dial, tasks 3, relatedness 0"
    assert data_words(run) == "Fitness club"


def test_a_race_gives_a_contender_for_each_sharing_type_in_one_colour(place: Room) -> None:
    found = contenders(shelved(place, "Plain", "Race"))
    assert [each.label for each in found] == ["A Plain", "B One trunk for all", "B Nothing in common"]
    assert len({each.shelved.colour for each in found}) == 2
    assert len({each.mark for each in found[1:]}) == 2


def test_a_panel_holds_the_runs_that_learn_its_task(place: Room) -> None:
    every = ("species", "sex", "body mass")
    found = panels(shelved(place, "Race", "Plain"), "validation_error", every, with_alone=False)
    assert [panel.title for panel in found] == list(every)
    assert [len(panel.curves) for panel in found] == [3, 1, 3]
    assert [panel.look for panel in found] == list(task_looks(every, every))
    history = place.lab.history(next(run.id for run in place.runs() if run.name == "Plain"))
    pd.testing.assert_frame_equal(found[1].curves[0].frame, history.summary("hard", 1, "validation_error"))


def test_twins_alone_are_drawn_once_however_many_sharing_types_race(place: Room) -> None:
    (panel, *_) = panels(shelved(place, "Race"), "validation_error", ("species", "body mass"), with_alone=True)
    assert [curve.together for curve in panel.curves] == [True, False, True]


def test_gains_are_the_verdicts_own_numbers(place: Room) -> None:
    chosen = shelved(place, "Plain", NASTY)
    dots = [dot for unit in gains(chosen, "body mass").values() for dot in unit]
    verdicts = [v for each in chosen for v in each.comparison.verdicts if v.task == "body mass"]
    assert [(dot.gain, dot.low, dot.high, dot.verdict) for dot in dots] == [
        (v.gain, v.low, v.high, v.verdict) for v in verdicts
    ]


def test_costs_are_measured_on_the_tasks_that_all_learn(place: Room) -> None:
    chosen = shelved(place, "Plain", "Race")
    assert set(shared_tasks(chosen)) == {"species", "body mass"}
    table = cost_table(chosen)
    errors = chosen[0].history.test_errors("hard")
    row = table[table["who"] == "A Plain"].iloc[0]
    assert row["error: body mass"] == pytest.approx(errors[:, :, 2].mean())
    assert row["error"] == pytest.approx((errors[:, :, 0].mean() + errors[:, :, 2].mean()) / 2)
    assert sorted(dot.label for dot in cost_dots(table) if dot.label) == ["A", "B", "B"]


def test_only_settings_that_differ_are_listed(place: Room) -> None:
    table = differing_settings(shelved(place, "Plain", NASTY))
    assert table.to_numpy().tolist() == [["Plan: Seed", "0", "3"]]
    assert differing_settings(shelved(place, "Plain", "Plain")).empty


# --- the page -----------------------------------------------------------------------------------------------------
def test_the_newest_two_runs_on_one_data_set_stand_side_by_side(place: Room) -> None:
    at = place.open("compare")
    assert not at.error
    assert "Race" in shown(at)
    assert len(at.get("bidi_component")) > 3
    assert "Where do their settings differ?" in said(at)


def test_a_link_names_the_runs(place: Room) -> None:
    ids = [run.id for run in place.runs() if run.name in ("Plain", "Race")]
    at = place.open("compare", runs=",".join(ids))
    (data,) = [key for key, found in same_data(place.runs()).items() if found[0].data_title == "Penguins"]
    assert set(at.session_state[f"compare.runs.{data}"]) == set(ids)


def test_a_name_that_is_markup_is_shown_letter_for_letter(place: Room) -> None:
    ids = [run.id for run in place.runs() if run.name in (NASTY, "Race")]
    at = place.open("compare", runs=",".join(ids))
    assert not at.error
    html = " ".join(str(each.proto.body) for each in at.get("html"))
    assert "<img" not in html
    assert "&lt;img" in html


def test_one_run_on_its_data_is_shown_and_another_is_offered(place: Room) -> None:
    (data,) = [key for key, found in same_data(place.runs()).items() if found[0].data_title == "Fitness club"]
    at = place.open("compare")
    at.selectbox(key="compare.data").set_value(data).run()
    assert not at.error
    assert any("here is one" in each.value for each in at.info)


def test_choosing_none_asks_for_two(place: Room) -> None:
    at = place.open("compare")
    pills = at.button_group[0]
    pills.set_value([]).run()
    assert not at.error
    assert any("Choose at least two" in each.value for each in at.info)


def test_the_choice_survives_a_new_run_and_a_change_of_page(place: Room) -> None:
    ids = [run.id for run in place.runs() if run.name in (NASTY, "Plain")]
    at = place.open("compare", runs=",".join(ids))
    extra = place.make(SMALL, name="Later")
    at.run()
    (data,) = [key for key, found in same_data(place.runs()).items() if found[0].data_title == "Penguins"]
    assert set(at.session_state[f"compare.runs.{data}"]) == set(ids)
    at.switch_page("pages/reference.py").run()
    at.switch_page("pages/compare.py").run()
    assert set(at.session_state[f"compare.runs.{data}"]) == set(ids)
    place.lab.delete(extra)


def test_every_quantity_and_the_twins_can_be_drawn(place: Room) -> None:
    at = place.open("compare")
    at.toggle(key="compare.alone").set_value(True)
    at.toggle(key="compare.log").set_value(True)
    for quantity in ("train", "validation", "validation_error"):
        at.session_state["compare.quantity"] = quantity
        at.run()
        assert not at.error


def test_without_any_result_the_page_offers_runs_and_one_click_makes_one(tmp_path: Path) -> None:
    with room(tmp_path) as place:
        place.lab.submit(SMALL, name="Waiting")
        at = place.open("compare")
        assert "No run has results yet" in at.info[0].value
        next(each for each in at.button if str(each.key).startswith("offer.")).click().run()
        assert not at.error
        assert len(place.runs()) == 2
        assert "2 runs on the way" in said(at)


def test_a_run_that_is_made_here_joins_the_comparison(tmp_path: Path) -> None:
    with room(tmp_path) as place:
        first = place.make(SMALL, name="First")
        at = place.open("compare")
        next(each for each in at.button if str(each.key).startswith("offer.")).click().run()
        made = place.runs()[0].id
        assert made != first
        place.work(lambda: place.lab.run(made).step > 0)
        at.run()
        assert not at.error
        assert set("".join(at.query_params["runs"]).split(",")) == {first, made}
        assert "Where do their settings differ?" in said(at)


def test_a_stopped_run_is_shown_with_what_it_had(tmp_path: Path) -> None:
    with room(tmp_path) as place:
        place.open("compare")
        for example in place.runs():
            place.lab.delete(example.id)
        place.make(SMALL, name="Whole")
        run = place.lab.submit(replace(SMALL, training=Training(steps=100_000, evaluate_every=10)), name="Cut")
        place.work(lambda: place.lab.run(run).step > 10)
        at = place.open("compare")
        assert not at.error
        assert "1 run on the way" in said(at)
        place.lab.command(run, "stop")
        place.work(lambda: place.lab.run(run).has_ended)
        at = place.open("compare")
        assert not at.error
        assert "Cut (stopped)" in shown(at).replace("\\", "")


def shown(at: AppTest) -> str:
    """The chips of the shelf."""
    return " ".join(str(option) for group in at.button_group for option in group.options)
