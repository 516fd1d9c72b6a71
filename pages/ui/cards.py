"""A method's docstring and knobs, taken apart for its card on the Reference page. Pure: nothing is drawn here."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import mtl_core.data
import mtl_core.meta
import mtl_core.models
import mtl_core.weighting  # noqa: F401 - these imports register every method
from mtl_core.data.base import sources
from mtl_core.meta.learners import learners
from mtl_core.metrics import metrics
from mtl_core.models.base import sharings
from mtl_core.optimisers import optimisers
from mtl_core.registry import Knob, Method, Registry
from mtl_core.tasks import kinds
from mtl_core.weighting.base import weightings


@dataclass(frozen=True)
class Family:
    """Methods that can stand in for one another, and the question they answer.

    part: the field of an experiment that takes one, or "" where nothing can be tried.
    """

    title: str
    question: str
    registry: Registry[Any]
    part: str = ""


FAMILIES: tuple[Family, ...] = (
    Family("How to share", "Which parts of the network do the tasks have in common?", sharings, "sharings"),
    Family("Loss weights", "Who decides how much each task counts?", weightings, "weighting"),
    Family("Optimisers", "How do the parameters move along the gradient?", optimisers, "optimiser"),
    Family("Data", "Where do the rows come from?", sources, "data"),
    Family("Kinds of task", "What is predicted, and what counts as wrong?", kinds),
    Family("Learning to learn", "How is a network prepared for a task of which it will see few labels?", learners),
    Family("Metrics", "Which number says how well a task is predicted?", metrics),
)


@dataclass(frozen=True)
class Card:
    """What a card says, in the order it is read; empty where the docstring says nothing."""

    label: str
    summary: str
    details: tuple[str, ...]
    reference: str
    differs: str
    knobs: tuple[tuple[str, str], ...]


def card(method: type[Method]) -> Card:
    """The card of a method, from its docstring: summary, details, "Reference:", "Differs from the paper:"."""
    _, _, rest = inspect.cleandoc(method.__doc__ or "").partition("\n\n")
    details, _, source = rest.partition("Reference:")
    reference, _, differs = source.partition("Differs from the paper:")
    knobs = tuple((knob.label, describe(knob)) for knob in method.knobs())
    paragraphs = tuple(_line(each) for each in details.split("\n\n") if each.strip())
    return Card(method.label(), method.summary(), paragraphs, _line(reference), _line(differs), knobs)


def describe(knob: Knob) -> str:
    """A knob in a sentence: what it does, its range and its default."""
    return f"{knob.help.rstrip('.')} ({_range(knob)}default {_value(knob.default)})."


def matches(entry: Card, words: str) -> bool:
    """Whether every word is found somewhere on the card; no words match every card."""
    return holds(words, entry.label, entry.summary, *entry.details, entry.reference, *sum(entry.knobs, ()))


def holds(words: str, *texts: str) -> bool:
    """Whether every word stands in one of the texts, in capitals or not."""
    text = " ".join(texts).lower()
    return all(word in text for word in words.lower().split())


def _range(knob: Knob) -> str:
    if knob.choices is not None:
        return ", ".join(map(_value, knob.choices)) + "; "
    if knob.low is None or knob.high is None:
        return ""
    return f"{knob.low:g} to {knob.high:g}; "


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(map(_value, value)) or "the same for every task"
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"


def _line(text: str) -> str:
    return " ".join(text.replace("`", "").split())
