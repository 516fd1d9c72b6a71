"""The answer of a run as every page shows it: dots with intervals, a sentence, the price, and "Why?"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from pages.ui import text
from pages.ui.charts_results import Gain, gain_dots
from pages.ui.colours import VERDICT_ICONS
from pages.ui.live_chart import live_chart

if TYPE_CHECKING:
    from mtl_core.evaluation.compare import Comparison
    from mtl_core.evaluation.verdict import TaskVerdict


def verdict_view(comparison: Comparison, sharing: str, key: str, span: float = 0.0) -> None:
    """Everything about one sharing type of a run: its key as in `Experiment.sharing_keys`.

    span: reach of the dots' axis on either side of 0, for views that stand side by side; 0 = as far as these need.
    """
    verdicts = [each for each in comparison.verdicts if each.sharing == sharing]
    main = first_baseline(verdicts)
    if sharing in comparison.failures:
        st.warning(text.plain(comparison.failures[sharing]), icon=":material/warning:")
    st.markdown(text.plain(answer(verdicts)))
    dots = gains(verdicts)
    if dots:
        live_chart(gain_dots(dots, revision=key, span=span), f"{key}-gains")
        st.caption(DOTS_TIP)
        if undrawn := [text.cut(each.task, 32) for each in main if each.gain is not None and not each.relative]:
            st.caption(f"Not drawn: {text.plain(text.listing(undrawn))}. {NO_PERCENTAGE}")
    for verdict in main:
        st.caption(
            f"{VERDICT_ICONS[verdict.verdict]} {text.plain(text.cut(verdict.task, 32))}: {text.plain(verdict.measured)}"
        )
    for note in comparison.notes:
        st.caption(text.plain(note))
    st.caption(text.plain(price(comparison, verdicts)))
    if verdicts:
        _reasons(verdicts, key)


DOTS_TIP = (
    "Right of 0 = less error together. Bar = 95 % interval. Grey = no clear difference: the bar crosses 0, or "
    "misses it by less than asking about several tasks at once can bring about."
)
NO_PERCENTAGE = "An error close to 0 has no sensible percentage; the line below gives the difference itself."


def gains(verdicts: Sequence[TaskVerdict]) -> list[Gain]:
    """Dots for the verdicts whose gain is a percentage."""
    nan = float("nan")
    rows = list(dict.fromkeys(each.task for each in verdicts))
    return [
        Gain(v.task, v.gain, nan if v.low is None else v.low, nan if v.high is None else v.high, v.verdict, v.baseline)
        for v in sorted(verdicts, key=lambda each: rows.index(each.task))
        if v.relative and v.gain is not None
    ]


MANY = 4
"""So many tasks with one verdict are counted in the headline, not named."""

VERBS = {
    "helps": ("helps", "all"),
    "hurts": ("hurts", "all"),
    "no clear difference": ("makes no clear difference to", "any of the"),
    "not enough seeds": ("cannot be judged yet for", "any of the"),
}


def answer(verdicts: Sequence[TaskVerdict]) -> str:
    """The headline, and what the other baseline says where it says something else."""
    main = first_baseline(verdicts)
    others = [each for each in verdicts if each not in main]
    if not others or _effects(others) == _effects(main):
        return headline(main)
    return f"{headline(main)} Against twins {text.BASELINES[others[0].baseline]}, it {_effects(others)}."


def headline(verdicts: Sequence[TaskVerdict]) -> str:
    """All tasks in one sentence without numbers: "Sharing helps a and b and makes no clear difference to c.\""""
    said = _effects(verdicts)
    doubt = "Provisionally, sharing" if any(each.provisional for each in verdicts) else "Sharing"
    return f"{doubt} {said}." if said else ""


def in_a_sentence(comparison: Comparison, sharing: str, baseline: str) -> str:
    """The verdict of one sharing type: with its numbers for a few tasks, without them for many."""
    verdicts = comparison.of(sharing, baseline)
    if len(verdicts) <= MANY or comparison.too_early:
        return comparison.sentence(sharing, baseline)
    return f"{comparison.failures.get(sharing, '')} {headline(verdicts)}".strip()


def _effects(verdicts: Sequence[TaskVerdict]) -> str:
    said = []
    for word, (verb, every) in VERBS.items():
        named = [text.cut(each.task, 32) for each in verdicts if each.verdict == word]
        counted = len(named) == len(verdicts) >= MANY
        if named:
            said.append(f"{verb} {f'{every} {len(named)} tasks' if counted else text.listing(named)}")
    return text.listing(said)


def first_baseline(verdicts: Sequence[TaskVerdict]) -> list[TaskVerdict]:
    """The verdicts against equal width where the run has them, else against equal parameters."""
    kinds = [kind for kind in text.BASELINES if any(each.baseline == kind for each in verdicts)]
    return [each for each in verdicts if each.baseline == kinds[0]] if kinds else []


def price(comparison: Comparison, verdicts: Sequence[TaskVerdict]) -> str:
    """What learning together costs, against the twins alone of equal width: parameters and training time."""
    together = next((cost for cost in comparison.costs if verdicts and cost.arm == verdicts[0].sharing), None)
    alone = next((cost for cost in comparison.costs if not cost.together), None)
    if together is None or alone is None:
        return ""
    return (
        f"Cost: {text.short(together.parameters)} parameters together, {text.short(alone.parameters)} alone; "
        f"{text.duration(together.seconds)} of training against {text.duration(alone.seconds)}."
    )


NOTHING = ["Nothing else that this lab knows of."]


def _reasons(verdicts: Sequence[TaskVerdict], key: str) -> None:
    """Both answers are worked out once somebody asks."""
    from mtl_core.evaluation.explain import why, would_change

    with st.container(horizontal=True, gap="small"):
        for label, reasons in {"Why?": why, "What would change it?": would_change}.items():
            place = st.popover(label, key=f"{key}-{label}", on_change="rerun")
            if place.open:
                with place:
                    _explained(verdicts, {each: reasons(each) for each in verdicts})


def _explained(verdicts: Sequence[TaskVerdict], reasons: dict[TaskVerdict, tuple[str, ...]]) -> None:
    """What holds for all is said once; then a line or two for each."""
    first, *others = (reasons[verdict] for verdict in verdicts)
    common = [reason for reason in first if others and all(reason in each for each in others)]
    for verdict in verdicts:
        st.markdown(f"**{text.plain(verdict.task)}**, against {text.BASELINES[verdict.baseline]}")
        for reason in [each for each in reasons[verdict] if each not in common] or NOTHING:
            st.caption(text.plain(reason))
    if common:
        st.markdown("**For all of them**")
        for reason in common:
            st.caption(text.plain(reason))


def verdict_table(comparison: Comparison) -> pd.DataFrame:
    """The numbers behind the dots, a row a verdict, in words that stand above the columns."""
    rows = [
        {
            "sharing": each.sharing,
            "task": each.task,
            "against": text.BASELINES[each.baseline],
            "error measured as": each.metric,
            "alone": each.alone,
            "together": each.together,
            "gain": each.gain,
            "low": each.low,
            "high": each.high,
            "unit": "%" if each.relative else each.metric,
            "p (Holm)": each.p_holm,
            "verdict": each.verdict,
        }
        for each in comparison.verdicts
    ]
    return pd.DataFrame(rows)
