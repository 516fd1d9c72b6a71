"""How the columns of a table become the inputs of a network: the settings; `encoders.py` does it."""

from __future__ import annotations

from dataclasses import dataclass

from mtl_core.registry import Method, knob

SCALES = ("standard", "robust", "quantile")


@dataclass(frozen=True)
class Inputs(Method):
    """How columns become inputs. Whatever is measured for it is measured on the training rows of each fold."""

    scale: str = knob(
        "standard",
        "Numbers are brought to one size by mean and deviation (standard), by median and middle half (robust), "
        "or by rank (quantile)",
        label="Scale of numbers",
        choices=SCALES,
    )
    flags: bool = knob(
        True,
        "An empty cell counts as the median of the training rows; the flag is an input that says it was empty",
        label="Flag empty cells",
    )
    text_parts: int = knob(16, "Inputs that a column of free text becomes", label="Parts of a text", low=2, high=64)
    hashes: int = knob(
        32,
        "Inputs that a column with more than 100 categories becomes; several categories share one",
        label="Inputs of many categories",
        low=8,
        high=256,
    )
