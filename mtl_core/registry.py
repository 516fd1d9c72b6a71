"""The only plug-in mechanism: a method is a frozen dataclass in a registry, its fields are its knobs.

Forms, command-line flags, JSON, documentation and contract tests are all derived from what stands here,
so that a method or a knob is added in one place.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
import typing
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Generic, Self, TypeVar


class InvalidInput(ValueError):
    """Something a person gave cannot be used; the message says what was found, where, and what to do."""


@dataclass(frozen=True)
class Knob:
    """One setting of a method, as forms, flags and documentation need it."""

    name: str
    type: type
    default: Any
    help: str
    label: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] | None = None
    log: bool = False
    live: bool = False
    per_task: bool = False
    advanced: bool = False


def knob(
    default: Any,
    help: str,  # noqa: A002 - the word every form library uses
    *,
    label: str | None = None,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] | None = None,
    log: bool = False,
    live: bool = False,
    per_task: bool = False,
    advanced: bool = False,
) -> Any:
    """A dataclass field with the metadata of a `Knob`.

    `low` and `high` are inclusive; `log` asks for a logarithmic slider; `live` allows a change while a run
    trains; `per_task` marks a tuple with one number a task (empty = 1 for every task).
    """
    facts = {"help": help, "label": label, "low": low, "high": high, "choices": choices, "log": log}
    facts |= {"live": live, "per_task": per_task, "advanced": advanced}
    return dataclasses.field(default=default, metadata={"knob": facts})


@dataclass(frozen=True)
class Method:
    """A named, interchangeable part. Subclasses are frozen dataclasses whose fields are made by `knob`."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    term: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for item in self.knobs():
            check_knob(f"{type(self).__name__}.{item.name}", item, getattr(self, item.name))

    @classmethod
    def label(cls) -> str:
        """The plain words, with the field's own term beside them."""
        return f"{cls.title} ({cls.term})" if cls.term else cls.title

    @classmethod
    def summary(cls) -> str:
        """First sentence of the docstring: the tip that stands beside the method on every page."""
        return inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " ")

    @classmethod
    def reference(cls) -> str:
        """The literature source named in the docstring, or an empty string."""
        text = " ".join(inspect.cleandoc(cls.__doc__ or "").split())
        return text.split("Reference:", 1)[1].split(" Differs", 1)[0].strip() if "Reference:" in text else ""

    @classmethod
    def knobs(cls) -> tuple[Knob, ...]:
        return _knobs(typing.cast(Hashable, cls))

    def settings(self) -> dict[str, Any]:
        """The knobs' values, ready for JSON."""
        return {item.name: _plain(getattr(self, item.name)) for item in self.knobs()}

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, **self.settings()}

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """Build from JSON values. Raises `InvalidInput` for an unknown knob or a value out of range."""
        known = {item.name: item for item in cls.knobs()}
        for key in settings:
            if key not in known:
                raise InvalidInput(f"{cls.__name__} has no setting {key!r}{hint(key, known)}")
        return cls(**{key: _typed(known[key], value) for key, value in settings.items()})


M = TypeVar("M", bound=Method)
C = TypeVar("C")


class Registry(Generic[M]):
    """All methods of one family, by name, in sorted order."""

    def __init__(self, family: str) -> None:
        self.family = family
        self._classes: dict[str, type[M]] = {}

    def register(self, name: str, *, title: str, term: str = "") -> Callable[[type[C]], type[C]]:
        """Class decorator. `title` is what a person reads first, `term` the word of the literature."""

        def add(cls: type[C]) -> type[C]:
            if name in self._classes:
                raise ValueError(f"{self.family} {name!r} is registered twice")
            method = typing.cast("type[M]", cls)
            method.name, method.title, method.term = name, title, term
            self._classes[name] = method
            return cls

        return add

    def __getitem__(self, name: str) -> type[M]:
        if name not in self._classes:
            raise InvalidInput(f"there is no {self.family} {name!r}{hint(name, self._classes)}")
        return self._classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._classes))

    def __len__(self) -> int:
        return len(self._classes)

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def from_json(self, value: dict[str, Any] | str) -> M:
        """A method from `{"name": ..., knob: value, ...}` or from its bare name."""
        if isinstance(value, str):
            return self[value]()
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            raise InvalidInput(f'a {self.family} is written {{"name": ..., ...}}; got {value!r}')
        settings = {key: item for key, item in value.items() if key != "name"}
        return self[value["name"]].from_settings(settings)


def check_knob(where: str, item: Knob, value: Any) -> None:
    """Raise `InvalidInput` unless `value` has the knob's type and lies in its range."""
    values = value if item.per_task else (value,)
    if not isinstance(values, tuple):
        raise InvalidInput(f"{where} must be a list of numbers, one for each task; got {value!r}")
    for each in values:
        if item.choices is not None and each not in item.choices:
            raise InvalidInput(f"{where} must be one of {', '.join(map(str, item.choices))}; got {each!r}")
        if item.type in (str, bool) and not isinstance(each, item.type):
            what = "a text" if item.type is str else "true or false"
            raise InvalidInput(f"{where} must be {what}; got {each!r}")
        numeric = isinstance(each, int | float) and not isinstance(each, bool)
        bounded = item.low is not None or item.high is not None
        if bounded and not (numeric and math.isfinite(each)):
            raise InvalidInput(f"{where} must be a finite number; got {each!r}")
        if item.type is int and not (isinstance(each, int) and not isinstance(each, bool)):
            raise InvalidInput(f"{where} must be a whole number; got {each!r}")
        low, high = item.low, item.high
        if (low is not None and each < low) or (high is not None and each > high):
            raise InvalidInput(f"{where} must lie in [{_bound(low, '-')}, {_bound(high, '')}]; got {each!r}")


@cache
def _knobs(cls: Hashable) -> tuple[Knob, ...]:
    assert isinstance(cls, type)
    hints = typing.get_type_hints(cls)
    return tuple(_knob(field, hints[field.name]) for field in dataclasses.fields(cls) if "knob" in field.metadata)


def _knob(field: dataclasses.Field[Any], hint: Any) -> Knob:
    facts = dict(field.metadata["knob"])
    base = typing.get_origin(hint) or hint
    facts["label"] = facts["label"] or field.name.replace("_", " ").capitalize()
    return Knob(name=field.name, type=base, default=field.default, **facts)


def _typed(item: Knob, value: Any) -> Any:
    """JSON has one kind of number and no tuples."""
    if item.per_task:
        return tuple(float(each) for each in value) if isinstance(value, list | tuple) else value
    if item.type is tuple and isinstance(value, list):
        return tuple(value)
    if item.type is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if item.type is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _bound(value: float | None, sign: str) -> str:
    return f"{sign}inf" if value is None else f"{value:g}"


def hint(name: str, known: typing.Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"; did you mean {near[0]!r}?" if near else f"; known: {shown or 'none'}"


__all__ = ["InvalidInput", "Knob", "Method", "Registry", "check_knob", "hint", "knob"]
