"""From paired errors to verdicts: the statistics behind every "helps", "hurts" and "no clear difference"."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mtl_core.evaluation.intervals import Interval, holm, paired_interval, ratio_of_rows
from mtl_core.evaluation.verdict import FULL_FOLDS, FULL_NETWORKS, LEAST_FOLDS, SIGNIFICANCE, TaskVerdict
from mtl_core.evaluation.words import HELPS, HURTS, NO_DIFFERENCE, NOT_ENOUGH, number
from mtl_core.tasks import TaskSpec

Doubles = NDArray[np.float64]

FLOOR_SHARE = 0.01
"""Share of the trivial predictor's error below which a ratio of errors would be decided by noise."""
RESOLUTION = 1e-6
"""Smaller differences are rounding: networks that are the same in theory differ by so much in single precision."""

_LARGEST_LOG = 300.0
"""Log ratios are cut here, so that a gain stays a finite number whatever a network that went astray predicts."""


@dataclass(frozen=True)
class Setting:
    """What is compared.

    twin: key of the arm alone. trivial: each task's error of a constant prediction. split: how rows are dealt to folds.
    """

    sharing: str
    baseline: str
    twin: str
    tasks: tuple[TaskSpec, ...]
    trivial: tuple[float, ...]
    new_data: bool = False
    finished: bool = True
    split: str = "spread"


@dataclass(frozen=True)
class Paired:
    """One task's errors by fold [S], after the mean over the initialisations that both sides have."""

    alone: Doubles
    together: Doubles
    inits: int
    planned_folds: int
    excluded: int


def judge(alone: Doubles, together: Doubles, setting: Setting) -> tuple[TaskVerdict, ...]:
    """Verdicts of all tasks, corrected for their number.

    alone, together: errors [folds, inits, T], paired; NaN = not known or diverged, left out on both sides.
    """
    drafts = [_draft(_paired(alone[..., t], together[..., t]), t, setting) for t in range(len(setting.tasks))]
    judged = [i for i, draft in enumerate(drafts) if draft.verdict != NOT_ENOUGH]
    adjusted = holm([drafts[i].p or 0.0 for i in judged])
    for i, p in zip(judged, adjusted, strict=True):
        drafts[i] = replace(drafts[i], p_holm=float(p), compared=len(judged), verdict=_decide(drafts[i], float(p)))
    return tuple(drafts)


def _paired(alone: Doubles, together: Doubles) -> Paired:
    """[folds, inits] on both sides -> one number a fold."""
    known = np.isfinite(alone) & np.isfinite(together)  # [folds, inits]
    count = known.sum(1)
    means = [np.where(known, side, 0.0).sum(1)[count > 0] / count[count > 0] for side in (alone, together)]
    excluded = int(known.size - known.sum())
    return Paired(means[0], means[1], int(count.max(initial=0)), len(alone), excluded)


def _draft(paired: Paired, task: int, setting: Setting) -> TaskVerdict:
    """Everything but the correction for several tasks."""
    spec, n_folds = setting.tasks[task], len(paired.alone)
    floor = FLOOR_SHARE * setting.trivial[task]
    relative = bool((paired.alone >= floor).all() and (paired.together > 0).all())
    interval, estimate = _interval(paired, relative, setting)
    full = setting.finished and n_folds >= FULL_FOLDS and n_folds * paired.inits >= FULL_NETWORKS
    low, high = (_gain(interval.low, relative), _gain(interval.high, relative)) if interval else (None, None)
    return TaskVerdict(
        sharing=setting.sharing,
        baseline=setting.baseline,
        task=spec.name,
        metric=spec.error,
        alone=_mean(paired.alone, relative),
        together=_mean(paired.together, relative),
        gain=None if estimate is None else _gain(estimate, relative),
        low=low,
        high=high,
        relative=relative,
        p=interval.p if interval else None,
        p_holm=None,
        verdict=NO_DIFFERENCE if n_folds >= LEAST_FOLDS else NOT_ENOUGH,
        folds=n_folds,
        inits=paired.inits,
        provisional=not full,
        smallest=_gain(interval.half_width, relative) if interval else None,
        excluded=paired.excluded if setting.finished else 0,
        new_data=setting.new_data,
        twin=setting.twin,
        reason="" if relative else _reason(floor),
    )


def _interval(paired: Paired, relative: bool, setting: Setting) -> tuple[Interval | None, float | None]:
    """Interval and mean of the fold's differences: of logs where the gain is relative."""
    sides = (np.log(paired.alone), np.log(paired.together)) if relative else (paired.alone, paired.together)
    differences = sides[0] - sides[1]
    differences[np.abs(differences) < RESOLUTION] = 0.0
    if len(differences) < 2:
        return None, float(differences[0]) if len(differences) else None
    ratio = ratio_of_rows(paired.planned_folds, setting.new_data, setting.split)
    interval = paired_interval(differences, ratio)
    return interval, interval.mean


def _decide(draft: TaskVerdict, p: float) -> str:
    if p >= SIGNIFICANCE or draft.gain is None or draft.gain == 0:
        return NO_DIFFERENCE
    return HELPS if draft.gain > 0 else HURTS


def _gain(difference: float, relative: bool) -> float:
    """A difference of logs as percent of the error alone; other differences as they are."""
    if not relative:
        return difference
    return float(-100 * np.expm1(-np.clip(difference, -_LARGEST_LOG, _LARGEST_LOG)))


def _mean(errors: Doubles, relative: bool) -> float | None:
    if not len(errors):
        return None
    return float(np.exp(np.log(errors).mean()) if relative else errors.mean())


def _reason(floor: float) -> str:
    return (
        f"The gain is shown as a difference, not in percent: in at least one fold the error was below {number(floor)}, "
        "1 % of what always predicting the same gives, and a ratio of so small errors says nothing."
    )
