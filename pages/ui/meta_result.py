"""What a comparison of learners says: a sentence, two charts, the numbers. The same for an example and for a run."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from pages.ui import text
from pages.ui.live_chart import live_chart
from pages.ui.meta_charts import by_labels, by_steps

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from mtl_core.meta.result import Duel
    from mtl_core.meta.shown import Shown

VERDICTS = {"better": "▲ better", "worse": "▼ worse", "no clear difference": "● no clear difference"}
FRESH = "a fresh start"
TURNED = (
    "Knobs were turned during this run. The file is what Experiment (JSON) gives once the run has ended: it carries "
    "each turn with its meta-step, and gives the same numbers."
)


def charts_of_errors(
    shown: Shown, short: Mapping[str, str], labels: int, first: DeltaGenerator, second: DeltaGenerator
) -> None:
    """Error by steps, and by labels, each in its place. short: learner's name -> the word on the chart."""
    if shown.curves.empty:
        return
    with first:
        st.markdown("**On new tasks, step by step**")
        live_chart(by_steps(shown.curves, short, labels), "meta-steps")
        st.caption("Lower is better. Dashed = what has to be beaten; ribbon = 95 % interval.")
    with second:
        st.markdown("**On new tasks, by the number of labels**")
        live_chart(by_labels(shown.judged, short), "meta-labels")
        st.caption("Each learner at the number of steps that did best on tasks as for training.")


def headline(shown: Shown, labels: int) -> str:
    """The answer in a sentence: who did best, how much better than whom, and how many others were."""
    rival = _rival(shown)
    here = [each for each in shown.duels if each.shots == labels and each.against == shown.against]
    better = [each for each in here if each.verdict == "better"]
    count = text.plural(labels, "label")
    so_far = f"Provisionally, after {text.plural(shown.meta_step, 'meta-step')}: " if shown.meta_step else ""
    start = f"**{so_far}{'with' if so_far else 'With'} {count}, "
    if not here:
        return f"{start}there is nobody to compare with.**"
    if not better:
        return f"{start}no preparation is clearly better than {rival}.**"
    best = max(better, key=lambda each: each.gain)
    who = text.plain(shown.learners[best.learner])
    said = f"{start}the error is {_percent(best)} smaller than from {rival}** with: {who}."
    return f"{said} {len(better)} of {len(here)} ways to prepare are clearly better."


def numbers(shown: Shown, labels: int, short: Mapping[str, str]) -> pd.DataFrame:
    """A row for each learner, best first. short: learner's name -> the word on the charts."""
    rows = []
    for row in shown.judged[shown.judged["shots"] == labels].sort_values("error").to_dict("records"):
        duel = shown.duel(str(row["learner"]), labels)
        rows.append(
            {
                "Learner": short[str(row["learner"])],
                "Squared error": _interval(row),
                f"Error saved against {_rival(shown)}": "" if duel is None else _verdict(duel),
                "Best step": text.number(float(row["steps"])),
            }
        )
    return pd.DataFrame(rows)


def _interval(row: Mapping[Hashable, Any]) -> str:
    error, low, high = (text.number(float(row[name])) for name in ("error", "low", "high"))
    return f"{error} ({low} to {high})"


def _verdict(duel: Duel) -> str:
    return f"{VERDICTS[duel.verdict]}: {_percent(duel)}"


def numbers_of(shown: Shown, labels: int, short: Mapping[str, str]) -> None:
    """The table, and what it rests on."""
    table = numbers(shown, labels, short)
    if table.empty:
        return
    st.dataframe(table, hide_index=True, placeholder="", alt=f"Errors on new tasks with {labels} labels, best first")
    tasks = f"{text.plural(shown.tasks, 'unseen task')} each at most" if shown.tasks else "unseen tasks of its own"
    soon = " All unseen tasks are asked at the end." if shown.is_provisional else ""
    st.caption(
        f"{shown.folds} repeats, each with a start of its own and {tasks}. In brackets: 95 % interval. Verdicts allow "
        f"for looking at several learners and numbers of labels at once.{soon}"
    )


def who_is_compared(shown: Shown) -> None:
    from mtl_core.meta.learners import learners
    from mtl_core.meta.shown import FROM_FILE

    with st.expander("Who is compared"):
        for name, label in shown.learners.items():
            st.markdown(f"**{text.plain(label)}** {text.plain(learners[name].summary())}")
    with st.expander("The same on the command line"):
        st.code(shown.command, language=None, wrap_lines=True)
        if shown.command == FROM_FILE:
            st.caption(TURNED)


def _rival(shown: Shown) -> str:
    return FRESH if shown.against == "scratch" else text.plain(shown.learners[shown.against])


def _percent(duel: Duel) -> str:
    return f"{_share(duel.gain)} ({_share(duel.low)} to {_share(duel.high)})"


def _share(percent: float) -> str:
    """As all percentages, but what is left of an error is never rounded away."""
    return f"{min(percent, 99.9):.1f} %" if percent > 99 else text.percent(percent)
