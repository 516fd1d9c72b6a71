"""Widgets from knobs: a method's fields, as the registry describes them, become the form that fills it.

Every widget's key ends in the generation of the form (`session.generation`): loading other settings starts a
new generation, whose widgets begin at the loaded values. Within one, values survive a change of page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from mtl_core.registry import Knob, Method, Registry
from pages.ui import session, text
from pages.ui.colours import TASK_COLOURS

M = TypeVar("M", bound=Method)

DECADES = 3
"""A logarithmic slider reaches so many powers of ten to either side of its default."""

WEIGHT_LIMIT = 10.0


def widget_key(*parts: object) -> str:
    return ".".join(map(str, (*parts, session.generation())))


def curve_choice(key: str, first: str) -> str:
    """Which curves to draw; remembered under the key."""
    chosen = st.segmented_control(
        "Curves",
        list(text.QUANTITIES),
        default=first,
        required=True,
        format_func=text.QUANTITIES.__getitem__,
        label_visibility="collapsed",
        key=key,
        persist_state="session",
    )
    return chosen or first


def choose(registry: Registry[M], key: str, label: str, value: str, *, only: Iterable[str] = ()) -> type[M]:
    """Pick one method of a family; its own sentence stands beneath."""
    names = sorted(only or registry)
    index = names.index(value) if value in names else 0
    titles = {name: registry[name].label() for name in names}
    name = st.selectbox(
        label, names, index=index, format_func=titles.__getitem__, key=widget_key(key), persist_state="session"
    )
    chosen = registry[name or names[index]]
    st.caption(text.plain(chosen.summary()))
    return chosen


def fill(
    method: type[M],
    key: str,
    values: Mapping[str, Any] | None = None,
    *,
    names: Sequence[str] = (),
    places: Sequence[int] = (),
    shown: Iterable[Knob] | None = None,
) -> M:
    """A form for a method's knobs; gives the method as it is set.

    values: where the widgets begin (knob name -> value; else the knob's default). names: the tasks, for knobs
    that have one number a task; places: where they stand in their data set, which gives their colours.
    shown: the knobs that get a widget (default: all); the others keep their value.
    Raises `InvalidInput` when the settings do not go together.
    """
    start = {item.name: item.default for item in method.knobs()} | dict(values or {})
    settings = dict(start)
    for item in method.knobs() if shown is None else shown:
        settings[item.name] = widget(item, f"{key}.{item.name}", start[item.name], names=names, places=places)
    return method.from_settings(settings)


def widget(item: Knob, key: str, value: Any, *, names: Sequence[str] = (), places: Sequence[int] = ()) -> Any:
    """The widget that fits a knob; gives its value."""
    if item.per_task:
        return per_task(item, key, value, names, places or range(len(names)))
    if item.choices is not None:
        return _choice(item, key, value)
    if item.type is bool:
        return st.toggle(item.label, value, help=item.help, key=widget_key(key), persist_state="session")
    if item.type in (int, float):
        return _number(item, key, value)
    if item.type is str:
        return st.text_input(item.label, value, help=item.help, key=widget_key(key), persist_state="session")
    return value


def per_task(
    item: Knob, key: str, value: Sequence[float], names: Sequence[str], places: Sequence[int]
) -> tuple[float, ...]:
    """One slider a task, named and coloured by the task; empty where all are 1."""
    low = item.low or 0.0
    if places:
        st.caption(item.help)
    start = [float(value[t]) if len(value) == len(names) else 1.0 for t in range(len(names))]
    top = max(min(item.high or WEIGHT_LIMIT, WEIGHT_LIMIT), *start) if names else WEIGHT_LIMIT
    chosen = []
    for name, place, begin in zip(names, places, start, strict=True):
        with st.container(key=f"look{place % len(TASK_COLOURS)}-{widget_key(key, place)}"):
            chosen.append(_task_slider(item, widget_key(key, name), name, (low, top, begin)))
    return () if all(value == 1.0 for value in chosen) else tuple(chosen)


def _task_slider(item: Knob, key: str, name: str, numbers: tuple[float, float, float]) -> float:
    low, top, begin = numbers
    label = text.plain(text.cut(name, 28))
    return st.slider(label, low, top, begin, step=0.1, format="%.1f", key=key, persist_state="session")


def _choice(item: Knob, key: str, value: Any) -> Any:
    options = list(item.choices or ())
    chosen = st.selectbox(
        item.label,
        options,
        options.index(value) if value in options else 0,
        help=item.help,
        key=widget_key(key),
        persist_state="session",
    )
    return options[0] if chosen is None else chosen


def _number(item: Knob, key: str, value: float) -> float:
    shared: dict[str, Any] = {"help": item.help, "key": widget_key(key), "persist_state": "session"}
    if item.log:
        options = log_options(item, value)
        return st.select_slider(item.label, options, value, format_func=text.number, **shared)
    low, high = item.low, item.high
    if low is not None and high is not None and high - low <= 100:
        step = 1 if item.type is int else (high - low) / 100
        kind = int if item.type is int else float
        return kind(st.slider(item.label, kind(low), kind(high), kind(value), step=kind(step), **shared))
    kind = int if item.type is int else float
    bounds: dict[str, Any] = {
        "min_value": None if low is None else kind(low),
        "max_value": None if high is None else kind(high),
        "step": kind(max(abs(value) / 10, 1)) if kind is int else None,
    }
    chosen = st.number_input(item.label, value=kind(value), **bounds, **shared)
    return value if chosen is None else kind(chosen)


def log_options(item: Knob, value: float) -> list[float]:
    """1, 2, 5 in every power of ten around the default, within the knob's range, and the present value itself."""
    kind = int if item.type is int else float
    middle = math.floor(math.log10(item.default)) if item.default > 0 else 0
    grid = [kind(float(f"{m}e{middle + d}")) for d in range(-DECADES, DECADES + 1) for m in (1, 2, 5)]
    low = -math.inf if item.low is None else item.low
    high = math.inf if item.high is None else item.high
    inside = {option for option in grid if low <= option <= high and option > 0}
    return sorted(inside | {kind(value), kind(item.default)})


def differences(method: Method) -> list[str]:
    """What is not at its default, in words: "learning rate 0.01"."""
    found = []
    for item in method.knobs():
        value = getattr(method, item.name)
        if value != item.default:
            found.append(_said(item, value))
    return found


def _said(item: Knob, value: Any) -> str:
    name = item.label.lower()
    if item.type is bool:
        return name if value else f"not: {name}"
    return f"{name} {text.number(value) if item.type in (int, float) else value}"
