"""From one column of a table to the inputs of a network, one class a sort of column.

Which inputs a column has, and their names, is read from the whole column; every number in them is fitted on the
training rows of a fold. Sizes: N rows, P preparations (folds), f inputs of the column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from mtl_core.data.columns import CATEGORY_LIMIT
from mtl_core.data.inputs import Inputs
from mtl_core.data.splits import Rows, Split
from mtl_core.registry import InvalidInput
from mtl_core.scales import moments

if TYPE_CHECKING:
    from mtl_core.data.images import Pixels

INPUT_LIMIT = 10.0
"""An encoded input stays within so many training deviations of the training mean: one absurd cell (a slipped
decimal point, a category that two rows have) must not drown the rest or leave the range of float32."""
DAY = 86_400.0
CYCLES = {"month": ("month", 12), "weekday": ("day_of_week", 7), "hour": ("hour", 24)}
"""Parts of a date that come round again: pandas' name, and how many steps a round has."""

Numbers = NDArray[Any]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Encoder:
    """One column and how it becomes inputs. `raw` gives them before they are scaled, NaN where a number is missing."""

    column: pd.Series
    inputs: Inputs

    @property
    def name(self) -> str:
        return str(self.column.name)

    @property
    def flagged(self) -> bool:
        return self.inputs.flags and bool(self.column.isna().any())

    def names(self) -> list[str]:
        """Names of the f inputs."""
        raise NotImplementedError

    def raw(self) -> Iterator[Numbers]:
        """Unscaled inputs [N], in the order of `names`."""
        raise NotImplementedError

    def fill(self, out: Floats, found: Sequence[Split]) -> None:
        """out [P, N, f]: the inputs for each fold."""
        for f, values in enumerate(self.raw()):
            if np.isinf(values).any():
                raise InvalidInput(
                    f"column {self.name!r} has an infinite number; leave the cell empty if it is missing"
                )
            for p, split in enumerate(found):
                out[p, :, f] = self.scaled(values, split.train)

    def scaled(self, raw: Numbers, train: Rows) -> Numbers:
        return standard(raw, train)

    def _flag(self) -> Iterator[Numbers]:
        if self.flagged:
            yield self.column.isna().to_numpy()

    def _flag_name(self) -> list[str]:
        return [f"{self.name} is missing"] if self.flagged else []


@dataclass(frozen=True)
class Number(Encoder):
    """A number, and a flag for its empty cells."""

    def names(self) -> list[str]:
        return [self.name, *self._flag_name()]

    def raw(self) -> Iterator[Numbers]:
        exact = np.float32 if self.column.dtype == np.float32 else np.float64
        yield self.column.to_numpy(exact, na_value=np.nan)
        yield from self._flag()

    def scaled(self, raw: Numbers, train: Rows) -> Numbers:
        if raw.dtype == bool or self.inputs.scale == "standard":
            return standard(raw, train)
        return by_scikit_learn(self.inputs.scale, raw, train)


@dataclass(frozen=True)
class Category(Encoder):
    """An input for each category; one that no training row has says nothing. Empty cells are a category, too."""

    @property
    def flagged(self) -> bool:
        return bool(self.column.isna().any())

    def names(self) -> list[str]:
        return [f"{self.name} = {each}" for each in categories(self.column)] + self._flag_name()

    def raw(self) -> Iterator[Numbers]:
        codes = pd.Categorical(self.column, categories=categories(self.column)).codes
        yield from (codes == code for code in range(codes.max(initial=-1) + 1))
        yield from self._flag()


@dataclass(frozen=True)
class Hashed(Category):
    """More categories than can have an input each: every one is hashed to one of a fixed number, with a sign.

    A category that no training row has falls on an input of others. Reference: Weinberger et al., "Feature Hashing
    for Large Scale Multitask Learning", ICML 2009; scikit-learn's FeatureHasher.
    """

    def names(self) -> list[str]:
        return [f"{self.name} · hash {i + 1}" for i in range(self.inputs.hashes)] + self._flag_name()

    def raw(self) -> Iterator[Numbers]:
        from sklearn.feature_extraction import FeatureHasher

        codes, values = pd.factorize(self.column)
        hasher = FeatureHasher(self.inputs.hashes, input_type="string", dtype=np.float32)
        table = hasher.transform([[str(value)] for value in values]).toarray()
        table = np.vstack([table, np.zeros(self.inputs.hashes, np.float32)])  # the last row is for empty cells
        yield from (table[codes, i] for i in range(self.inputs.hashes))
        yield from self._flag()


