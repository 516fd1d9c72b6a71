"""Knobs that are turned while a run is on its way: what the controls pass on to it. The same for every kind of run.

A knob acts on a running run only while its control showed the value in force; one that stood elsewhere belongs to the
next run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from mtl_core.changes import Change, Turnable
from pages.ui import session, text
from pages.ui.patience import wait_until

if TYPE_CHECKING:
    from mtl_core.api import Record

W = TypeVar("W", bound=Turnable)
ACTIVE = ("queued", "running", "paused")
Values = dict[tuple[str, str, str], Any]
"""(part, method, knob) -> value as in JSON."""
PassedOn = tuple[tuple[Any, ...], tuple[Change, ...]]
NOW = "Run shows the new settings."
SOON = "These count from the next run on; Stop ends this one."


def live_values(asked: Turnable) -> Values:
    """Values of the knobs that a run lets one turn."""
    return {
        (part, method.name, item.name): method.settings()[item.name]
        for part, method in asked.parts.items()
        for item in method.knobs()
        if item.live
    }


def begin(run_id: str, asked: Turnable) -> None:
    """A run was handed in with these settings: from now on what is turned is passed on to it."""
    st.session_state[_sent(asked)] = (run_id, live_values(asked))


def pass_on(record: Record, asked: Turnable, *, fits: bool = True) -> None:
    """Pass on to an active run what was turned since the page was last drawn.

    Only knobs that were touched while it was in view, and that showed the value in force in it. fits: values of the
    controls mean the same in this run.
    """
    now, lab = live_values(asked), session.lab()
    known_id, sent = st.session_state.get(_sent(asked), ("", {}))
    begin(record.id, asked)  # first: a quick next click may end this drawing of the page anywhere
    if known_id != record.id or record.status not in ACTIVE or not fits:
        return
    stands, turned = live_values(standing(record, record.experiment)), False
    for (part, method, knob), value in now.items():
        before = stands.get((part, method, knob))
        if before is not None and sent.get((part, method, knob)) == before != value:
            ours = _passed_on(record.id).get((part, knob), ((), ()))[0]
            _passed_on(record.id)[part, knob] = (*ours, value), record.experiment.changes
            lab.change(record.id, part, knob, value)
            turned = True
    if turned:  # so that the page is drawn with its mark
        wait_until(lambda: lab.record(record.id).experiment.changes != record.experiment.changes)


def standing(record: Record, asked: W) -> W:
    """What a run stands at that asks for this, with what was passed on to it from here and has not reached it.

    It has, once its last value is there; or one that came from elsewhere, which may have taken its place.
    """
    for (part, knob), (values, known) in _passed_on(record.id).items() if record.status in ACTIVE else ():
        fresh = [each.value for each in asked.changes if (each.part, each.knob) == (part, knob) and each not in known]
        if not any(value == values[-1] or value not in values for value in fresh):
            asked = asked.changed(Change(asked.steps, part, knob, values[-1]))
    return asked.in_force()


def moved_on(record: Record, changed: list[str]) -> bool:
    """Say that the controls have moved on from what is shown, and offer the way back; whether it is wanted."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f"These results are for {text.plain(text.cut(record.name, 60))}. Changed since then: "
            f"{text.listing(changed)}. {SOON if record.status in ACTIVE else NOW}",
            width="stretch",
        )
        return st.button("Back to its settings", key=f"back.{record.experiment.kind}", type="tertiary")


def differing(before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Which parts of two settings, as JSON, are not the same, in words. names: part -> its word."""
    return [word for key, word in names.items() if before[key] != after[key]]


def _sent(asked: Turnable) -> str:
    return f"sent.{type(asked).__name__}"


def _passed_on(run_id: str) -> dict[tuple[str, str], PassedOn]:
    """Knobs of a run that were turned in this session: their values, and the run's changes known at the last turn."""
    turned: dict[tuple[str, str], PassedOn] = st.session_state.setdefault(f"turned.{run_id}", {})
    return turned
