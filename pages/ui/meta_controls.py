"""The left side of New tasks: which tasks to learn from, who learns, how long. Gives one comparison of learners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

from mtl_core.meta.adaptation import Adaptation
from mtl_core.meta.budget import Budget
from mtl_core.meta.families import Family, families
from mtl_core.meta.generated import Relatives
from mtl_core.meta.groups import Groups
from mtl_core.meta.learners import Learner, learners
from mtl_core.models.base import Trunk
from mtl_core.registry import InvalidInput, Method
from pages.ui import forms, session, text
from pages.ui.meta_table import own_groups

T = TypeVar("T")
FIRST_LEARNERS = ("maml", "reptile", "ridge", "pretraining", "scratch")
FIRST_STEPS = 500
"""Meta-steps that a person is offered first: an answer within half a minute."""
LABELS = (1, 2, 5, 10, 20, 50, 100)
"""Numbers of labels that are offered, beside those of the settings."""
MOST_STEPS = 50
"""Steps on a new task that are offered, unless the settings ask for more."""
IN_SIGHT = ("steps", "learning_rate", "folds")
"""What of the budget stands in sight; all else is behind one click."""


def first_comparison() -> Adaptation:
    """What a first visitor finds."""
    return Adaptation(Relatives(), tuple(learners[name]() for name in FIRST_LEARNERS), budget=Budget(steps=FIRST_STEPS))


def base() -> Adaptation:
    """Where the widgets begin: a run that was opened, else the first comparison."""
    if "meta.base" not in st.session_state:
        st.session_state["meta.base"] = first_comparison()
    found: Adaptation = st.session_state["meta.base"]
    return found


def load(adaptation: Adaptation) -> None:
    """Put the widgets to other settings."""
    st.session_state["meta.base"] = st.session_state["meta.asked"] = adaptation
    st.session_state["meta.turn"] = _turn() + 1


def controls() -> Adaptation | None:
    """Draw the controls; what they say, or None with a sentence where it cannot be run."""
    _go_on()
    family = _said(lambda: _family(base()))
    chosen = _said(lambda: _learners(base()))
    asked = _said(lambda: _rest(family or Relatives(), chosen or FIRST_LEARNERS, base()))
    if asked is None or family is None or chosen is None:
        return None
    st.session_state["meta.asked"] = asked
    return asked


def _go_on() -> None:
    """Settings that were loaded on Train begin all forms anew: here they go on where they stood."""
    if st.session_state.get("meta.generation") != session.generation():
        st.session_state["meta.generation"] = session.generation()
        st.session_state["meta.base"] = st.session_state.get("meta.asked", base())


def _said(part: Callable[[], T]) -> T | None:
    """A part of the controls; where it cannot be used, a sentence stands beneath it and the others stay."""
    try:
        return part()
    except InvalidInput as problem:
        st.warning(session.as_sentence(str(problem)), icon=":material/info:")
        return None


def _turn() -> int:
    return int(st.session_state.get("meta.turn", 0))


def key(word: str) -> str:
    """Widgets of another turn begin anew."""
    return f"meta.{word}.{_turn()}"


def _family(now: Adaptation) -> Family:
    names = [*families, Groups.name]
    titles = {name: families[name].title for name in families} | {Groups.name: "Groups of my table"}
    name = st.selectbox(
        "Tasks to learn from",
        names,
        names.index(now.family.name),
        format_func=titles.__getitem__,
        help="Learners are prepared on many tasks of this family, and measured on others that none of them has seen.",
        key=forms.widget_key(key("family")),
        persist_state="session",
    )
    if name == Groups.name:
        st.caption(text.plain(Groups.summary()))
        return own_groups(now.family if isinstance(now.family, Groups) else None, key)
    method = families[name or names[0]]
    st.caption(text.plain(method.summary()))
    return forms.fill(method, key(f"family.{name}"), now.family.settings() if now.family.name == name else {})


def _learners(now: Adaptation) -> tuple[str, ...]:
    """Names of who is compared, in the order of the settings as long as these are theirs; else the beaten last."""
    names = sorted(learners, key=lambda name: (name in ("scratch", "pretraining"), name))
    before = tuple(each.name for each in now.learners)
    chosen = st.pills(
        "Who learns",
        names,
        selection_mode="multi",
        default=[name for name in names if name in before],
        format_func=lambda name: learners[name].term,
        help="Each is prepared with the same tasks from the same first weights. Pretraining and training from scratch "
        "are what the others have to beat.",
        wrap=True,
        key=forms.widget_key(key("learners")),
        persist_state="session",
    )
    if not chosen:
        raise InvalidInput("nobody is chosen; choose at least one who learns")
    return _as_before(tuple(name for name in names if name in chosen), before)


def _as_before(chosen: tuple[T, ...], before: tuple[T, ...]) -> tuple[T, ...]:
    """What is chosen, in the order in which the same stood before: an order alone is nobody's change."""
    return before if set(chosen) == set(before) else chosen


def _rest(family: Family, chosen: tuple[str, ...], now: Adaptation) -> Adaptation:
    shots = st.pills(
        "Labels of a new task",
        sorted({*LABELS, *now.shots}),
        selection_mode="multi",
        default=sorted(now.shots),
        help="The error on new tasks is measured with each of these numbers of labels.",
        wrap=True,
        key=forms.widget_key(key("shots")),
        persist_state="session",
    )
    if not shots:
        raise InvalidInput("no number of labels is chosen; choose at least one")
    sighted = forms.fill(Budget, key("budget"), now.budget.settings(), shown=_knobs(Budget, True))
    with st.popover("More settings", icon=":material/tune:", width="stretch"):
        people, training, network = st.tabs(["Learners", "Preparing", "Network"])
        with people:
            made = tuple(_learner(name, now) for name in chosen)
        with training:
            budget = forms.fill(Budget, key("budget"), sighted.settings(), shown=_knobs(Budget, False))
            steps = st.slider(
                "Steps on a new task",
                1,
                max(MOST_STEPS, now.adapt_steps),
                now.adapt_steps,
                key=forms.widget_key(key("adapt_steps")),
                persist_state="session",
            )
        with network:
            shown = [item for item in Trunk.knobs() if item.name != "convolutions"]
            trunk = forms.fill(Trunk, key("trunk"), now.trunk.settings(), shown=shown)
    asked = Adaptation(family, made, trunk, budget, _as_before(tuple(sorted(shots)), now.shots), int(steps))
    st.caption(text.plain(departures(asked)))
    return asked


def _knobs(method: type[Method], in_sight: bool) -> list[Any]:
    return [item for item in method.knobs() if (item.name in IN_SIGHT) == in_sight]


def _learner(name: str, now: Adaptation) -> Learner:
    method = learners[name]
    st.markdown(f"**{text.plain(method.label())}**", help=text.plain(method.summary()))
    values = next((each.settings() for each in now.learners if each.name == name), {})
    return forms.fill(method, key(f"learner.{name}"), values)


def departures(asked: Adaptation) -> str:
    """What behind the click is not at its default, in words."""
    plain = replace(asked.budget, **{name: getattr(Budget(), name) for name in IN_SIGHT})
    found = [words for method in (plain, *asked.learners) for words in forms.differences(method)]
    usual = Adaptation(asked.family, asked.learners)
    if asked.adapt_steps != usual.adapt_steps:
        found.append(f"{asked.adapt_steps} steps on a new task")
    if asked.trunk != usual.trunk:
        found.append(text.listing(forms.differences(asked.trunk)) or "another network")
    return f"Not at their defaults: {', '.join(found)}" if found else "All at their defaults"
