"""The row above the curves: run, pause, step, stop, reset, what it will cost; and what has to be said beneath."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.components.v2 import component

from mtl_core.registry import InvalidInput
from pages.ui import session, text
from pages.ui.addresses import in_force
from pages.ui.fold_words import fold_words
from pages.ui.train_actions import changed_since, wish
from pages.ui.turning import ACTIVE, moved_on

if TYPE_CHECKING:
    from mtl_core.api import RunRecord

_question_key = component(
    "mtl_lab_question_key", js=Path(__file__).with_name("question_key.js").read_text("utf-8"), isolate_styles=False
)

LONG = 15 * 60
"""Seconds from which on the page advises a smaller run."""

SHORTCUTS = (
    ("Space", "run, pause, resume"),
    ("S", "one step: to the next point of the curves"),
    ("X", "reset: the same first weights, at step 0"),
    ("?", "this list"),
)


def bar(record: RunRecord | None) -> None:
    """Buttons for the state the run is in; the same places in every state."""
    status = record.status if record else ""
    ready = not st.session_state.get("problem")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="bar"):
        if status in ("queued", "running"):
            _button("Pause", ":material/pause:", "pause", "Space", primary=True)
        elif status == "paused":
            _button("Resume", ":material/play_arrow:", "resume", "Space", primary=True)
        else:
            _button("Run", ":material/play_arrow:", "run", "Space", primary=True, disabled=not ready)
        still = status in ("queued", "running") or not ready
        _button("Step", ":material/skip_next:", "step", "S", disabled=still, tip=STEP_TIP)
        _button("Stop", ":material/stop:", "stop", "", disabled=status not in ACTIVE)
        _button("Reset", ":material/replay:", "reset", "X", disabled=record is None, tip=RESET_TIP)
        st.button("?", key="shortcuts", help="Keyboard shortcuts")
        if status not in ACTIVE:
            st.caption(text.plain(outlook()), width="content")


def shortcuts() -> None:
    """Show the list when its button or the key "?" was pressed. Called at the end, where it takes no room."""
    pressed = _question_key(key="question-key", on_asked_change=lambda: None).get("asked")
    if pressed or st.session_state.get("shortcuts"):
        _shortcuts()


STEP_TIP = "On to the next point of the curves, then wait."
RESET_TIP = "The same experiment from the same first weights, waiting at step 0."


def _button(
    label: str, icon: str, word: str, key: str, *, primary: bool = False, disabled: bool = False, tip: str | None = None
) -> None:
    st.button(
        label,
        icon=icon,
        key=f"button-{'run' if primary else word}",
        type="primary" if primary else "secondary",
        shortcut=key or None,
        on_click=wish,
        args=(word,),
        disabled=disabled,
        help=tip,
    )


@st.dialog("Keyboard shortcuts")
def _shortcuts() -> None:
    for key, meaning in SHORTCUTS:
        st.markdown(f"`{key}` {meaning}")


def outlook() -> str:
    """What the next run will cost, before the click."""
    try:
        estimate = session.lab().estimate(session.experiment())
    except InvalidInput:
        return ""
    time = "" if estimate.seconds is None else f", {text.about(estimate.seconds)}"
    advice = ""
    if estimate.seconds is not None and estimate.seconds > LONG:
        advice = "; a quick look, fewer steps or fewer tasks answer sooner"
    effect = estimate.smallest_effect
    sees = "" if effect is None else f"; tells effects of about {text.percent(effect)} and more from chance"
    return f"{text.plural(estimate.networks, 'network')}{time}{sees}{advice}"


def notices(record: RunRecord | None) -> None:
    """What a person has to know before looking at the curves: nothing yet, a problem, or settings that moved on."""
    if refused := st.session_state.pop("refused", ""):
        st.error(session.as_sentence(refused), icon=":material/error:")
    with suppress(InvalidInput):  # data that cannot be had are told of beside the settings
        fold_words(session.dataset(), session.experiment().tasks)
    if record is None:
        if not st.session_state.get("problem"):
            st.info("Nothing has been trained here yet. Press Run: the first curves stand half a second later.")
        return
    changed = changed_since(record)
    if changed and moved_on(record, changed):
        session.load(in_force(record.experiment))
        st.rerun()
