"""The answers to "Why?" and to "What would change it?" beside every verdict. Plain text, one sentence a part."""

from __future__ import annotations

from mtl_core.evaluation.verdict import FULL_FOLDS, FULL_NETWORKS, LEAST_FOLDS, SIGNIFICANCE, TaskVerdict
from mtl_core.evaluation.words import (
    BASELINES,
    NO_DIFFERENCE,
    NOT_ENOUGH,
    amount,
    number,
    plural,
    sentence,
    span,
)
from mtl_core.metrics import metrics


def why(verdict: TaskVerdict) -> tuple[str, ...]:
    """What the verdict rests on."""
    if verdict.alone is None or verdict.together is None:
        return ("No pair of networks, one alone and one together, has been tested yet.",)
    parts = (_scores(verdict), _pairs(verdict), _interval(verdict), _decision(verdict), verdict.reason)
    return tuple(part for part in parts if part)


def would_change(verdict: TaskVerdict) -> tuple[str, ...]:
    """What could lead to another answer, and how small an effect this run could have seen."""
    parts = (_resolution(verdict), _more_networks(verdict), _left_out(verdict))
    return tuple(part for part in parts if part)


def _scores(verdict: TaskVerdict) -> str:
    alone, together = number(verdict.alone or 0.0), number(verdict.together or 0.0)
    metric = metrics[verdict.metric]
    return (
        f"On test rows that chose nothing, the error of {verdict.task} was {alone} alone and {together} together "
        f"({metric.label()}); alone means {BASELINES[verdict.baseline]}."
    )


def _pairs(verdict: TaskVerdict) -> str:
    inits, folds = plural(verdict.inits, "initialisation"), plural(verdict.folds, "fold")
    mean = "geometric mean" if verdict.relative else "mean"
    return (
        f"That is the {mean} over {folds} of the mean over {inits}; in each, the network alone and the network "
        "together had the same rows, the same first weights, the same batches and the same budget."
    )


def _interval(verdict: TaskVerdict) -> str:
    if verdict.low is None or verdict.high is None:
        return ""
    how = "every fold is new data" if verdict.new_data else "corrected for the training rows that folds have in common"
    text = span(verdict.low, verdict.high, verdict.relative)
    if verdict.low * verdict.high >= 0:
        text = f"{text}{' %' if verdict.relative else ''} {'lower' if verdict.high > 0 else 'higher'}"
    return f"The 95 % interval of the change of error: {text} ({how})."


def _decision(verdict: TaskVerdict) -> str:
    if verdict.verdict == NOT_ENOUGH or verdict.p is None or verdict.p_holm is None:
        return f"Fewer than {LEAST_FOLDS} folds never carry a verdict."
    several = f", {_p(verdict.p_holm)} after Holm's correction for {verdict.compared} tasks"
    found = f"The p-value is {_p(verdict.p)}{several if verdict.compared > 1 else ''}"
    if verdict.verdict != NO_DIFFERENCE:
        return f"{found}, below {SIGNIFICANCE}: chance alone rarely does this."
    close = verdict.p < SIGNIFICANCE
    because = "the correction for several tasks" if close else "chance alone often does this"
    return f"{found}, not below {SIGNIFICANCE}: {because}, so the default answer stands."


def _p(value: float) -> str:
    return "less than 0.0001" if value < 1e-4 else number(value)


def _resolution(verdict: TaskVerdict) -> str:
    if verdict.smallest is None:
        return ""
    return f"Effects smaller than about {amount(verdict.smallest, verdict.relative)} could not be seen by this run."


def _more_networks(verdict: TaskVerdict) -> str:
    if verdict.folds >= FULL_FOLDS and verdict.folds * verdict.inits >= FULL_NETWORKS:
        if verdict.verdict != NO_DIFFERENCE:
            return ""
        return "More initialisations or more rows would show smaller effects."
    now = f"{plural(verdict.folds, 'fold')} x {plural(verdict.inits, 'initialisation')}"
    return sentence(f"this rests on {now}; {FULL_FOLDS} folds x 3 initialisations make it a full verdict")


def _left_out(verdict: TaskVerdict) -> str:
    if not verdict.excluded:
        return ""
    pairs = plural(verdict.excluded, "pair")
    return f"{pairs} of networks left out: one of the two diverged, or the fold has no labelled test row."
