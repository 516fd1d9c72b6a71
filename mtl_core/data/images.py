"""Pictures as tables: a column a pixel, and a shape that says how the pixels lie.

Sizes: N pictures of H rows, W columns and C colours; P preparations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from mtl_core.data.cuts import Split
from mtl_core.scales import moments

COLOUR_NAMES = ("red", "green", "blue")


def pixel_table(pictures: NDArray[Any]) -> pd.DataFrame:
    """Pictures [N, H, W, C] as a table of float32: row by row, column by column, colour by colour."""
    height, width, colours = pictures.shape[1:]
    kinds = [""] if colours == 1 else [f" {name}" for name in COLOUR_NAMES]
    names = [f"row {i} column {j}{kind}" for i in range(1, height + 1) for j in range(1, width + 1) for kind in kinds]
    return pd.DataFrame(pictures.reshape(len(pictures), -1).astype(np.float32), columns=names)


def pictures(dataset: Dataset, rows: slice = slice(None)) -> NDArray[np.float32]:
    """Pictures [N, H, W, C] of a data set that has an `image_shape`."""
    assert dataset.image_shape is not None
    return dataset.features.iloc[rows].to_numpy(np.float32).reshape(-1, *dataset.image_shape)


class Pixels:
    """Inputs of pictures: all pixels of one colour have one scale, so that shades stay comparable across a picture.

    Centred and divided by the deviation of all training pixels of the colour; nothing is known of a pixel by itself.
    """

    def __init__(self, dataset: Dataset) -> None:
        assert dataset.image_shape is not None
        self.table, self.colours = dataset.features, dataset.image_shape[2]

    def names(self) -> list[str]:
        return [str(name) for name in self.table.columns]

    def fill(self, inputs: NDArray[np.float32], found: Sequence[Split]) -> None:
        """inputs [P, N, F], scaled on each split's training rows."""
        flat = self.table.to_numpy(np.float32).reshape(len(self.table), -1, self.colours)
        for p, split in enumerate(found):
            for c in range(self.colours):
                centre, spread = moments(flat[split.train, :, c])
                inputs[p, :, c :: self.colours] = (flat[:, :, c] - centre) / (spread or 1.0)
