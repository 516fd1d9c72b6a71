"""Ways to deal rows to training, validation and test. All are deterministic in the seed; none ever cuts a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from mtl_core.data.columns import plural
from mtl_core.data.parts import given_parts
from mtl_core.data.spreading import Kinds, Rows, kinds_of, share, spread
from mtl_core.registry import InvalidInput, Method, Registry

VALIDATION_SHARE = 0.2
TEST_SHARE = 0.3
SAME_TEST = "All folds test on the same rows, so an interval tells what other starts do, not what other rows do."


@dataclass(frozen=True)
class Split:
    """Row numbers of one fold, each list in order; the three never overlap, nor do their groups."""

    train: Rows
    validation: Rows
    test: Rows


@dataclass(frozen=True)
class Cut(Method):
    """A way to deal rows."""

    needs: ClassVar[str] = ""
    """What the column holds that it goes by: "time", "part", or "" where it needs none."""

    def folds(self, dataset: Dataset, folds: int, seed: int) -> list[Split]:
        """So many splits. Raises `InvalidInput` with one sentence when they cannot be made."""
        raise NotImplementedError

    def test_to_train(self, folds: int) -> float:
        """n_test / n_train of so many folds, by which the interval over them is widened (`evaluation/intervals.py`)."""
        return 1 / (folds - 1)

    def holdout(self, dataset: Dataset, seed: int) -> Split:
        """One split, with about 30 % of the rows in its test part."""
        raise NotImplementedError


cuts: Registry[Cut] = Registry("way to split")


@cuts.register("spread", title="Evenly", term="stratified")
@dataclass(frozen=True)
class Spread(Cut):
    """Every part gets its share of each class and of each task's labels; every row is tested once."""

    def folds(self, dataset: Dataset, folds: int, seed: int) -> list[Split]:
        units, kinds = _units(dataset, folds), self.kinds(dataset)
        order = spread(units, kinds, (0, seed))
        return [_split(dataset, units, kinds, np.sort(order[i::folds]), (1, seed, i)) for i in range(folds)]

    def holdout(self, dataset: Dataset, seed: int) -> Split:
        units, kinds = _units(dataset, 2), self.kinds(dataset)
        test = share(spread(units, kinds, (2, seed)), TEST_SHARE)
        return _split(dataset, units, kinds, test, (3, seed))

    def kinds(self, dataset: Dataset) -> list[Kinds]:
        return kinds_of(dataset)


@cuts.register("random", title="At random")
@dataclass(frozen=True)
class Shuffled(Spread):
    """Rows are dealt like shuffled cards, whatever they hold; every row is tested once."""

    def kinds(self, dataset: Dataset) -> list[Kinds]:
        return []


@cuts.register("time", title="Past and future", term="rolling folds")
@dataclass(frozen=True)
class ByTime(Cut):
    """Train on the past, test on what comes next: each fold's training reaches further than the one's before.

    Different moments are cut as scikit-learn's TimeSeriesSplit cuts rows; rows of one moment stay together. The last
    fifth of the moments before the test are for validation. The seed changes nothing here.
    """

    needs: ClassVar[str] = "time"

    def folds(self, dataset: Dataset, folds: int, seed: int) -> list[Split]:
        from sklearn.model_selection import TimeSeriesSplit

        moments, codes = self._moments(dataset, 2 * (folds + 1), f"{folds} rolling folds")
        found = TimeSeriesSplit(folds).split(moments)
        return [_by_code(codes, *_past(past), future) for past, future in found]

    def test_to_train(self, folds: int) -> float:
        """Fold k trains on k parts and tests on one: the mean of 1 / k."""
        return sum(1 / (fold + 1) for fold in range(folds)) / folds

    def holdout(self, dataset: Dataset, seed: int) -> Split:
        moments, codes = self._moments(dataset, 4, "a test of the future")
        begin = len(moments) - max(round(TEST_SHARE * len(moments)), 1)
        return _by_code(codes, *_past(np.arange(begin)), np.arange(begin, len(moments)))

    def _moments(self, dataset: Dataset, needed: int, what: str) -> tuple[NDArray[np.float64], Rows]:
        """The different moments in order, and which of them each row has."""
        moments, codes = np.unique(_places(dataset), return_inverse=True)
        if len(moments) < needed:
            raise InvalidInput(
                f"{dataset.title!r} has {plural(len(moments), 'different time')}, but {what} need at least {needed}; "
                "choose fewer folds or another way to split"
            )
        return moments, codes.astype(np.int64)


