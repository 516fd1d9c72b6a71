"""Fixes of a recipe, and each of them taken back: what it changed goes back, what was decided since stays."""

from __future__ import annotations

from dataclasses import replace

from mtl_core.data.boxes import BoxColumns
from mtl_core.data.findings import without
from mtl_core.data.read_as import ReadAs
from mtl_core.data.recipe import Recipe
from mtl_core.data.taken_back import MOST, Fix, from_text, in_force, taken_back, to_text

FIRST = Recipe(("a", "b", "c"), (("x", "regression"), ("y", "binary")), missing=(("a", "?"),))


def fix(after: Recipe, before: Recipe = FIRST) -> Fix:
    return Fix("a fix", before, after)


def test_a_fix_that_came_last_is_taken_back_exactly() -> None:
    for after in (
        without(FIRST, "a"),
        without(FIRST, "x"),
        replace(FIRST, features=("a", "b"), group="c"),
        replace(FIRST, split="time", by="b", once=True),
        replace(FIRST, tasks=(("x", "ordinal"), ("y", "binary"))),
        replace(FIRST, missing=(("a", "?"), ("b", "-999")), kept=(("c", "NA"),)),
        replace(FIRST, features=(), boxes=(BoxColumns("box", ("a", "b", "c", "d"), "corners"),)),
        Recipe(("column 1",), (("column 2", "binary"),), reading=ReadAs(names="none")),
    ):
        assert taken_back(after, fix(after)) == FIRST


def test_an_earlier_fix_is_taken_back_and_the_later_ones_stay() -> None:
    first = replace(FIRST, missing=(*FIRST.missing, ("b", "-999")))
    second = without(first, "c")
    third = replace(second, features=("a",), group="b")
    assert taken_back(third, fix(first)) == replace(third, missing=FIRST.missing)
    back = taken_back(third, fix(second, first))
    assert (set(back.features), back.group, back.missing) == ({"a", "c"}, "b", first.missing)


def test_a_column_whose_role_was_changed_since_keeps_it() -> None:
    after = without(FIRST, "x")
    now = replace(after, features=(*after.features, "x"))
    assert taken_back(now, fix(after)) == now
    grouped = replace(FIRST, features=("a", "b"), group="c")
    moved = replace(grouped, features=("a", "b", "c"), group="")
    assert taken_back(moved, fix(grouped)) == moved


def test_what_a_fix_made_of_a_column_gives_way_to_what_it_was() -> None:
    after = replace(FIRST, features=("a", "b"), group="c")
    now = replace(after, missing=())
    assert taken_back(now, fix(after)) == replace(FIRST, missing=())
    tasks = replace(FIRST, features=(*FIRST.features, "x"), tasks=(("y", "binary"),))
    assert taken_back(replace(tasks, once=True), fix(tasks)).role_of("x") == "task"


def test_another_reading_is_taken_back_with_all_that_came_after_it() -> None:
    after = Recipe(("column 1", "column 2"), (("column 3", "binary"),), reading=ReadAs(names="none"))
    now = without(after, "column 1")
    assert taken_back(now, fix(after)) == FIRST
    elsewhere = replace(now, reading=ReadAs(names="2"))
    assert taken_back(elsewhere, fix(after)) == elsewhere


def test_only_fixes_that_are_in_force_can_be_taken_back_the_last_one_first() -> None:
    start = replace(FIRST, missing=())
    first, second = without(start, "a"), without(without(start, "a"), "b")
    fixes = [Fix("a out", start, first), Fix("b out", first, second)]
    assert [each.what for each in in_force(fixes, second)] == ["b out", "a out"]
    assert [each.what for each in in_force(fixes, taken_back(second, fixes[0]))] == ["b out"]
    assert in_force(fixes, start) == ()


def test_cells_and_rows_that_came_with_a_recipe_can_be_taken_back_too() -> None:
    came = replace(FIRST, once=True)
    cells, rows = in_force([], came)
    assert (cells.what, rows.what) == ("Take as missing: '?' in 'a'", "Use repeated rows once")
    assert taken_back(came, cells).missing == ()
    assert not taken_back(came, rows).once
    mine = replace(came, missing=(*came.missing, ("b", "-9")))
    found = in_force([Fix("-9 in b", came, mine)], mine)
    assert [each.what for each in found] == ["-9 in b", cells.what, rows.what]


def test_fixes_outlive_a_session_as_text() -> None:
    fixes = tuple(Fix(f"fix {i}", FIRST, without(FIRST, "a")) for i in range(MOST + 3))
    assert from_text(to_text(fixes)) == fixes[-MOST:]
    for damaged in ("", "{", "[[1, 2, 3]]", '[["what", {}]]'):
        assert from_text(damaged) == ()
