"""The one popover behind which everything else about the training stands; closed, it says what is not the default."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from mtl_core.experiment import Experiment, Plan, Training
from mtl_core.models.base import Sharing, Trunk, sharings
from mtl_core.optimisers import Adam, Optimiser, optimisers
from pages.ui import forms, text

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


def settings_popover(
    base: Experiment, chosen: list[str], size: tuple[int, int] | None, in_sight: DeltaGenerator
) -> dict[str, Any]:
    """The parts of an experiment that are set here: sharings, trunk, optimiser, training, plan.

    chosen: names of the sharing types that race. size: folds and initialisations, or None to ask for them here.
    in_sight: where the optimiser's knobs stand that can be turned while a run trains.
    """
    with st.popover("Training settings", icon=":material/tune:", width="stretch"):
        network, training, comparison = st.tabs(["Network", "Training", "Comparison"])
        with network:
            asked = [item for item in Trunk.knobs() if item.name != "convolutions" or base.data.image_shape]
            trunk = forms.fill(Trunk, "trunk", base.trunk.settings(), shown=asked)
            race = tuple(_sharing(name, base) for name in chosen)
        with training:
            optimiser = _optimiser(base, in_sight)
            budget = forms.fill(Training, "training", base.training.settings())
        with comparison:
            plan = _plan(base, size)
    parts = {"sharings": race, "trunk": trunk, "optimiser": optimiser, "training": budget, "plan": plan}
    st.caption(text.plain(departures(parts)))
    return parts


def _sharing(name: str, base: Experiment) -> Sharing:
    method = sharings[name]
    values = next((each.settings() for each in base.sharings if each.name == name), {})
    if method.knobs():
        st.markdown(f"**{text.plain(method.label())}**")
    return forms.fill(method, f"sharing.{name}", values)


def _optimiser(base: Experiment, in_sight: DeltaGenerator) -> Optimiser:
    method = forms.choose(optimisers, "optimiser", "Optimiser", base.optimiser.name)
    values = base.optimiser.settings() if method.name == base.optimiser.name else {}
    key, live = f"optimiser.{method.name}", [item for item in method.knobs() if item.live]
    still = forms.fill(method, key, values, shown=[item for item in method.knobs() if not item.live])
    with in_sight:
        return forms.fill(method, key, still.settings(), shown=live)


def _plan(base: Experiment, size: tuple[int, int] | None) -> Plan:
    asked = {"equal_width", "equal_parameters", "equal", "seed"}
    asked |= {"new_data"} if base.data.draws else set()
    asked |= {"folds", "inits"} if size is None else set()
    shown = [item for item in Plan.knobs() if item.name in asked]
    plan = forms.fill(Plan, "plan", base.plan.settings(), shown=shown)
    return plan if size is None else replace(plan, folds=size[0], inits=size[1])


def departures(parts: dict[str, Any]) -> str:
    """What is not at its default, in words; the plan's size has its own control, and how often to look tells little."""
    plan = replace(parts["plan"], folds=Plan().folds, inits=Plan().inits)
    training = replace(parts["training"], evaluate_every=Training().evaluate_every)
    methods = [parts["trunk"], *parts["sharings"], parts["optimiser"], training, plan]
    found = [] if isinstance(parts["optimiser"], Adam) else [parts["optimiser"].title]
    found += [words for method in methods for words in forms.differences(method)]
    return f"Not at their defaults: {', '.join(found)}" if found else "All at their defaults"
