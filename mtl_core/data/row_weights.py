"""A column that says how much each row counts: how many people of the country one of a survey stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.columns import as_text, short
from mtl_core.data.prepare import TARGET_LIMIT
from mtl_core.data.recipe import Recipe
from mtl_core.registry import InvalidInput
from mtl_core.tasks import kinds

Weights = NDArray[np.float64]


def weights_of(frame: pd.DataFrame, recipe: Recipe) -> tuple[Weights, list[str]]:
    """How much each row counts [N], and a note that says how uneven that is.

    The effective number of rows is (sum w)^2 / sum w^2 (Kish, "Survey Sampling", 1965). Raises `InvalidInput` with one
    sentence where a cell is no weight, no row counts, or rows of a list that is ranked as a whole differ.
    """
    name, column = recipe.weight, frame[recipe.weight]
    weights = pd.to_numeric(column, errors="coerce").to_numpy(float, na_value=np.nan)
    if len(odd := np.flatnonzero(~((weights >= 0) & (weights <= TARGET_LIMIT)))):
        more = f" ({len(odd) - 1:,} more)" if len(odd) > 1 else ""
        raise InvalidInput(
            f"column {name!r} has {_what(column.iloc[odd[0]])} in row {odd[0] + 1:,} of the data{more}, and a row "
            f"counts 0 or more, up to {TARGET_LIMIT:g}; correct the cell, or let the column be ignored"
        )
    if not weights.any():
        raise InvalidInput(f"column {name!r} is 0 in every row, so no row counts; let it be ignored")
    ranks = recipe.query and any(kind in kinds and kinds[kind].in_lists for _, kind in recipe.tasks)
    if ranks and (apart := uneven_list(frame[recipe.query], frame[name])):
        raise InvalidInput(
            f"rows of {recipe.query!r} {short(apart)!r} have different weights in {name!r}; a list is ranked as a "
            "whole, so give its rows one weight, or let the column be ignored"
        )
    size = (weights / weights.max()).sum() ** 2 / ((weights / weights.max()) ** 2).sum()
    note = f"{len(weights):,} rows tell about as much as {size:,.0f} that count alike."
    return weights, [f"Rows count by {name!r}, in losses and in errors: {note}"]


def _what(cell: Any) -> str:
    if pd.isna(cell):
        return "no number"
    return f"{cell:g}" if isinstance(cell, (int, float, np.number)) else f"text ({short(cell)!r})"


def uneven_list(queries: pd.Series, weights: pd.Series) -> str:
    """A list whose rows have different weights; "" where there is none."""
    spread = pd.to_numeric(weights, errors="coerce").groupby(as_text(queries).to_numpy()).agg(["min", "max"])
    apart = spread.index[spread["min"] < spread["max"]]
    return str(apart[0]) if len(apart) else ""
