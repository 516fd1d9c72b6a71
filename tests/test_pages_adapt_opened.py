"""New tasks, with a run in view that was asked for elsewhere: its settings stand in the controls, all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.data.read_as import ReadAs
from mtl_core.data.recipe import Recipe
from mtl_core.data.table import CsvFile, Upload, read_file
from mtl_core.meta.adaptation import Adaptation
from mtl_core.meta.budget import Budget
from mtl_core.meta.by_trunk import RidgeHead, Scratch
from mtl_core.meta.families import families
from mtl_core.meta.generated import Sinusoids
from mtl_core.meta.groups import Groups, recipe_of
from mtl_core.meta.learners import learners
from mtl_core.models.base import Trunk
from pages.ui.meta_controls import first_comparison
from tests.room import Room, room, said

CHANGED = "Changed since then"
BUDGET = Budget(steps=20, tasks=3, shots=3, queries=3, folds=2, unseen=3, asked=5, evaluate_every=10)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("opened")) as place:
        yield place


def table(folder: Path, name: str) -> Path:
    """Eight shops, two regions and six clerks, and three numbers of each day."""
    days = [
        {
            "shop": f"shop {i % 8}",
            "clerk": f"clerk {i % 6}",
            "price": (i * 7 % 13) / 3,
            "sales": 2 * (i * 7 % 13) + i % 8,
            "open": i // 8 % 2,
            "visits": len(name) + i % 11,
        }
        for i in range(96)
    ]
    path = folder / name
    pd.DataFrame(days).to_csv(path, index=False)
    return path


def groups(path: Path, group: str = "shop", task: str = "sales", **read: Any) -> Groups:
    """As the command line makes them."""
    recipe = recipe_of(*read_file(str(path), asked=ReadAs.from_settings(read)), group, task)
    return Groups(CsvFile(str(path), recipe.to_text()).stored(), task)


def asked_for(family: Any, **other: Any) -> Adaptation:
    return Adaptation(family, (Scratch(), RidgeHead()), Trunk(width=6), BUDGET, (3,), 2, **other)


def opened(place: Room, asked: Adaptation, at: AppTest | None = None) -> AppTest:
    """A run of this, stopped at once, as its address or the list of runs opens it."""
    run = place.lab.submit(asked, "Elsewhere")
    place.lab.command(run, "stop")
    place.work(lambda: place.lab.record(run).has_ended)
    if at is None:
        return place.open("adapt", adaptation=run)
    at.query_params["adaptation"] = run
    return at.run()


def again(place: Room, at: AppTest) -> Adaptation:
    """What Run hands in."""
    at.button(key="meta-run").click().run()
    assert not at.exception
    run = "".join(at.query_params["adaptation"])
    place.lab.command(run, "stop")
    return place.lab.adaptation(run).experiment


def pick(at: AppTest, label: str, value: Any) -> AppTest:
    """Turn a selectbox or pills that have this label."""
    found: Any = next(each for each in (*at.selectbox, *at.get("button_group")) if each.label == label)
    found.set_value(value)
    return at.run()


def odd(method: Any) -> Any:
    """A method with every number between the marks of its widget."""
    turned = {item.name: item.default * 0.9 for item in method.knobs() if item.type is float}
    turned |= {item.name: item.default + 1 for item in method.knobs() if item.type is int}
    return method.from_settings(turned)


@pytest.mark.parametrize(
    "asked",
    [
        Adaptation(Sinusoids(), tuple(learners[name]() for name in sorted(learners, reverse=True)), budget=BUDGET),
        Adaptation(Sinusoids(), (Scratch(), RidgeHead()), budget=BUDGET, shots=(7, 3), adapt_steps=60),
        Adaptation(
            odd(families["relatives"]),
            tuple(odd(learners[name]) for name in learners),
            replace(Trunk(width=41), depth=3),
            replace(odd(Budget), steps=77, folds=2),
            shots=(5,),
        ),
    ],
    ids=["another order", "other numbers of labels and steps", "every knob between its marks"],
)
def test_a_run_opens_with_all_of_its_settings_and_nothing_is_called_changed(place: Room, asked: Adaptation) -> None:
    at = opened(place, asked)
    assert not at.exception
    assert CHANGED not in said(at)
    assert again(place, at) == asked


def test_what_somebody_turns_is_called_changed_and_only_that(place: Room) -> None:
    at = opened(place, Adaptation(Sinusoids(), (Scratch(), RidgeHead()), budget=BUDGET, shots=(7, 3), adapt_steps=60))
    pick(at, "Who learns", ["scratch", "ridge", "maml"])
    assert f"{CHANGED}: who learns. " in said(at)
    pick(at, "Who learns", ["ridge", "scratch"])
    assert CHANGED not in said(at)
    pick(at, "Labels of a new task", [3, 5])
    assert f"{CHANGED}: labels of a new task. " in said(at)


@pytest.mark.parametrize(
    ("group", "task", "read"),
    [("shop", "sales", {}), ("clerk", "open", {}), ("shop", "price", {"delimiter": "comma"})],
    ids=["as the page would", "a number of two values", "read as it was said"],
)
def test_groups_of_a_table_open_as_they_were_asked_for(
    place: Room, tmp_path: Path, group: str, task: str, read: dict[str, Any]
) -> None:
    asked = asked_for(groups(table(tmp_path, "days.csv"), group, task, **read))
    at = opened(place, asked)
    assert not at.exception
    assert CHANGED not in said(at)
    assert again(place, at) == asked
    pick(at, "Number to predict", "visits")
    assert f"{CHANGED}: tasks to learn from. " in said(at)


def test_a_table_that_is_read_anew_on_data_counts_from_then_on(place: Room, tmp_path: Path) -> None:
    family = groups(table(tmp_path, "days.csv"))
    assert isinstance(family.data, Upload)
    at, recipe = place.open("adapt"), Recipe.from_text(family.data.recipe)
    kept = {"recipe": replace(recipe, reading=ReadAs(every_row=True))}
    at.session_state["roles"] = {family.data.fingerprint: kept}  # as the Data page keeps it
    opened(place, asked_for(family), at)
    assert CHANGED not in said(at)
    kept["recipe"] = replace(recipe, reading=ReadAs(delimiter="comma"))
    at.run()
    assert f"{CHANGED}: tasks to learn from. " in said(at)


def test_a_run_opens_with_its_own_table_after_others_were_looked_at(place: Room, tmp_path: Path) -> None:
    first, second = (groups(table(tmp_path, name)) for name in ("days.csv", "other days.csv"))
    at = opened(place, asked_for(first))
    pick(at, "Each of these is a task", "clerk")
    opened(place, asked_for(second), at)
    assert CHANGED not in said(at)
    asked = asked_for(replace(first, task="price", data=groups(tmp_path / "days.csv", task="price").data))
    opened(place, asked, at)
    assert CHANGED not in said(at)
    assert again(place, at) == asked


def test_groups_of_a_file_that_is_no_upload_open_as_well(place: Room, tmp_path: Path) -> None:
    path = table(tmp_path, "days.csv")
    recipe = recipe_of(*read_file(str(path)), "shop", "sales").to_text()
    at = opened(place, asked_for(Groups(CsvFile(str(path), recipe), "sales")))
    assert not at.exception
    assert CHANGED not in said(at)
    assert "what is predicted is sales" in said(at)
    assert again(place, at) == asked_for(Groups(CsvFile(str(path), recipe), "sales"))


def test_settings_of_train_leave_those_of_new_tasks_alone(place: Room) -> None:
    at = place.open("adapt")
    pick(at, "Who learns", ["ridge", "scratch"])
    at.button(key="meta-run").click().run()
    assert CHANGED not in said(at)
    at.session_state["generation"] += 1  # as Train does when other data or settings are loaded
    at.run()
    assert CHANGED not in said(at)
    run = place.lab.records()[0]
    assert run.experiment == replace(first_comparison(), learners=(RidgeHead(), Scratch()))
    place.lab.delete(run.id)
