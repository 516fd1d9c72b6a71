"""Several learners on one family in one go, without a store: for scripts, and to hold a run in slices against."""

from __future__ import annotations

from collections.abc import Callable

from mtl_core.meta.adaptation import Adaptation
from mtl_core.meta.history import MetaHistory
from mtl_core.meta.result import Found
from mtl_core.meta.track import advance

SLICE_MOVES = 50


def compare(adaptation: Adaptation, report: Callable[[str, int], None] = lambda name, moves: None) -> Found:
    """Prepare every learner and measure it on unseen tasks; `report` hears its name and moves now and then."""
    family = adaptation.family.ready(None, adaptation.budget.folds, adaptation.budget.seed)
    history = MetaHistory(adaptation)
    for unit in adaptation.units:
        state, done = None, False
        while not done:
            part = advance(adaptation, unit, family, state, max_steps=SLICE_MOVES)
            state, done = part.state, part.done
            history.add(part.events)
            report(unit.learner.name, part.step)
    return history.found()
