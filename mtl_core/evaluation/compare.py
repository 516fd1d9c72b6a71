"""Verdicts of a run: every sharing type against both baselines, task by task, with costs and warnings.

The rules are written out in docs/verdicts.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtl_core.data.base import Dataset
from mtl_core.data.cuts import SAME_TEST, tests_once
from mtl_core.evaluation import notes
from mtl_core.evaluation.costs import ArmCost, arm_costs
from mtl_core.evaluation.failures import failures
from mtl_core.evaluation.history import History
from mtl_core.evaluation.judge import Setting, judge
from mtl_core.evaluation.summaries import mean_ranks, trivial_error
from mtl_core.evaluation.verdict import TaskVerdict
from mtl_core.evaluation.words import NOT_ENOUGH, listing, sentence

EARLY_SHARE = 0.1
"""Share of the steps before which nothing is said about sharing."""


@dataclass(frozen=True)
class Comparison:
    """The answer of a run.

    verdicts: by sharing type, baseline and task. costs: one for each way of learning. notes: sentences about
    baselines that disagree, networks that diverged, tasks that nobody predicts. ranks: mean rank of each arm over the
    tasks (1 = lowest error on every task); it depends on which arms ran. provisional: the run is not finished, or
    has too few networks for a verdict. too_early: some network has not yet done a tenth of its steps, so that a page
    should show none of the verdicts and ranks. failures: key of a sharing type -> the sentence that has to stand before
    its verdicts where nothing was learned together, or alone.
    """

    verdicts: tuple[TaskVerdict, ...]
    costs: tuple[ArmCost, ...]
    provisional: bool
    notes: tuple[str, ...] = ()
    ranks: dict[str, float] = dataclasses.field(default_factory=dict)
    too_early: bool = False
    failures: dict[str, str] = dataclasses.field(default_factory=dict)

    def of(self, sharing: str, baseline: str) -> tuple[TaskVerdict, ...]:
        """The verdicts of one sharing type against one baseline, a task each."""
        return tuple(each for each in self.verdicts if (each.sharing, each.baseline) == (sharing, baseline))

    def sentence(self, sharing: str, baseline: str) -> str:
        """All tasks in one sentence: "Sharing helps body mass (...) and makes no clear difference to sex (...)."

        Before it, where nothing was learned, the sentence that says so.
        """
        verdicts = self.of(sharing, baseline)
        if not verdicts:
            return ""
        if self.too_early:
            return notes.TOO_EARLY
        doubt = "provisionally, " if any(v.provisional and v.verdict != NOT_ENOUGH for v in verdicts) else ""
        said = sentence(f"{doubt}sharing {listing([each.finding for each in verdicts])}")
        return f"{self.failures[sharing]} {said}" if sharing in self.failures else said

    def delta_m(self, sharing: str, baseline: str) -> float | None:
        """Mean gain over the tasks in percent, positive = sharing helps; None where a gain is not relative.

        Reference: Maninis, Radosavovic, Kokkinos, "Attentive Single-Tasking of Multiple Tasks", CVPR 2019.
        """
        gains = [each.gain if each.relative else None for each in self.of(sharing, baseline)]
        known = [gain for gain in gains if gain is not None]
        return float(np.mean(known)) if known and len(known) == len(gains) else None

    def to_json(self) -> dict[str, Any]:
        return {
            "verdicts": [each.to_json() for each in self.verdicts],
            "costs": [dataclasses.asdict(each) for each in self.costs],
            "provisional": self.provisional,
            "notes": list(self.notes),
            "ranks": dict(self.ranks),
            "too_early": self.too_early,
            "failures": dict(self.failures),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Comparison:
        return cls(
            verdicts=tuple(TaskVerdict.from_json(each) for each in value["verdicts"]),
            costs=tuple(ArmCost(**each) for each in value["costs"]),
            provisional=value["provisional"],
            notes=tuple(value["notes"]),
            ranks=dict(value["ranks"]),
            too_early=value.get("too_early", False),
            failures=dict(value.get("failures", {})),
        )


def compare(history: History, dataset: Dataset | None = None, finished: bool = True) -> Comparison:
    """The verdicts that a history carries so far.

    dataset: makes the trivial predictor's error exact (else classes are taken as equally frequent), and says how its
        rows are dealt to folds (else evenly).
    finished: False while the run trains; everything is provisional then.
    """
    trivial = [trivial_error(task, dataset) for task in history.tasks]
    split = "spread" if dataset is None else dataset.split
    verdicts = tuple(
        verdict
        for sharing in history.experiment.sharing_keys()
        for baseline in history.experiment.baselines()
        for verdict in _judged(history, sharing, baseline, trivial, finished, split)
    )
    costs = arm_costs(history)
    provisional = not finished or any(each.provisional for each in verdicts)
    if not finished and _is_early(history):
        return Comparison(verdicts, costs, provisional, notes.early_notes(history), too_early=True)
    warnings = (*notes.all_notes(history, verdicts, costs, trivial), *_of_the_data(dataset))
    errors = {task.name: error for task, error in zip(history.tasks, trivial, strict=True)}
    failed = failures(history, verdicts, errors, finished)
    return Comparison(verdicts, costs, provisional, warnings, mean_ranks(history), failures=failed)


def _of_the_data(dataset: Dataset | None) -> tuple[str, ...]:
    """How rows count, and what an interval cannot say because of the way in which they were dealt."""
    if dataset is None:
        return ()
    weighted = () if dataset.row_weights is None else (notes.WEIGHTED,)
    return weighted + ((SAME_TEST,) if tests_once(dataset) else ())


def _is_early(history: History) -> bool:
    """Some network has not yet done that share of its steps from which on a look is worth anything."""
    least = EARLY_SHARE * history.experiment.training.steps
    return any(bool((history.reached(arm.key) < least).any()) for arm in history.arms)


def _judged(
    history: History, sharing: str, baseline: str, trivial: Sequence[float], finished: bool, split: str
) -> tuple[TaskVerdict, ...]:
    """Alone and together at the same step of every pair, also while some stacks are further than others."""
    twin = history.experiment.baseline(sharing, baseline, history.shape)
    until = np.minimum(history.reached(sharing), history.reached(twin))
    new_data = history.experiment.plan.new_data
    setting = Setting(sharing, baseline, twin, history.tasks, tuple(trivial), new_data, finished, split)
    return judge(history.test_errors(twin, until), history.test_errors(sharing, until), setting)