@dataclass(frozen=True)
class Date(Encoder):
    """Days since the first date, and month, weekday and hour as places on a circle, those that vary."""

    def names(self) -> list[str]:
        circles = [f"{self.name} · {part}, {way}" for part in self._cycles() for way in ("sine", "cosine")]
        return [f"{self.name} · days", *circles, *self._flag_name()]

    def raw(self) -> Iterator[Numbers]:
        yield ((self.column - self.column.min()).dt.total_seconds() / DAY).to_numpy(float)
        for part in self._cycles():
            angle = 2 * np.pi * self._part(part).to_numpy(float) / CYCLES[part][1]
            yield np.sin(angle)
            yield np.cos(angle)
        yield from self._flag()

    def _cycles(self) -> list[str]:
        return [part for part in CYCLES if len(self._part(part).dropna().unique()) > 1]

    def _part(self, part: str) -> pd.Series:
        found: pd.Series = getattr(self.column.dt, CYCLES[part][0])
        return found


def categories(column: pd.Series) -> list[object]:
    """Categories that occur, in a stable order."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return list(column.cat.remove_unused_categories().cat.categories)
    return sorted(column.dropna().unique(), key=str)


def standard(raw: Numbers, train: Rows) -> Numbers:
    """Standardised on the training rows; a missing number counts as their median.

    What does not vary among the training rows is 0 everywhere: nothing can be learned about it, and a value seen
    for the first time in a test row would be multiplied by weights that were never trained.
    """
    values = filled(raw.astype(np.float32) if raw.dtype == bool else raw, train)
    centre, spread = moments(values[train])
    if not spread:
        return np.zeros_like(values)
    with np.errstate(over="ignore"):
        scaled = values - centre
        scaled /= spread
    return np.clip(scaled, -INPUT_LIMIT, INPUT_LIMIT, out=scaled)


def filled(values: Numbers, train: Rows) -> Numbers:
    """Missing numbers as the median of the training rows."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    known = values[train][~missing[train]]
    return np.where(missing, np.median(known) if len(known) else values.dtype.type(0), values)


def by_scikit_learn(scale: str, raw: Numbers, train: Rows) -> Numbers:
    """By median and middle half, or by rank to a normal distribution; standard where the middle half is one value."""
    from sklearn.preprocessing import QuantileTransformer, RobustScaler

    values = filled(raw, train)[:, None]
    low, high = np.quantile(values[train], [0.25, 0.75])
    if not moments(values[train])[1] or (scale == "robust" and high <= low):
        return standard(raw, train)
    if scale == "robust":
        scaler = RobustScaler(unit_variance=True)
    else:
        scaler = QuantileTransformer(
            n_quantiles=min(1000, len(train)), output_distribution="normal", random_state=0, subsample=None
        )
    scaled = scaler.fit(values[train]).transform(values)[:, 0]
    clipped: Numbers = np.clip(scaled, -INPUT_LIMIT, INPUT_LIMIT)
    return clipped


def encoders(dataset: Dataset) -> Iterator[Encoder | Pixels]:
    """One for each feature, in order; one for all pixels of a picture."""
    from mtl_core.data.images import Pixels
    from mtl_core.data.texts import FreeText

    if dataset.image_shape is not None:
        yield Pixels(dataset)
        return
    for name in dataset.features.columns:
        column = dataset.features[name]
        if name in dataset.texts:
            yield FreeText(column, dataset.inputs)
        elif pd.api.types.is_datetime64_dtype(column):
            yield Date(column, dataset.inputs)
        elif pd.api.types.is_numeric_dtype(column):
            yield Number(column, dataset.inputs)
        else:
            many = column.nunique() > CATEGORY_LIMIT
            yield (Hashed if many else Category)(column, dataset.inputs)