@cuts.register("column", title="As a column says", term="predefined split")
@dataclass(frozen=True)
class ByColumn(Cut):
    """A column says where each row belongs: train, validation and test, or the number of its fold.

    Where it gives one test part, every fold tests on it, and folds differ in validation rows and starts only.
    """

    needs: ClassVar[str] = "part"

    def folds(self, dataset: Dataset, folds: int, seed: int) -> list[Split]:
        places = _places(dataset).astype(np.int64)
        if parts := given_parts(dataset.parts):
            rows = {name: np.flatnonzero(np.isin(places, codes)) for name, codes in parts.items()}
            return [_given(dataset, rows, (6, seed, i)) for i in range(folds)]
        if len(dataset.parts) < folds:
            raise InvalidInput(
                f"the column that says the folds of {dataset.title!r} has {len(dataset.parts)} values, but {folds} "
                f"folds are asked for; choose {len(dataset.parts)} folds"
            )
        tests = [np.flatnonzero(places % folds == i) for i in range(folds)]
        rest = [np.flatnonzero(places % folds != i) for i in range(folds)]
        pairs = enumerate(zip(tests, rest, strict=True))
        return [_given(dataset, {"train": others, "test": test}, (6, seed, i)) for i, (test, others) in pairs]

    def holdout(self, dataset: Dataset, seed: int) -> Split:
        return self.folds(dataset, 1 if given_parts(dataset.parts) else min(len(dataset.parts), 4), seed)[0]


def tests_once(dataset: Dataset) -> bool:
    """All folds have the same test rows: an interval over them says nothing about other rows."""
    return cuts[dataset.split].needs == "part" and bool(given_parts(dataset.parts))


# --- rows of the parts ------------------------------------------------------------------------------------------
def _places(dataset: Dataset) -> NDArray[np.float64]:
    if dataset.places is None:
        raise InvalidInput(f"{dataset.title!r} has no column that says how to split its rows; choose one")
    return dataset.places


def _past(past: Rows) -> tuple[Rows, Rows]:
    """Training and validation moments: the last fifth validates."""
    count = max(round(VALIDATION_SHARE * len(past)), 1)
    return past[:-count], past[-count:]


def _by_code(codes: Rows, train: Rows, validation: Rows, test: Rows) -> Split:
    """Rows whose moment is in each part; the moments of a part are consecutive."""
    return Split(*(np.flatnonzero((codes >= part[0]) & (codes <= part[-1])) for part in (train, validation, test)))


def _given(dataset: Dataset, rows: dict[str, Rows], seed: tuple[int, ...]) -> Split:
    """Training and test rows as given; validation rows as given, or a fifth of the training rows."""
    train, test = rows["train"], rows["test"]
    if "validation" in rows:
        return Split(train, rows["validation"], test)
    groups = dataset.groups
    units = train if groups is None else np.unique(groups[train])
    if len(units) < 2:
        what = f"{dataset.title!r} has too few rows to train on and to validate"
        raise InvalidInput(f"{what}; choose another way to split")
    validation = share(spread(units, kinds_of(dataset), seed), VALIDATION_SHARE)
    inside = np.isin(train if groups is None else groups[train], validation)
    return Split(train[~inside], train[inside], test)


def _units(dataset: Dataset, folds: int) -> Rows:
    """What is dealt: rows, or whole groups. Raises `InvalidInput` when there are too few."""
    groups = dataset.groups
    units = np.arange(dataset.n_rows) if groups is None else np.unique(groups)
    needed = max(folds, 4)
    if len(units) < needed:
        what = "row" if groups is None else "group"
        raise InvalidInput(
            f"{dataset.title!r} has {plural(len(units), what)}, but {folds} folds need at least {needed}; "
            f"choose fewer folds or bring more {what}s"
        )
    return units


def _split(dataset: Dataset, units: Rows, kinds: list[Kinds], test: Rows, seed: tuple[int, ...]) -> Split:
    rest = np.setdiff1d(units, test, assume_unique=True)
    validation = share(spread(rest, kinds, seed), VALIDATION_SHARE)
    train = np.setdiff1d(rest, validation, assume_unique=True)
    if dataset.groups is None:
        return Split(train, validation, test)
    rows = (np.flatnonzero(np.isin(dataset.groups, part)) for part in (train, validation, test))
    return Split(*rows)
