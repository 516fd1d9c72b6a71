"""The Runs page in every state: nothing, queued, running, finished, stopped, failed, many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from mtl_core.data.base import sources
from mtl_core.data.table import Upload, store_upload
from mtl_core.experiment import Experiment, Plan, Training
from mtl_core.models.base import Trunk
from mtl_core.registry import InvalidInput
from pages.ui.importing import read
from pages.ui.run_table import progress, table, validation_errors
from tests.room import Room, room, said

NASTY = "![x](https://example.org/x.png) **bold** $x$"


def small(**changes: object) -> Experiment:
    experiment = Experiment(
        sources.from_json("penguins"),
        ("species", "body mass"),
        trunk=Trunk(width=4, depth=1),
        training=Training(steps=20, evaluate_every=5),
        plan=Plan(folds=5, inits=1),
    )
    return replace(experiment, **changes)  # type: ignore[arg-type]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Room]:
    with room(tmp_path) as place:
        yield place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Three finished runs; tests that change something make runs of their own."""
    with room(tmp_path_factory.mktemp("runs")) as place:
        place.make(small(), name="First")
        place.make(small(training=Training(steps=10, evaluate_every=5)), name="Second", note="short")
        place.make(small(), name=NASTY)
        yield place


def choose(at: AppTest, *names: str) -> AppTest:
    """Tick rows of the table by the runs' names."""
    shown = list(at.dataframe[0].value["name"])
    key = at.dataframe[0].key or ""
    at.session_state[key] = {"selection": {"rows": [shown.index(name) for name in names], "columns": [], "cells": []}}
    return at.run()


def button(at: AppTest, word: str) -> Button:
    return next(each for each in at.button if str(each.key).startswith(f"run.{word}."))


def names_of(at: AppTest) -> list[str]:
    return list(at.dataframe[0].value["name"])


# --- states -----------------------------------------------------------------------------------------------------
def test_nothing_yet_says_what_to_do_and_leads_there(empty: Room) -> None:
    at = empty.open("runs")
    for record in empty.runs():
        empty.lab.delete(record.id)
    at.run()
    assert "Nothing has been run yet" in at.info[0].value
    at.button(key="runs.first").click().run()
    assert not at.error


def test_a_waiting_run_stands_in_the_table_and_can_be_stopped(empty: Room) -> None:
    run = empty.lab.submit(small(), name="Patience")
    at = choose(empty.open("runs"), "Patience")
    assert at.dataframe[0].value["status"][0].startswith("waiting")
    button(at, "stop").click().run()
    empty.work(lambda: empty.lab.run(run).has_ended)
    at = choose(empty.open("runs"), "Patience")
    assert "stopped" in at.dataframe[0].value["status"][0]
    assert not at.error


def test_a_run_under_way_shows_its_share_and_its_curve(empty: Room) -> None:
    run = empty.lab.submit(small(training=Training(steps=100_000, evaluate_every=10)), name="Long")
    empty.work(lambda: empty.lab.run(run).step > 0)
    at = empty.open("runs")
    row = at.dataframe[0].value.iloc[0]
    assert row["status"].startswith("training")
    assert len(row["error"]) > 0
    assert not at.error


def test_a_failed_run_says_why_and_what_is_kept(empty: Room) -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40.0) % 7, "z": np.arange(40.0) % 5})
    source = Upload(store_upload(frame.to_csv(index=False).encode(), "gone.csv"))
    tasks = tuple(task.name for task in source.load().tasks)
    run = empty.lab.submit(small(data=source, tasks=tasks), name="Gone")
    folder = next(path for path in (empty.folder / "uploads").iterdir() if path.is_dir())
    (folder / "table.parquet").write_bytes((empty.folder / "runs.sqlite").read_bytes()[:100])
    empty.forget_data()
    empty.work(lambda: empty.lab.run(run).has_ended)
    at = choose(empty.open("runs"), "Gone")
    assert empty.lab.run(run).status == "failed"
    assert any("Nothing was measured" in each.value for each in at.error)


