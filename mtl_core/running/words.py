"""Sentences about what went wrong while training."""

from __future__ import annotations

from collections.abc import Mapping

from mtl_core.evaluation.costs import arm_title
from mtl_core.experiment import Experiment, Unit
from mtl_core.meta.adaptation import Adaptation, LearnerUnit
from mtl_core.models.base import Shape

NAMED = 3
"""Networks that a sentence names before it only counts."""


def diverged(experiment: Experiment, shape: Shape, found: Mapping[tuple[int, int], int]) -> list[str]:
    """One sentence for each way of learning. found: (unit, replica's index) -> step at which it was stopped."""
    units, places = experiment.units(shape), dict[str, list[str]]()
    for (unit, i), step in sorted(found.items()):
        replica = units[unit].replicas[i]
        place = f"fold {replica.fold + 1}, initialisation {replica.init + 1}, step {step:,}"
        places.setdefault(replica.arm, []).append(place)
    return [
        _sentence(arm_title(experiment, arm), places[arm.key]) for arm in experiment.arms(shape) if arm.key in places
    ]


def diverged_learners(adaptation: Adaptation, found: Mapping[tuple[int, int], int]) -> list[str]:
    """One sentence for each learner. found: (unit, replica) -> meta-step by which its loss was not finite."""
    said = []
    for unit in adaptation.units:
        steps = [step for (number, _), step in sorted(found.items()) if number == unit.index]
        if steps:
            said.append(
                f"{unit.learner.label()}: the loss of {len(steps)} of {adaptation.budget.folds} repeats was no longer "
                f"finite at meta-step {min(steps):,}; smaller steps on a task or a smaller learning rate usually help"
            )
    return said


def lost(unit: Unit | LearnerUnit, tries: int) -> str:
    """A worker process died each time it trained this stack."""
    return (
        f"the worker process was lost {tries} times while it trained {unit.called!r}; the machine may be short of "
        "memory: try fewer folds, a smaller width or a smaller batch"
    )


def unexpected(unit: Unit | LearnerUnit, error: Exception) -> str:
    """Something that should not happen; the log has the details."""
    first = (str(error).strip().splitlines() or [""])[0]
    reason = f"{type(error).__name__}: {first}"
    return f"training of {unit.called!r} stopped because of an error in the program ({reason})"


def _sentence(arm: str, places: list[str]) -> str:
    named = "; ".join(places[:NAMED]) + (f"; and {len(places) - NAMED} more" if len(places) > NAMED else "")
    networks = "network was" if len(places) == 1 else "networks were"
    return (
        f"{arm}: {len(places)} {networks} stopped at the last good step because a number was no longer finite "
        f"({named}); a smaller learning rate usually helps"
    )
