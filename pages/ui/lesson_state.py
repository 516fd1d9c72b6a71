"""How far a visitor has come in each lesson: the prediction and the runs, in the session and in the address.

The address holds the lesson in view (`lesson`), the committed prediction (`prediction`) and the run of each dial
position (`runs`, as in "4-id.0-id"), so a reload or a sent link finds them again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from mtl_core.registry import InvalidInput
from pages.ui import session, text
from pages.ui.patience import wait_until

if TYPE_CHECKING:
    from mtl_core.api import RunRecord
    from mtl_core.lessons.base import Lesson
    from mtl_core.lessons.walk import Walk


@dataclass
class Journey:
    """One visitor in one lesson. prediction: number of the committed choice; runs: position of the dial -> run id.

    met: the prediction has met its result; from then on the dial is free.
    """

    prediction: int | None = None
    runs: dict[int, str] = field(default_factory=dict)
    met: bool = False
    answer_seen: bool = False


def journey(lesson: Lesson | Walk) -> Journey:
    """Where this visitor stands; begun from the address when the session does not know the lesson yet."""
    journeys: dict[str, Journey] = st.session_state.setdefault("journeys", {})
    if lesson.key not in journeys:
        named = st.query_params.get("lesson") == lesson.key
        journeys[lesson.key] = _from_address(lesson) if named else Journey()
    return journeys[lesson.key]


def remember(lesson: Lesson | Walk, now: Journey) -> None:
    """Put the journey into the address."""
    st.query_params["lesson"] = lesson.key
    if now.prediction is not None:
        st.query_params["prediction"] = str(now.prediction)
    if now.runs:
        st.query_params["runs"] = ".".join(f"{position}-{run}" for position, run in now.runs.items())


def commit(lesson: Lesson | Walk, now: Journey) -> None:
    """The choices of the prediction; once it is made it stays."""
    choice = st.radio(
        "Your prediction",
        range(len(lesson.choices)),
        index=None,
        format_func=lambda i: text.plain(lesson.choices[i].text),
        label_visibility="collapsed",
        key=f"choice.{lesson.key}",
        persist_state="session",
    )
    if st.button("This is my prediction", type="primary", disabled=choice is None, key=f"commit.{lesson.key}"):
        now.prediction = choice
        remember(lesson, now)
        st.rerun()


def restart(lesson: Lesson | Walk) -> None:
    """Forget prediction and runs of this lesson; the runs stay in the history of runs."""
    st.session_state["journeys"][lesson.key] = Journey()
    for name in ("prediction", "runs"):
        st.query_params.pop(name, None)


def has_met(lesson: Lesson, now: Journey) -> bool:
    """Whether the question's own run has ended once; running it again does not take that back."""
    if not now.met:
        first = record_of(now, lesson.start)
        now.met = first is not None and first.status == "finished"
    return now.met


def record_of(now: Journey, position: int) -> RunRecord | None:
    """The run of a dial position, or None when there is none (any more)."""
    run_id = now.runs.get(position)
    if run_id is None:
        return None
    try:
        return session.lab().run(run_id)
    except InvalidInput:
        del now.runs[position]
        return None


def begin(lesson: Lesson, now: Journey, position: int) -> None:
    """Hand in the run of a dial position and wait shortly for its first point."""
    chosen = lesson.positions[position]
    lab = session.lab()
    run_id = lab.submit(chosen.experiment, name=f"Lesson: {lesson.title}, {chosen.label}")
    now.runs[position] = run_id
    wait_until(lambda: not lab.history(run_id).is_empty)


def _from_address(lesson: Lesson | Walk) -> Journey:
    """Whatever of the address can be understood; a run must be of this lesson's own experiment."""
    found = Journey()
    prediction = st.query_params.get("prediction", "")
    if prediction.isdecimal() and int(prediction) < len(lesson.choices):
        found.prediction = int(prediction)
    for part in st.query_params.get("runs", "").split("."):
        position, _, run_id = part.partition("-")
        if position.isdecimal() and int(position) < len(lesson.positions) and run_id:
            found.runs[int(position)] = run_id
            record = record_of(found, int(position))
            if record and record.experiment.data != lesson.positions[int(position)].experiment.data:
                del found.runs[int(position)]
    return found