# --- the list ---------------------------------------------------------------------------------------------------
def test_the_page_opens_on_the_newest_run_with_its_answer_and_nothing_ticked(place: Room) -> None:
    at = place.open("runs")
    assert not at.error
    assert names_of(at)[:3] == [NASTY, "Second", "First"]
    assert "sharing" in said(at)
    assert at.text_input(key=f"run.name.{place.runs()[0].id}").value == NASTY
    assert at.session_state["runs.chosen"] == []


def test_names_are_shown_letter_for_letter(place: Room) -> None:
    at = choose(place.open("runs"), NASTY)
    assert NASTY in names_of(at)
    assert "![" not in "\n".join(str(each.value) for each in [*at.markdown, *at.caption])


def test_filters_narrow_the_list_and_an_empty_result_says_so(place: Room) -> None:
    at = place.open("runs")
    at.text_input(key="runs.text").set_value("short").run()
    assert names_of(at) == ["Second"]
    at.selectbox(key="runs.status").set_value("failed").run()
    assert any("No run fits" in each.value for each in at.info)


def test_a_choice_stays_with_its_run_when_rows_move(place: Room) -> None:
    at = choose(place.open("runs"), "First")
    chosen = at.session_state["runs.chosen"]
    newer = place.make(small(), name="Newer")
    at.run()
    assert names_of(at)[0] == "Newer"
    assert at.session_state["runs.chosen"] == chosen
    place.lab.delete(newer)


# --- one run ----------------------------------------------------------------------------------------------------
def test_a_run_is_renamed_and_annotated(place: Room) -> None:
    run = place.make(small(), name="Old name")
    at = choose(place.open("runs"), "Old name")
    at.text_input(key=f"run.name.{run}").set_value("New name").run()
    at.text_area(key=f"run.note.{run}").set_value("Seen in class").run()
    record = place.lab.run(run)
    assert (record.name, record.note) == ("New name", "Seen in class")
    assert "New name" in names_of(at)
    place.lab.delete(run)


def test_open_puts_the_run_into_view_on_train(place: Room) -> None:
    at = choose(place.open("runs"), "First")
    chosen = at.session_state["runs.chosen"][0]
    button(at, "open").click().run()
    assert at.session_state["run"] == chosen
    assert at.session_state["experiment"].tasks == ("species", "body mass")


def test_run_again_hands_in_the_same_experiment(place: Room) -> None:
    at = choose(place.open("runs"), "Second")
    button(at, "again").click().run()
    newest = place.runs()[0]
    assert newest.name == "Second, again"
    assert newest.experiment == next(each for each in place.runs() if each.name == "Second").experiment
    place.work(lambda: place.lab.run(newest.id).has_ended)
    place.lab.delete(newest.id)


def test_a_second_click_deletes_a_run(place: Room) -> None:
    run = place.make(small(), name="Doomed")
    at = choose(place.open("runs"), "Doomed")
    assert "cannot be undone" in said(at)
    button(at, "sure").click().run()
    assert run not in [each.id for each in place.runs()]
    assert not at.error


def test_a_late_click_does_not_delete_the_run_that_took_the_place(place: Room) -> None:
    first = place.make(small(), name="Shown")
    at = place.open("runs")
    doomed = button(at, "sure")
    second = place.make(small(), name="Took its place")
    doomed.click().run()
    left = [each.id for each in place.runs()]
    assert second in left
    for run in {first, second} & set(left):
        place.lab.delete(run)


def test_exports_hold_the_numbers_and_the_experiment(place: Room) -> None:
    run = next(each for each in place.runs() if each.name == "First")
    at = choose(place.open("runs"), "First")
    assert len(at.download_button) == 2
    assert place.lab.export_csv(run.id).startswith("arm,together,task,fold,init,step,quantity,value")
    assert Experiment.from_json(json.loads(place.lab.export_json(run.id))["experiment"]) == run.experiment


# --- several runs -----------------------------------------------------------------------------------------------
def test_several_runs_are_deleted_together(place: Room) -> None:
    place.make(small(), name="Doomed 1")
    place.make(small(), name="Doomed 2")
    at = choose(place.open("runs"), "Doomed 1", "Doomed 2")
    assert "2 runs chosen" in said(at)
    button(at, "sure").click().run()
    assert not any(each.name.startswith("Doomed") for each in place.runs())


