"""Ways of learning that failed as a whole: no comparison with them says anything about sharing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtl_core.evaluation.costs import arm_title
from mtl_core.evaluation.history import History
from mtl_core.evaluation.verdict import TaskVerdict


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
