"""What each way of learning costs: beside every gain stands its price."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mtl_core.evaluation.history import History
from mtl_core.experiment import Arm, Experiment
from mtl_core.models.base import Shape, sharings
from mtl_core.models.hard import Hard


@dataclass(frozen=True)
class ArmCost:
    """The price of one arm of a run.

    parameters: numbers that must be kept to predict all tasks (one network together, one for each task alone).
    networks: trained in this run, over all folds and initialisations. seconds: of training, summed over stacks (more
    workers shorten the wait, not this). predict_seconds: for all tasks of one row; None before the end.
    """

    arm: str
    title: str
    together: bool
    parameters: int
    networks: int
    seconds: float
    predict_seconds: float | None


def arm_costs(history: History) -> tuple[ArmCost, ...]:
    networks = [replica.arm for unit in history.units for replica in unit.replicas]
    return tuple(
        ArmCost(
            arm=arm.key,
            title=arm_title(history.experiment, arm),
            together=arm.together,
            parameters=arm_parameters(arm, history.shape),
            networks=networks.count(arm.key),
            seconds=history.seconds(arm.key),
            predict_seconds=history.predict_seconds(arm.key),
        )
        for arm in history.arms
    )


def arm_parameters(arm: Arm, shape: Shape) -> int:
    """Numbers in the network together, or in all the single-task networks that do the same job."""
    if arm.together:
        return arm.sharing.count(replace(shape, trunk=arm.trunk))
    return sum(Hard().count(replace(shape, outputs=(size,), trunk=arm.trunk)) for size in shape.outputs)


def arm_title(experiment: Experiment, arm: Arm) -> str:
    """Plain words for an arm: the sharing type's label, or "Alone, width 32"."""
    if not arm.together:
        return f"Alone, width {arm.trunk.width}"
    key, _, place = arm.key.partition("-")
    label = arm.sharing.label()
    return f"{label} {place}" if place and key in sharings else label