def test_chosen_runs_are_compared(place: Room) -> None:
    at = choose(place.open("runs"), "First", "Second")
    chosen = at.session_state["runs.chosen"]
    button(at, "compare").click().run()
    assert not at.error
    data = at.session_state["compare.data"]
    assert sorted(at.session_state[f"compare.runs.{data}"]) == sorted(chosen)


def test_runs_on_other_data_cannot_be_compared(place: Room) -> None:
    other = Experiment(sources.from_json("linnerud"), ("weight", "waist"), training=Training(steps=5, evaluate_every=5))
    run = place.make(other, name="Gym")
    at = choose(place.open("runs"), "First", "Gym")
    assert button(at, "compare").disabled
    assert any("these differ in" in each.value and "against" in each.value for each in at.caption)
    place.lab.delete(run)


# --- import -----------------------------------------------------------------------------------------------------
def drop(place: Room, content: bytes, name: str = "file.json") -> AppTest:
    at = place.open("runs")
    at.file_uploader(key="import.file").upload(name, content, "application/json").run()
    return at


def test_an_exported_run_is_imported_and_run(place: Room) -> None:
    run = next(each for each in place.runs() if each.name == "First")
    at = drop(place, place.lab.export_json(run.id).encode())
    at.button(key="import.run").click().run()
    newest = place.runs()[0]
    assert newest.experiment == run.experiment
    place.work(lambda: place.lab.run(newest.id).has_ended)
    place.lab.delete(newest.id)


def test_a_bare_experiment_is_opened_on_train(place: Room) -> None:
    at = drop(place, json.dumps({"data": "linnerud", "tasks": ["waist"]}).encode())
    at.button(key="import.open").click().run()
    assert at.session_state["experiment"].data.name == "linnerud"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no JSON file"),
        (b"{", "no JSON file"),
        (b"\xff\xfe\x00", "no JSON file"),
        (b"[1, 2]", "no experiment"),
        (b"{}", "at least"),
        (b'{"data": "nowhere", "tasks": ["a"]}', "nowhere"),
        (b'{"data": {"name": "csv", "path": "/etc/passwd"}, "tasks": ["a"]}', "on a disk"),
        (b'{"data": "penguins", "tasks": 3}', "not an experiment"),
        (b'{"data": "penguins", "tasks": ["sex"], "training": ["a"]}', "not an experiment"),
        (b'{"experiment": 5}', "at least"),
    ],
)
def test_what_is_no_experiment_is_refused_in_one_sentence(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        read(content, "file.json")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[", "no JSON file"),
        ('{"data": "penguins", "tasks": ["wings"]}', "wings"),
        ('{"data": {"name": "upload", "fingerprint": "0123456789abcdef"}, "tasks": ["a"]}', "upload"),
    ],
)
def test_the_page_says_why_an_import_is_refused(place: Room, text: str, reason: str) -> None:
    at = drop(place, text.encode())
    assert len(at.error) == 1
    assert reason in at.error[0].value
    assert "could not be shown" not in at.error[0].value


# --- the table, pure --------------------------------------------------------------------------------------------
def test_the_sparkline_is_the_mean_over_the_tasks(place: Room) -> None:
    run = next(each for each in place.runs() if each.name == "First")
    history = place.lab.history(run.id)
    curves = [history.summary("hard", task, "validation_error") for task in range(2)]
    expected = (curves[0]["mean"] + curves[1]["mean"]) / 2
    np.testing.assert_allclose(validation_errors(history), expected)


def test_a_run_without_a_name_is_told_by_how_it_learns(place: Room) -> None:
    run = replace(place.runs()[0], name="")
    row = table([run], lambda _: []).iloc[0]
    assert row["name"].startswith("One trunk for all, all alike")
    assert progress(replace(run, status="running", step=5, steps=20)) == "training, 25 %"
    assert progress(replace(run, status="queued", position=3)) == "waiting, place 3"
