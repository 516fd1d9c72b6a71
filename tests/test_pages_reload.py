"""A reload of any page: what Train has in use is still there, and an address from before takes nothing back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.data.table import CsvFile, csv_source
from mtl_core.experiment import Experiment
from mtl_core.weighting.base import weightings
from pages.ui.addresses import compact
from pages.ui.in_use import LIMIT, NAMES
from tests.room import Room, room

PAGES = ("home", "data", "compare", "learn", "adapt", "runs", "reference")
SETTINGS, RUN = NAMES["settings"], NAMES["run"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("reload")) as place:
        yield place


@pytest.fixture(scope="module")
def chosen(small: Experiment) -> Experiment:
    """Other data than the example's, with a knob that was turned."""
    return replace(small, weighting=weightings.from_json({"name": "dwa", "temperature": 3.0}))


def in_use(at: AppTest) -> Experiment:
    found: Experiment = at.session_state["experiment"]
    return found


def in_view(at: AppTest) -> str | None:
    state = at.session_state
    found: str | None = state["run"] if "run" in state else None  # noqa: SIM401 - it has no `get`
    return found


def went_to(page: str, at: AppTest) -> AppTest:
    """By the menu, which empties the address."""
    at.query_params.clear()
    at.switch_page(f"pages/{page}.py").run()
    assert not at.exception
    return at


def reloaded(place: Room, page: str, at: AppTest) -> AppTest:
    """A new session at the same address."""
    again = place.open(page, **{name: "".join(value) for name, value in at.query_params.items()})
    assert not again.exception
    return again


@pytest.mark.parametrize("page", PAGES)
def test_a_reload_of_any_page_finds_what_train_has_in_use(place: Room, chosen: Experiment, page: str) -> None:
    run = place.make(chosen)
    at = went_to(page, place.open("train", settings=compact(chosen), run=run))
    assert (in_use(at), in_view(at)) == (chosen, run)
    again = reloaded(place, page, at)
    assert (in_use(again), in_view(again)) == (chosen, run)
    assert in_use(went_to("train", again)) == chosen
    assert SETTINGS not in again.query_params
    place.lab.delete(run)


@pytest.mark.parametrize("page", PAGES)
def test_what_every_visitor_begins_with_stands_in_no_address(place: Room, page: str) -> None:
    at = place.open(page)
    assert not {SETTINGS, RUN} & set(at.query_params)


def test_a_step_back_to_an_older_address_takes_nothing_back(place: Room, small: Experiment, chosen: Experiment) -> None:
    at = went_to("runs", place.open("train", settings=compact(small)))
    before = dict(at.query_params)
    at.query_params.clear()
    at.query_params["settings"] = compact(chosen)
    went_to_train = at.switch_page("pages/train.py").run()
    at.query_params.clear()
    for name, value in before.items():
        at.query_params[name] = "".join(value)
    went_to_train.switch_page("pages/runs.py").run()
    assert in_use(at) == chosen
    assert "".join(at.query_params[SETTINGS]) == compact(chosen)


def test_a_run_that_was_deleted_takes_no_settings_with_it(place: Room, chosen: Experiment) -> None:
    run = place.make(chosen)
    at = went_to("home", place.open("train", settings=compact(chosen), run=run))
    place.lab.delete(run)
    again = reloaded(place, "home", at)
    assert (in_use(again), in_view(again)) == (chosen, None)
    assert not again.toast


def test_settings_too_long_for_an_address_come_back_with_their_run(place: Room, tmp_path: Path) -> None:
    names = tuple(f"{word} {'long ' * 400}".strip() for word in ("first", "second", "third"))
    table = pd.DataFrame({name: [i % (n + 5) for i in range(60)] for n, name in enumerate((*names, "input"))})
    table.to_csv(tmp_path / "long.csv", index=False)
    long = Experiment(csv_source(str(tmp_path / "long.csv"), names[:2]).stored(), names[:2])
    assert len(compact(long)) > LIMIT
    run = place.lab.submit(long)
    at = went_to("runs", place.open("train", run=run))
    assert SETTINGS not in at.query_params
    assert in_use(reloaded(place, "runs", at)).tasks == long.tasks
    place.lab.delete(run)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"data": "nothing", "tasks": []}', "[" * 3000])
def test_what_cannot_be_read_begins_as_for_every_visitor(place: Room, text: str) -> None:
    at = place.open("runs", **{SETTINGS: text, RUN: "nowhere"})
    assert not at.exception
    assert (in_use(at), in_view(at)) == (in_use(fresh := place.open("runs")), in_view(fresh))


def test_an_address_opens_no_file_of_this_machine(place: Room, tmp_path: Path, small: Experiment) -> None:
    (tmp_path / "own.csv").write_text("a,b\n" + "1,2\n3,5\n" * 20)
    asked = replace(small, data=CsvFile(str(tmp_path / "own.csv")), tasks=("b",))
    assert in_use(place.open("runs", **{SETTINGS: compact(asked)})) == in_use(place.open("runs"))
