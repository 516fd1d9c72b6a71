"""The left side of Train: which tasks, how to share, who weighs, how long, how sure. Gives one experiment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from mtl_core.experiment import Experiment
from mtl_core.models.base import sharings
from mtl_core.registry import InvalidInput
from mtl_core.weighting.base import Weighting, weightings
from pages.ui import forms, session, text
from pages.ui.train_settings import settings_popover

if TYPE_CHECKING:
    from mtl_core.data.base import Dataset

PLANS = {"Quick look": (5, 1), "Full verdict": (10, 3)}
OWN_PLAN = "My own"


def controls() -> None:
    """Draw the controls and keep what they say; what cannot run is said in one sentence and not kept."""
    base = session.base()
    try:
        data = session.dataset()
        tasks, chosen = _tasks(data, base), _sharings(base)
        weighting = _weighting(data, tasks or base.tasks, base)
        in_sight = st.container()
        plan = _plan(base)
        parts = settings_popover(base, chosen, plan, in_sight)
        if not tasks:
            raise InvalidInput("no task is chosen; choose two or more to see whether sharing helps")
        if not chosen:
            raise InvalidInput("no sharing type is chosen; choose at least one")
        session.keep(replace(base, tasks=tasks, weighting=weighting, changes=(), **parts))
        st.session_state["problem"] = ""
    except InvalidInput as problem:
        st.session_state["problem"] = str(problem)
        st.warning(session.as_sentence(str(problem)), icon=":material/info:")


def _tasks(data: Dataset, base: Experiment) -> tuple[str, ...]:
    names = [task.name for task in data.tasks]
    chosen = st.pills(
        "Learn together",
        names,
        selection_mode="multi",
        default=[name for name in base.tasks if name in names] or names,
        format_func=lambda name: text.plain(text.cut(name, 28)),
        help="The tasks that share a network. Each is also learned alone, for comparison.",
        wrap=True,
        key=forms.widget_key("tasks"),
        persist_state="session",
    )
    return tuple(name for name in names if name in chosen)


def _sharings(base: Experiment) -> list[str]:
    """Names of the sharing types that race, the common ones first; the others stand behind one click."""
    names = sorted(sharings, key=lambda name: (name != "hard", name == "independent", name))
    first, others = [name for name in names if sharings[name].common], [n for n in names if not sharings[n].common]
    chosen = _pills("How to share (several race)", first, base, "sharings")
    before = st.session_state.get(forms.widget_key("sharings.more"), _raced(others, base))
    with st.popover(f"{len(others)} more{f', {len(before)} chosen' if before else ''}", type="tertiary"):
        chosen += _pills("More ways to share", others, base, "sharings.more")
    ordered = [name for name in names if name in chosen]
    if len(ordered) == 1:
        method = sharings[ordered[0]]
        st.caption(text.plain(f"{method.term.capitalize()}: {method.diagram.replace('->', '→')}"))
    return ordered


def _pills(label: str, names: list[str], base: Experiment, key: str) -> list[str]:
    return st.pills(
        label,
        names,
        selection_mode="multi",
        default=_raced(names, base),
        format_func=lambda name: sharings[name].title,
        help="Which parts of the network the tasks have in common. Choose several to let them race in one run.",
        wrap=True,
        key=forms.widget_key(key),
        persist_state="session",
    )


def _raced(names: list[str], base: Experiment) -> list[str]:
    return [name for name in names if any(each.name == name for each in base.sharings)]


def _weighting(data: Dataset, tasks: tuple[str, ...], base: Experiment) -> Weighting:
    names = sorted(weightings, key=lambda name: (name != "fixed", name != "equal", name))
    name = st.selectbox(
        "Who decides the loss weights",
        names,
        names.index(base.weighting.name),
        format_func=lambda each: weightings[each].label(),
        help="How much each task counts while the networks learn.",
        key=forms.widget_key("weighting"),
        persist_state="session",
    )
    method = weightings[name or "fixed"]
    start = task_values(base.weighting, base.tasks, tasks) if method.name == base.weighting.name else {}
    places = [[task.name for task in data.tasks].index(task) for task in tasks]
    if not any(item.per_task for item in method.knobs()):
        st.caption(text.plain(method.summary()))
    return forms.fill(method, f"weighting.{method.name}", start, names=tasks, places=places)


def task_values(method: Weighting, before: tuple[str, ...], now: tuple[str, ...]) -> dict[str, Any]:
    """The method's settings for another choice of tasks: numbers follow their task, a new task has 1."""
    settings = method.settings()
    for item in method.knobs():
        if item.per_task and settings[item.name]:
            known = dict(zip(before, settings[item.name], strict=True))
            settings[item.name] = [known.get(name, 1.0) for name in now]
    return settings


def _plan(base: Experiment) -> tuple[int, int] | None:
    """Folds and initialisations of the chosen plan; None = the person's own, set among the training settings."""
    now = (base.plan.folds, base.plan.inits)
    default = next((name for name, plan in PLANS.items() if plan == now), OWN_PLAN)
    chosen = st.segmented_control(
        "How sure",
        [*PLANS, OWN_PLAN],
        default=default,
        required=True,
        help="A quick look trains 5 networks of each kind (5 folds) and is provisional. A full verdict trains 30 "
        "(10 folds x 3 fresh starts) and can tell much smaller effects from chance.",
        key=forms.widget_key("plan"),
        persist_state="session",
    )
    return PLANS.get(chosen or default)
