"""What earlier tasks are worth to a new one: finished comparisons of learners, a sentence, two charts, the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from pages.ui import text
from pages.ui.live_chart import live_chart
from pages.ui.meta_charts import by_labels, by_steps

if TYPE_CHECKING:
    from mtl_core.meta.examples import Shown
    from mtl_core.meta.result import Duel

AGAINST = "scratch"
USUAL_LABELS = 10
OWN_TABLE = "mtl-lab adapt --data table.csv --group school --task grade"
VERDICTS = {"better": "▲ better", "worse": "▼ worse", "no clear difference": "● no clear difference"}


def page() -> None:
    from mtl_core.meta.examples import examples

    st.header("A new task, few labels")
    st.markdown(
        "Networks that have learned many tasks meet one they have never seen, and get only a few labels of it. "
        "What are the earlier tasks worth?"
    )
    every = {each.title: each for each in examples()}
    if not every:
        st.info("The finished comparisons are not there. Run the lab from a full copy of its repository.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.segmented_control(
            "Tasks to learn from",
            list(every),
            default=next(iter(every)),
            required=True,
            key="tasks",
            bind="query-params",
            wrap=True,
        )
        chosen = every[str(title)]
        usual = USUAL_LABELS if USUAL_LABELS in chosen.shots else chosen.shots[0]
        labels = st.segmented_control(
            "Labels of the new task",
            chosen.shots,
            default=usual,
            required=True,
            key="labels",
            bind="query-params",
            wrap=True,
        )
    result(chosen, int(labels or usual))


def result(chosen: Shown, labels: int) -> None:
    from mtl_core.meta.learners import learners

    short = {name: learners[name].term for name in chosen.learners}
    st.markdown(headline(chosen, labels))
    st.caption(text.plain(chosen.about))
    left, right = st.columns(2)
    with left:
        live_chart(by_steps(chosen.curves, short, labels), "meta-steps")
        st.caption("Lower is better. Dashed = what has to be beaten; ribbon = 95 % interval.")
    with right:
        live_chart(by_labels(chosen.judged, short), "meta-labels")
        st.caption("Each learner at the number of steps that did best on tasks as for training.")
    with st.expander("The numbers"):
        st.dataframe(numbers(chosen, labels), hide_index=True)
        st.caption(
            f"{chosen.folds} repeats, each with a start of its own and tasks that nobody was trained on. Verdicts are "
            "against a fresh start and allow for looking at several learners and numbers of labels at once."
        )
    with st.expander("Who is compared"):
        _learners(chosen)
    with st.expander("With your own table"):
        st.markdown("Each value of a column (school, shop, patient) is a task; whole groups are kept unseen.")
        st.code(OWN_TABLE, language=None, wrap_lines=True)
        st.caption("The comparison above was made by")
        st.code(chosen.command, language=None, wrap_lines=True)


def headline(chosen: Shown, labels: int) -> str:
    """The answer in a sentence: who did best, how much better than a fresh start, and how many others were."""
    here = [each for each in chosen.duels if each.shots == labels and each.against == AGAINST]
    better = [each for each in here if each.verdict == "better"]
    count = text.plural(labels, "label")
    if not better:
        return f"**With {count}, no preparation is clearly better than a fresh start.**"
    best = max(better, key=lambda each: each.gain)
    who = text.plain(chosen.learners[best.learner])
    said = f"**With {count}, the error is {_percent(best)} smaller than from a fresh start** with: {who}."
    return f"{said} {len(better)} of {len(here)} ways to prepare are clearly better."


def numbers(chosen: Shown, labels: int) -> pd.DataFrame:
    """A row for each learner, best first."""
    rows = []
    for row in chosen.judged[chosen.judged["shots"] == labels].sort_values("error").to_dict("records"):
        duel = chosen.duel(str(row["learner"]), labels)
        rows.append(
            {
                "Learner": chosen.learners[str(row["learner"])],
                "Squared error": text.number(float(row["error"])),
                "95 % interval": f"{text.number(float(row['low']))} to {text.number(float(row['high']))}",
                "Best step": text.number(float(row["steps"])),
                "Error saved": "" if duel is None else _percent(duel),
                "Against a fresh start": "" if duel is None else VERDICTS[duel.verdict],
            }
        )
    return pd.DataFrame(rows)


def _percent(duel: Duel) -> str:
    return f"{_share(duel.gain)} ({_share(duel.low)} to {_share(duel.high)})"


def _share(percent: float) -> str:
    """As all percentages, but what is left of an error is never rounded away."""
    return f"{min(percent, 99.9):.1f} %" if percent > 99 else text.percent(percent)


def _learners(chosen: Shown) -> None:
    from mtl_core.meta.learners import learners

    for name, label in chosen.learners.items():
        st.markdown(f"**{text.plain(label)}** {text.plain(learners[name].summary())}")
