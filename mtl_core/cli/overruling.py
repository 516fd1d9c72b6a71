"""`--read`: a person's word on how a table is read, against what would be found out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mtl_core.registry import InvalidInput, check_knob, hint

if TYPE_CHECKING:
    from mtl_core.data.recipe import Recipe

Said = dict[str, Any]
"""Knobs of `ReadAs` that were said, with their values."""
READ_HELP = (
    "How the table is read, as names=none, names=2, data=4, delimiter=semicolon, decimal=comma, encoding=cp1252, "
    "sheet=May or every_row=true; repeatable."
)
Read = Annotated[list[str] | None, typer.Option("--read", help=READ_HELP, metavar="NAME=VALUE")]


def said_of_reading(words: Iterable[str] | None) -> Said:
    """ "knob=value" of every `--read`. Raises `InvalidInput` with one sentence when it is none."""
    from mtl_core.data.read_as import ReadAs

    known = {item.name: item for item in ReadAs.knobs()}
    signs = _signs()
    said: Said = {}
    for word in words or ():
        name, equals, text = word.partition("=")
        if not equals:
            raise InvalidInput(f"how a table is read is written name=value, for instance names=none; got {word!r}")
        if name not in known:
            raise InvalidInput(f"of how a table is read nothing is called {name!r}{hint(name, known)}")
        said[name] = signs.get((name, text), text) if known[name].type is str else _value(text)
        check_knob(name, known[name], said[name])
    return said


def with_reading(recipe: Recipe, said: Said) -> Recipe:
    """The recipe of a table that is read as it says, and as was said now."""
    from dataclasses import replace

    from mtl_core.data.read_as import ReadAs

    return replace(recipe, reading=ReadAs.from_settings({**recipe.reading.settings(), **said})) if said else recipe


def _signs() -> dict[tuple[str, str], str]:
    """Signs that stand for their words: delimiter=; as well as delimiter=semicolon."""
    from mtl_core.data.read_as import DECIMALS, SEPARATORS

    pairs = {"delimiter": SEPARATORS, "decimal": DECIMALS}
    return {(name, sign): word for name, words in pairs.items() for word, sign in words.items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
