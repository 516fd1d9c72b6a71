"""What the folds of a data set lack, known before anything is trained: by the very splits that training will use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from mtl_core.data.columns import plural, short
from mtl_core.data.cuts import cuts
from mtl_core.data.splits import Split, checked
from mtl_core.registry import InvalidInput
from mtl_core.tasks import TaskSpec

FOLDS = 5
"""As many as a run has unless it is told otherwise, and as a verdict needs at least."""
ENOUGH = 30
"""Rows dealt one by one with so many labels of a kind for each fold: none lacks it, but by odds below 1e-10."""
SMALL, TEN = 0.2, 10
"""Share of the mean number of test or validation rows, and rows, below both of which a fold has too few."""
NO_LABEL, ONE_ANSWER, NEW_CLASS = "fold-no-label", "fold-one-answer", "fold-new-class"
FEW_ROWS, REFUSED = "fold-few-rows", "fold-refused"
VERBS = {"train": "train", "validation": "validate", "test": "test"}
WHY = {
    NO_LABEL: "A fold without labels cannot judge the task, so fewer folds carry the verdict than it says.",
    ONE_ANSWER: "Where one answer is all there is to learn or to name, giving it always is right.",
    NEW_CLASS: "What no network has seen it cannot name, alone or together; such rows are noise in both errors.",
    FEW_ROWS: "An error over so few rows is chance, and counts as much as that of any other fold.",
    REFUSED: "Nothing can be trained on folds that cannot be made.",
}
_NAMED = 3
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fault:
    """What folds lack, and of which task ("" = all).

    code: `NO_LABEL`, `ONE_ANSWER`, `NEW_CLASS`, `FEW_ROWS` or `REFUSED`. what: one sentence. classes: those that are
    never trained with.
    """

    code: str
    task: str
    what: str
    classes: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        return WHY[self.code]


def faults(dataset: Dataset, folds: int, seed: int) -> tuple[Fault, ...]:
    """Everything that `folds` splits with this seed lack, task by task; empty where all is well.

    Where rows are dealt one by one and every answer is frequent, the splits are not even made.
    """
    single = dataset.groups is None and not cuts[dataset.split].needs
    if single and all(is_frequent(dataset.targets[each.name], bool(each.classes), folds) for each in dataset.tasks):
        return ()
    try:
        found = cuts[dataset.split]().folds(dataset, folds, seed)
        small = _small(found)
        lacking = [each for task in dataset.tasks for each in _of_task(dataset.targets[task.name], task, found, small)]
        if not any(each.code == NO_LABEL for each in lacking):
            checked(dataset, found)
    except InvalidInput as problem:
        return (Fault(REFUSED, "", f"{str(problem)[:1].upper()}{str(problem)[1:]}."),)
    return (*lacking, *_few_rows(small, found))


def is_frequent(labels: pd.Series, by_class: bool, folds: int) -> bool:
    """Every class, or of numbers whatever is not the most common one, has labels enough for chance to spread it."""
    counts = labels.value_counts()
    least = counts.min() if by_class else counts.sum() - counts.max()
    return len(counts) > 1 and bool(least >= ENOUGH * folds)


def _small(found: list[Split]) -> dict[str, list[int]]:
    """Folds whose test or validation part is tiny beside that of the others: groups, moments or folds are unequal."""
    sizes = {part: np.array([len(getattr(split, part)) for split in found]) for part in ("validation", "test")}
    return {part: np.flatnonzero(rows < min(SMALL * rows.mean(), TEN)).tolist() for part, rows in sizes.items()}


def _few_rows(small: dict[str, list[int]], found: list[Split]) -> list[Fault]:
    if not any(small.values()):
        return []
    rows = [len(getattr(found[i], part)) for part, places in small.items() for i in places]
    counted = plural(rows[0], "row") if len(set(rows)) == 1 else f"{min(rows):,} to {max(rows):,} rows"
    verb = "is" if max(rows) == 1 else "are"
    return [Fault(FEW_ROWS, "", f"Only {counted} {verb} left {_places(small, len(found))}.")]


def _of_task(labels: pd.Series, task: TaskSpec, found: list[Split], small: dict[str, list[int]]) -> list[Fault]:
    """small: folds by part in which too few rows are the matter, whatever the task."""
    values = labels.to_numpy(float)
    parts = {part: [_known(values[getattr(split, part)]) for split in found] for part in VERBS}
    asked = {part: [i for i in range(len(found)) if i not in small.get(part, ())] for part in VERBS}
    lacking: list[Fault] = []
    none = {part: [i for i in asked[part] if not len(every[i])] for part, every in parts.items()}
    if any(none.values()):
        lacking.append(Fault(NO_LABEL, task.name, f"Task {task.name!r} has no label {_places(none, len(found))}."))
    one = {
        part: [i for i in asked[part] if len(known := every[i]) and (known == known[0]).all()]
        for part, every in parts.items()
    }
    if any(one.values()):
        answers = {float(parts[part][i][0]) for part, places in one.items() for i in places}
        only = f" ({_said(answers.pop(), task)})" if len(answers) == 1 else ""
        what = f"Task {task.name!r} has one answer only{only} {_places(one, len(found))}."
        lacking.append(Fault(ONE_ANSWER, task.name, what))
    taught = [i for i in range(len(found)) if i not in none["train"] + one["train"]]
    return lacking + (_new_classes(parts, taught, task) if task.classes else [])


def _new_classes(parts: dict[str, list[Floats]], taught: list[int], task: TaskSpec) -> list[Fault]:
    """Classes that come in test rows of a fold and in none that it trains with."""
    new = {i: np.setdiff1d(parts["test"][i], parts["train"][i]) for i in taught}
    places = [i for i, codes in new.items() if len(codes)]
    if not places:
        return []
    codes = np.unique(np.concatenate([new[i] for i in places]))
    names = tuple(task.classes[int(code)] for code in codes)
    shown = ", ".join(repr(short(name)) for name in names[:_NAMED]) + (" ..." if len(names) > _NAMED else "")
    whose = f"class{'es' * (len(names) > 1)} {shown} of task {task.name!r}"
    what = f"Test rows have {whose} that no training row has, {_folds(places, len(parts['test']))}."
    return [Fault(NEW_CLASS, task.name, what, names)]


def _known(values: Floats) -> Floats:
    known: Floats = values[~np.isnan(values)]
    return known


def _said(answer: float, task: TaskSpec) -> str:
    return repr(short(task.classes[int(answer)])) if task.classes else f"{answer:g}"


def _places(by_part: dict[str, list[int]], folds: int) -> str:
    """To train with in folds 1 and 2 of 5, to test with in fold 3 of 5."""
    told: dict[str, list[str]] = {}
    for part, places in by_part.items():
        if places:
            told.setdefault(_folds(places, folds), []).append(VERBS[part])
    return ", ".join(f"to {' or '.join(verbs)} with {where}" for where, verbs in told.items())


def _folds(places: list[int], folds: int) -> str:
    if len(places) == folds:
        return f"in all {folds} folds"
    if len(places) > _NAMED:
        return f"in {len(places)} of {folds} folds"
    numbers = [str(i + 1) for i in places]
    listed = " and ".join([", ".join(numbers[:-1]), numbers[-1]] if len(numbers) > 1 else numbers)
    return f"in fold{'s' * (len(numbers) > 1)} {listed} of {folds}"
