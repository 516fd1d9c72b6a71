"""Ways of learning that failed as a whole: no comparison with them says anything about sharing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtl_core.evaluation.costs import arm_title
from mtl_core.evaluation.history import History
from mtl_core.evaluation.verdict import TaskVerdict


def failures(
    history: History, verdicts: Sequence[TaskVerdict], trivial: Mapping[str, float], finished: bool
) -> dict[str, str]:
    """Key of a sharing type -> a short sentence to stand before its verdicts, where one of the two sides failed."""
    gone, vain = set(all_diverged(history)), set(_in_vain(verdicts, trivial))
    found = {}
    for sharing in dict.fromkeys(each.sharing for each in verdicts):
        arms = {"together": {sharing}, "alone": {each.twin for each in verdicts if each.sharing == sharing}}
        failed = {side: keys & (gone | vain) for side, keys in arms.items() if keys & (gone | vain)}
        if failed:
            sides, diverged = " or ".join(failed), all(keys <= gone for keys in failed.values())
            found[sharing] = f"{_what_failed(sides, diverged, finished)}: what follows says nothing about sharing."
    return found


def _what_failed(sides: str, diverged: bool, finished: bool) -> str:
    if diverged:
        return f"Every network {sides} diverged"
    return f"Nothing was learned {sides}" if finished else f"Nothing has been learned {sides} so far"


def failure_notes(history: History, verdicts: Sequence[TaskVerdict], trivial: Mapping[str, float]) -> list[str]:
    """At most two sentences: arms whose networks all diverged, and arms that predict no task."""
    gone = all_diverged(history)
    vain = [arm for arm in _in_vain(verdicts, trivial) if arm not in gone]
    lines = []
    if gone:
        lines.append(
            f"Every network diverged of {_titles(history, gone)}: there is nothing to compare; "
            "try a smaller learning rate."
        )
    if vain:
        lines.append(
            f"Nothing was learned by {_titles(history, vain)}: no task is predicted better than by a constant, so a "
            "comparison says nothing about sharing; try a smaller learning rate or more steps."
        )
    return lines


def all_diverged(history: History) -> list[str]:
    """Keys of the arms none of whose networks reached its end with finite numbers."""
    found = [arm for arm, *_ in history.diverged()]
    planned = [replica.arm for unit in history.units for replica in unit.replicas]
    return [arm.key for arm in history.arms if planned.count(arm.key) == found.count(arm.key)]


def _in_vain(verdicts: Sequence[TaskVerdict], trivial: Mapping[str, float]) -> list[str]:
    """Keys of the arms whose error is known and, on every task, no lower than that of a constant."""
    sides = [(v.sharing, v.task, v.together) for v in verdicts] + [(v.twin, v.task, v.alone) for v in verdicts]
    beaten: dict[str, bool] = {}
    for arm, task, error in sides:
        if error is not None:
            beaten[arm] = beaten.get(arm, False) or error < trivial[task]
    return [arm for arm, has_beaten in beaten.items() if not has_beaten]


def _titles(history: History, arms: Sequence[str]) -> str:
    return "; ".join(f"“{arm_title(history.experiment, history.arm(arm))}”" for arm in arms)
