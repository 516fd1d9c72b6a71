"""Warnings that stand beside the verdicts of a run, as plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from mtl_core.evaluation.costs import ArmCost, arm_title
from mtl_core.evaluation.failures import all_diverged, failure_notes
from mtl_core.evaluation.history import History
from mtl_core.evaluation.verdict import TaskVerdict
from mtl_core.evaluation.words import HELPS, HURTS, NO_DIFFERENCE, NOT_ENOUGH, listing, plural

TOO_EARLY = "It is too early to say whether sharing helps."

WEIGHTED = "Rows count by their weights, in what is learned and in every error."

_NAMED = 3
_OUTCOMES = {HELPS: "it helps", HURTS: "it hurts", NO_DIFFERENCE: "there is no clear difference"}
_LOOKS = {HELPS: "helpful", HURTS: "harmful"}


def all_notes(
    history: History, verdicts: Sequence[TaskVerdict], costs: Sequence[ArmCost], trivial: Sequence[float]
) -> tuple[str, ...]:
    names = {task.name: error for task, error in zip(history.tasks, trivial, strict=True)}
    found = [
        *_no_baseline(history),
        *failure_notes(history, verdicts, names),
        *disagreements(history, verdicts, {cost.arm: cost.parameters for cost in costs}),
        *_unpredicted(verdicts, names),
        *diverged_notes(history),
        *_changed(history),
    ]
    return tuple(found)


def early_notes(history: History) -> tuple[str, ...]:
    """What can be said before there is anything to judge."""
    return (TOO_EARLY, *_no_baseline(history), *diverged_notes(history))


def diverged_notes(history: History) -> list[str]:
    """One sentence for each arm in which some networks diverged."""
    lines, gone = [], all_diverged(history)
    for arm in history.arms:
        places = sorted((f, i, step) for key, f, i, step in history.diverged() if key == arm.key)
        if not places or arm.key in gone:
            continue
        named = [f"fold {f + 1}, initialisation {i + 1}, step {step:,}" for f, i, step in places[:_NAMED]]
        rest = f"; and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
        lines.append(
            f"{plural(len(places), 'network')} of {arm_title(history.experiment, arm)} diverged and "
            f"{'is' if len(places) == 1 else 'are'} left out together with the partner it is compared with "
            f"({'; '.join(named)}{rest}); try a smaller learning rate."
        )
    return lines


def disagreements(history: History, verdicts: Sequence[TaskVerdict], parameters: dict[str, int]) -> list[str]:
    """A sentence for each task whose verdict depends on which baseline is asked."""
    by_place = {(v.sharing, v.task, v.baseline): v for v in verdicts}
    lines = []
    for (sharing, task, baseline), width in by_place.items():
        size = by_place.get((sharing, task, "equal_parameters"))
        if baseline != "equal_width" or size is None or NOT_ENOUGH in (width.verdict, size.verdict):
            continue
        if width.verdict != size.verdict:
            twin = history.experiment.baseline(sharing, "equal_width", history.shape)
            lines.append(_disagreement(width, size, parameters[sharing], parameters[twin]))
    return lines


def _disagreement(width: TaskVerdict, size: TaskVerdict, together: int, alone: int) -> str:
    """width and size: the verdicts against equal width and against equal parameters, which differ."""
    sizes = f"{together:,} parameters against {alone:,}"
    then = f"against single-task networks with as many parameters in total {_OUTCOMES[size.verdict]}"
    if width.verdict in _LOOKS and together != alone and _is_elsewhere(size, width):
        looks, than = _LOOKS[width.verdict], "smaller" if together < alone else "larger"
        return f"For {width.task}, sharing looks {looks} only because the shared trunk is {than} ({sizes}): {then}."
    plain = _OUTCOMES[width.verdict]
    return f"For {width.task}, the two baselines disagree: against networks of equal width ({sizes}) {plain}; {then}."


def _is_elsewhere(size: TaskVerdict, width: TaskVerdict) -> bool:
    """Each gain lies outside the other's interval: more differs than the side of 5 % on which a p-value fell."""
    return size.relative == width.relative and _is_outside(size, width) and _is_outside(width, size)


def _is_outside(gain: TaskVerdict, interval: TaskVerdict) -> bool:
    if gain.gain is None or interval.low is None or interval.high is None:
        return False
    return not interval.low <= gain.gain <= interval.high


def _changed(history: History) -> list[str]:
    """A verdict on a run whose knobs were turned is one on what happened, not on any one setting."""
    steps = sorted({each.step for each in history.experiment.changes})
    if not steps:
        return []
    places = [f"{step:,}" for step in steps[:_NAMED]] + ["later"] * (len(steps) > _NAMED)
    at = f"step{'s' if len(steps) > 1 else ''} {listing(places)}"
    return [f"Settings were changed on the way, at {at}: the verdict is about the run as it went."]


def _no_baseline(history: History) -> list[str]:
    if len(history.tasks) < 2:
        return ["There is one task, so nothing is shared and there is no verdict; choose at least two tasks."]
    if not history.experiment.baselines():
        return ["No task was learned alone, so there is no verdict; switch on a baseline."]
    return []


def _unpredicted(verdicts: Sequence[TaskVerdict], trivial: dict[str, float]) -> list[str]:
    names = sorted({each.task for each in verdicts if _is_trivial(each, trivial[each.task])})
    if not names or len(names) == len(trivial):
        return []
    return [f"No better than a constant, alone or together: {listing(names)}; a gain there says little."]


def _is_trivial(verdict: TaskVerdict, error: float) -> bool:
    """Neither side predicts the task better than a constant, whose error is given."""
    known = [each for each in (verdict.alone, verdict.together) if each is not None]
    return bool(known) and min(known) >= error
