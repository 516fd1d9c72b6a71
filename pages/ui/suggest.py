"""Runs worth making next, so that a comparison has something to compare. Pure: an experiment in, experiments out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mtl_core.experiment import Experiment, Plan
from mtl_core.models.base import sharings
from mtl_core.weighting.base import weightings

FULL = Plan(folds=10, inits=3)
"""What a verdict rests on (docs/verdicts.md)."""

FAVOURITES = ("cross_stitch", "mmoe", "soft", "uncertainty", "dwa", "pcgrad")
"""What most people ask for first; any other registered method follows in the registry's order."""


@dataclass(frozen=True)
class Suggestion:
    """One more run: what it is called, why it is worth making, and the experiment itself."""

    title: str
    why: str
    experiment: Experiment


def next_runs(experiment: Experiment) -> tuple[Suggestion, ...]:
    """Another sharing type, another weighting, and a surer answer (or another seed) on the same data."""
    fresh = replace(experiment, changes=())
    found = (_other_sharing(fresh), _other_weighting(fresh), _surer(fresh))
    return tuple(each for each in found if each is not None)


def _other_sharing(experiment: Experiment) -> Suggestion | None:
    tried = {each.name for each in experiment.sharings}
    name = _first(name for name in sharings if name not in tried and name != "independent")
    if name is None:
        return None
    method = sharings[name]
    return Suggestion(method.label(), method.summary(), replace(experiment, sharings=(method(),)))


def _other_weighting(experiment: Experiment) -> Suggestion | None:
    name = _first(name for name in weightings if name not in {experiment.weighting.name, "equal", "fixed"})
    if name is None:
        return None
    method = weightings[name]
    return Suggestion(method.label(), method.summary(), replace(experiment, weighting=method()))


def _surer(experiment: Experiment) -> Suggestion:
    plan = experiment.plan
    if plan.folds < FULL.folds or plan.inits < FULL.inits:
        surer = full(experiment)
        why = f"{surer.plan.folds} folds with {surer.plan.inits} starts each: what a verdict rests on."
        return Suggestion("A full verdict", why, surer)
    again = replace(plan, seed=plan.seed + 1)
    why = "Other folds, other starts: does the answer hold?"
    return Suggestion("Another seed", why, replace(experiment, plan=again))


def full(experiment: Experiment) -> Experiment:
    """The same experiment with as many networks as a verdict rests on."""
    plan = experiment.plan
    surer = replace(plan, folds=max(plan.folds, FULL.folds), inits=max(plan.inits, FULL.inits))
    return replace(experiment, plan=surer)


def _first(names: Iterable[str]) -> str | None:
    return min(names, key=_place, default=None)


def _place(name: str) -> tuple[int, str]:
    return (FAVOURITES.index(name) if name in FAVOURITES else len(FAVOURITES), name)
