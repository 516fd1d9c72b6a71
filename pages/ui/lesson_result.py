"""What a lesson's runs say: curves of the run in view, the answer in words, the prediction drawn on the result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from mtl_core.evaluation.words import change, span
from mtl_core.lessons.outcome import outcome
from pages.ui import arms, charts, colours, lesson_state, session, text
from pages.ui.charts_lessons import Row, dial_chart
from pages.ui.lesson_state import Journey
from pages.ui.live_chart import live_chart
from pages.ui.train_view import progress_words

if TYPE_CHECKING:
    from mtl_core.api import RunRecord
    from mtl_core.lessons.base import Choice, Lesson
    from mtl_core.lessons.outcome import Outcome

ACTIVE = ("queued", "running", "paused")
EVERY = 0.5
"""Seconds between two looks at a run that trains."""
PANEL_WIDTH, CURVES_HEIGHT = 190, 240
"""Four tasks stand side by side on a wide screen, so that the answer is seen without scrolling."""


def live_result(lesson: Lesson, now: Journey, position: int) -> None:
    """Curves and result; looks again by itself until every run of this lesson has ended."""
    statuses = _statuses(lesson, now)
    active = any(status in ACTIVE for status in statuses)
    st.fragment(_region, run_every=EVERY if active else None)(lesson, now, position, statuses)


def _statuses(lesson: Lesson, now: Journey) -> tuple[str, ...]:
    records = [lesson_state.record_of(now, position) for position in range(len(lesson.positions))]
    return tuple("" if record is None else record.status for record in records)


def _region(lesson: Lesson, now: Journey, position: int, drawn: tuple[str, ...]) -> None:
    with session.guard("This run"):
        if _statuses(lesson, now) != drawn:
            st.rerun()
        record = lesson_state.record_of(now, position)
        rows = _rows(lesson, now)
        with st.container():  # one element, whatever stands in it: the charts below keep their places
            if record is not None:
                _progress(record)
                _headline(lesson, now, position, record, rows[position].outcomes.get("equal_width"))
            elif now.prediction is not None:
                st.info("Press Run. The curves begin within a second.", icon=":material/play_arrow:")
        predicted = _predicted(lesson, now)
        live_chart(dial_chart(rows, predicted, lesson.start, revision=lesson.key), "lesson-dial")
        st.caption(_key(rows, predicted is not None))
        if record is not None:
            _curves(record)


def _predicted(lesson: Lesson, now: Journey) -> Choice | None:
    """The committed prediction, else the one that is being considered."""
    number = now.prediction
    if number is None:
        number = st.session_state.get(f"choice.{lesson.key}")
    return None if number is None else lesson.choices[number]


def _progress(record: RunRecord) -> None:
    if record.status != "finished":
        st.progress(min(record.step / max(record.steps, 1), 1.0), text=text.plain(progress_words(record)))
    if record.status == "paused":
        st.button("Resume", on_click=session.lab().command, args=(record.id, "resume"), key=f"resume.{record.id}")


def _curves(record: RunRecord) -> None:
    history = session.lab().history(record.id)
    every = tuple(task.name for task in session.lab().dataset(record.experiment.data).tasks)
    figure = charts.loss_curves(arms.panels(history, "validation", every), "validation", log=True, revision=record.id)
    live_chart(replace(figure, panel_width=PANEL_WIDTH, height=CURVES_HEIGHT), "lesson-curves")
    st.caption("Loss on rows held back, by step. Solid = together, dashed = alone, from the same first weights.")


def _rows(lesson: Lesson, now: Journey) -> list[Row]:
    rows = []
    for position, each in enumerate(lesson.positions):
        record = lesson_state.record_of(now, position)
        found = {} if record is None else _outcomes(lesson, record)
        rows.append(Row(each.label, found))
    return rows


def _outcomes(lesson: Lesson, record: RunRecord) -> dict[str, Outcome]:
    history = session.lab().history(record.id)
    found = {kind: outcome(lesson, history, kind) for kind in record.experiment.baselines()}
    return {kind: each for kind, each in found.items() if each is not None}


def _headline(lesson: Lesson, now: Journey, position: int, record: RunRecord, found: Outcome | None) -> None:
    """The answer in words; once the run has ended also what became of the prediction."""
    if found is None:
        return
    so_far = "So far: " if record.status in ACTIVE else ""
    count = len(record.tasks)
    every = "both tasks" if count == 2 else f"all {count} tasks"
    tasks = every if len(lesson.measured) == count else text.listing([text.plain(each) for each in lesson.measured])
    icon = colours.VERDICT_ICONS[found.word]
    became = change(found.gain, True)
    than = "as" if became == "the same" else "than"
    measured = f"error {became} together {than} alone ({span(found.low, found.high, True)})"
    st.markdown(f"**{so_far}{icon} {found.word}** · {tasks}: {text.plain(measured)}")
    if record.status != "finished":
        return
    if position == lesson.start and now.prediction is not None:
        _meet(lesson, now.prediction, lesson.choice_of(found.gain))
    st.markdown(text.plain(lesson.positions[position].seen))


def _meet(lesson: Lesson, predicted: int, happened: int) -> None:
    if predicted == happened:
        st.success("That is what you predicted.", icon=":material/check:")
    else:
        said = text.plain(lesson.choices[happened].text)
        st.warning(f"You predicted otherwise. What happened: {said}", icon=":material/lightbulb:")


def _key(rows: list[Row], predicted: bool) -> str:
    two = any(len(row.outcomes) > 1 for row in rows)
    box = "Dotted box = your prediction. " if predicted else ""
    shapes = " Circle = against networks alone of the same width, diamond = of the same size." if two else ""
    return f"{box}Right of 0 = less error together. Bar = 95 % interval; small dots = the single repeats.{shapes}"
