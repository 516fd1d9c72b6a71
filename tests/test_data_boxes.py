"""Four columns that are one box: known by their names, proposed, corrected, learned; and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mtl_core.data.boxes import BoxColumns, boxes_of, corners, find_boxes, named_boxes
from mtl_core.data.building import build_dataset
from mtl_core.data.columns import guess
from mtl_core.data.describe import describe
from mtl_core.data.doctor import diagnose
from mtl_core.data.prepare import prepare
from mtl_core.data.recipe import Recipe, guess_recipe
from mtl_core.data.saved import fitted
from mtl_core.experiment import Experiment
from mtl_core.registry import InvalidInput
from pages.ui.roles import EDGE, role_table, to_recipe
from tests.own_table import csv, drop, edit, tasks_in_view, told
from tests.room import Room, room

ROWS = 80
RNG = np.random.default_rng(0)
LEFT, TOP = RNG.uniform(0, 50, (2, ROWS))
WIDTH, HEIGHT = RNG.uniform(1, 9, (2, ROWS))
EDGES = np.stack([LEFT, TOP, LEFT + WIDTH, TOP + HEIGHT], 1)
SIZES = {"x": LEFT, "y": TOP, "w": WIDTH, "h": HEIGHT}
TABLE = pd.DataFrame({"a": LEFT + RNG.normal(size=ROWS), "b": RNG.normal(size=ROWS), **SIZES, "kind": ["p", "q"] * 40})
BOX = BoxColumns("box", ("x", "y", "w", "h"), "size")


@pytest.mark.parametrize(
    ("names", "form"),
    [
        (["left", "top", "right", "bottom"], "corners"),
        (["xmin", "ymin", "xmax", "ymax"], "corners"),
        (["x_min", "y_min", "x_max", "y_max"], "corners"),
        (["X1", "Y1", "X2", "Y2"], "corners"),
        (["face left (px)", "face top (px)", "face right (px)", "face bottom (px)"], "corners"),
        (["x", "y", "w", "h"], "size"),
        (["bbox_x", "bbox_y", "bbox_width", "bbox_height"], "size"),
        (["car.left", "car.top", "car.width", "car.height"], "size"),
        (["cx", "cy", "w", "h"], "middle"),
        (["x_center", "y_center", "width", "height"], "middle"),
    ],
)
def test_names_say_what_four_columns_are(names: list[str], form: str) -> None:
    (box,) = named_boxes([*names[::-1], "kind", "width of the road"])
    assert (list(box.columns), box.form) == (names, form)


@pytest.mark.parametrize("names", [["x", "y", "z", "w"], ["width", "height"], ["left", "top", "right", "height"], []])
def test_other_names_are_no_box(names: list[str]) -> None:
    assert named_boxes(names) == []


def test_two_boxes_have_two_names_and_what_is_no_box_by_its_numbers_is_none() -> None:
    both = TABLE.assign(**{f"car_{name}": cells * 2 for name, cells in SIZES.items()})
    assert [box.name for box in find_boxes(both)] == ["box", "car"]
    assert find_boxes(TABLE.assign(w=-WIDTH)) == ()
    assert find_boxes(TABLE.assign(w="wide")) == ()
    assert find_boxes(TABLE.assign(box=1.0))[0].name == "box 2"


@pytest.mark.parametrize(
    ("form", "columns"),
    [
        ("corners", [LEFT, TOP, LEFT + WIDTH, TOP + HEIGHT]),
        ("size", [LEFT, TOP, WIDTH, HEIGHT]),
        ("middle", [LEFT + WIDTH / 2, TOP + HEIGHT / 2, WIDTH, HEIGHT]),
    ],
)
def test_every_form_gives_the_same_corners(form: str, columns: list[np.ndarray]) -> None:
    frame = pd.DataFrame(dict(zip("pqrs", columns, strict=True)))
    np.testing.assert_allclose(corners(frame, BoxColumns("box", tuple("pqrs"), form)), EDGES)


def test_a_box_is_proposed_with_one_click_and_becomes_a_task() -> None:
    recipe = guess_recipe(TABLE, ("kind",))
    (finding,) = [each for each in diagnose(TABLE, recipe) if each.code == "box"]
    fixed = finding.recipe
    assert fixed is not None
    assert (fixed.boxes, fixed.features, fixed.role_of("w")) == ((BOX,), ("a", "b"), "box")
    assert Recipe.from_text(fixed.to_text()) == fixed
    assert not [each for each in diagnose(TABLE, fixed) if each.code == "box"]
    data = build_dataset(TABLE.assign(h=pd.Series(HEIGHT).where(np.arange(ROWS) > 4)), fixed, "t")
    assert [(task.name, task.kind) for task in data.tasks] == [("kind", "binary"), ("box", "box")]
    np.testing.assert_allclose(data.boxes["box"][5:], EDGES[5:])
    assert data.targets["box"].isna().sum() == np.isnan(data.boxes["box"]).any(1).sum() == 5
    assert describe(data)["labels"].tolist() == [ROWS, ROWS - 5]
    prepared = prepare(data, 4, 0)
    assert prepared.boxes is not None
    assert prepared.boxes.shape == (4, ROWS + 1, 1, 4)


def test_a_feature_that_gives_an_edge_away_is_found() -> None:
    recipe = Recipe(("a", "b"), (), boxes=(BOX,))
    (found,) = [each for each in diagnose(TABLE.assign(b=3 * LEFT + 1), recipe) if each.code == "leak-copy"]
    assert found.columns == ("b", "x")


@pytest.mark.parametrize(
    ("changes", "recipe", "message"),
    [
        ({}, Recipe(("a",), (), boxes=(BoxColumns("box", ("x", "y", "w", "h")),)), "ends before it begins in row 1"),
        ({"w": ["wide"] * ROWS}, Recipe(("a",), (), boxes=(BOX,)), "'w' has text in row 1"),
        ({"w": [np.nan] * ROWS}, Recipe(("a",), (), boxes=(BOX,)), "is whole in 0 rows"),
        ({name: [3.0] * ROWS for name in "xywh"}, Recipe(("a",), (), boxes=(BOX,)), "the same in every row"),
        ({}, Recipe(("a", "x"), (), boxes=(BOX,)), "'x' has two roles"),
        ({}, Recipe(("a",), (), each="kind", boxes=(BOX,)), "keep one"),
        ({"w": [1e30] * ROWS}, Recipe(("a",), (), boxes=(BOX,)), r"'w' has 1e\+30"),
        ({"box": [1.5, 2.5] * 40}, Recipe(("a",), (("box", "regression"),), boxes=(BOX,)), "two tasks are called"),
        ({}, Recipe(("a",), (), boxes=(BoxColumns("box", ("x", "y", "w", "no")),)), "no column 'no'"),
    ],
)  # fmt: skip
def test_what_is_no_box_is_refused_in_one_sentence(changes: dict[str, Any], recipe: Recipe, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refusal:
        build_dataset(TABLE.assign(**changes), recipe, "t")
    assert "\n" not in str(refusal.value)


def test_a_recipe_of_another_table_loses_the_boxes_that_it_lacks() -> None:
    assert fitted(Recipe(("a",), (("kind", "binary"),), boxes=(BOX,)), TABLE.drop(columns="w")).boxes == ()
    with pytest.raises(InvalidInput, match="it has no task"):
        fitted(Recipe(("a",), (), boxes=(BOX,)), TABLE.drop(columns="w"))
    for broken in ([["box", ["x", "y"], "size"]], [["box", list("xywh"), "round"]], [3]):
        with pytest.raises(InvalidInput, match="a recipe is JSON"):
            Recipe.from_json({"features": ["a"], "tasks": [], "boxes": broken})


def test_columns_that_a_person_marks_are_a_box() -> None:
    table = role_table(guess(TABLE.rename(columns={"x": "p"})))
    marked = table.assign(role=table["role"].where(~table["column"].isin(["p", "y", "w", "h"]), EDGE))
    columns = guess(TABLE.rename(columns={"x": "p"}))
    assert to_recipe(marked, columns).boxes == (BoxColumns("box", ("p", "y", "w", "h")),)
    known = Recipe((), (), boxes=(BoxColumns("mine", ("p", "y", "w", "h"), "middle"),))
    assert to_recipe(marked, columns, known).boxes == known.boxes
    assert boxes_of(list("hwyx"), (), ()) == (BOX,)
    with pytest.raises(InvalidInput, match="a box has four edges, and 3 columns are marked"):
        boxes_of(list("xyw"), (), ())


# --- on the page --------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("boxes")) as place:
        yield place


def test_a_box_is_taken_corrected_and_trained_with(place: Room) -> None:
    at = drop(place, csv(TABLE), "boxes.csv")
    assert not at.error
    assert "look like one box: left, top, width, height" in told(at)
    next(each for each in at.button if each.label == "Learn them as one box").click().run()
    assert not at.error
    roles = at.data_editor[0].value.set_index("column")["role"]
    assert set(roles[["x", "y", "w", "h"]]) == {EDGE}
    assert "box" in tasks_in_view(at)
    form = next(each for each in at.selectbox if each.label.startswith("What x, y, w, h say"))
    form.set_value("corners").run()
    assert "ends before it begins" in at.error[0].value.replace("\\", "")
    next(each for each in at.selectbox if each.label.startswith("What x, y, w, h say")).set_value("size").run()
    at.button(key="train").click().run()
    assert not at.error
    experiment: Experiment = at.session_state["experiment"]
    assert "box" in experiment.tasks
    at.switch_page("pages/data.py").run()
    at = edit(at, h={"role": "feature"})
    assert "A box has four edges" in at.error[0].value
