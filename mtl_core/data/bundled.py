"""Real data that ships with the lab: CSV files of `sample_data/`, and two sets that scikit-learn brings along."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from mtl_core.data.base import Dataset, ImageShape, Source, sources
from mtl_core.registry import InvalidInput
from mtl_core.tasks import TaskSpec

FOLDER = Path(__file__).resolve().parents[2] / "sample_data"
"""Beside the code: the lab is installed in place (`pip install -e .`)."""


def codes(column: pd.Series, classes: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Class names -> 0, 1, ... in the order of `classes`; NaN where there is no label."""
    found = pd.Categorical(column, categories=list(classes)).codes
    return np.where(found < 0, np.nan, found.astype(float))


@sources.register("penguins", title="Penguins")
@dataclass(frozen=True)
class Penguins(Source):
    """344 penguins of three species: guess species, sex and body mass from bill, flipper and island.

    Body mass is a task, so it is no feature of the others; the year of the visit is left out. The island stays:
    it is known before the bird is measured, but two of the three species live on one island only.
    """

    def load(self) -> Dataset:
        table = shipped("penguins.csv")
        species, sexes = ("Adelie", "Chinstrap", "Gentoo"), ("female", "male")
        names = {"bill_length_mm": "bill length (mm)", "bill_depth_mm": "bill depth (mm)"}
        names |= {"flipper_length_mm": "flipper length (mm)", "island": "island"}
        targets = {"species": codes(table["species"], species), "sex": codes(table["sex"], sexes)}
        return Dataset(
            name="penguins",
            title=self.title,
            features=table[list(names)].rename(columns=names),
            targets=pd.DataFrame(targets | {"body mass": table["body_mass_g"].to_numpy(float)}),
            tasks=(
                TaskSpec("species", "multiclass", species),
                TaskSpec("sex", "binary", sexes),
                TaskSpec("body mass", "regression", unit="g"),
            ),
            source="Gorman, Williams, Fraser (2014), PLoS ONE 9(3): e90081; package palmerpenguins",
            licence="CC0 1.0",
            description="Adult penguins measured on three islands near Palmer Station, Antarctica, 2007 to 2009.",
            notes=(
                "The sex of 11 birds is not known; they still teach the other tasks.",
                "Gentoo live on Biscoe only and Chinstrap on Dream only: the island says a lot about the species.",
            ),
        )


@sources.register("solar_flare", title="Solar flares")
@dataclass(frozen=True)
class SolarFlare(Source):
    """1,066 active regions of the sun: how many flares of three strengths follow within a day.

    Counts are predicted as rates. Letters and codes are McIntosh's classes as published.
    """

    def load(self) -> Dataset:
        table = shipped("solar_flare.csv")
        strengths = {"C flares": "c-class-flares", "M flares": "m-class-flares", "X flares": "x-class-flares"}
        features = table.drop(columns=list(strengths.values()))
        return Dataset(
            name="solar_flare",
            title=self.title,
            features=features.rename(columns={name: name.replace("-", " ") for name in features.columns}),
            targets=pd.DataFrame({task: table[column].astype(float) for task, column in strengths.items()}),
            tasks=tuple(TaskSpec(task, "count", unit="flares in 24 h") for task in strengths),
            source="Bradshaw (1989), UCI Machine Learning Repository, doi:10.24432/C5530G; package river",
            licence="CC BY 4.0",
            description="One row is an active region on one day; C flares are common and weak, X flares are not.",
            notes=(
                "X flares follow in 5 of 1,066 rows and M flares in 36: expect no clear answer for them.",
                'The column "largest spot area" never varies; it tells nothing.',
            ),
        )


@sources.register("digits", title="Handwritten digits")
@dataclass(frozen=True)
class Digits(Source):
    """1,797 handwritten digits of 8 x 8 pixels: which digit, even or odd, five or more.

    The three tasks are views of one label, so a network that knows the digit knows the rest.
    """

    image_shape: ClassVar[ImageShape | None] = (8, 8, 1)

    def load(self) -> Dataset:
        from sklearn.datasets import load_digits

        images, digit = load_digits(return_X_y=True)
        pixels = [f"row {i} column {j}" for i in range(1, 9) for j in range(1, 9)]
        targets = {"digit": digit.astype(float), "parity": digit % 2.0, "five or more": (digit >= 5).astype(float)}
        return Dataset(
            name="digits",
            title=self.title,
            features=pd.DataFrame(images.astype(np.float32), columns=pixels),
            targets=pd.DataFrame(targets),
            tasks=(
                TaskSpec("digit", "multiclass", tuple("0123456789")),
                TaskSpec("parity", "binary", ("even", "odd")),
                TaskSpec("five or more", "binary", ("0 to 4", "5 to 9")),
            ),
            source="Alpaydin, Kaynak (1998), UCI, doi:10.24432/C50P49; package scikit-learn",
            licence="CC BY 4.0",
            description="Scans of handwritten digits, reduced to 8 x 8 shades from 0 to 16; 13 writers.",
            image_shape=self.image_shape,
            notes=("Who wrote which digit is not published, so one writer may stand on both sides of a split.",),
        )


@sources.register("linnerud", title="Fitness club")
@dataclass(frozen=True)
class Linnerud(Source):
    """20 men of a fitness club: weight, waist and pulse from three exercises; far too few rows for a clear answer.

    Good for seeing what "no clear difference" looks like.
    """

    def load(self) -> Dataset:
        from sklearn.datasets import load_linnerud

        found = load_linnerud(as_frame=True)
        units = {"weight": "lb", "waist": "in", "pulse": "beats/min"}
        return Dataset(
            name="linnerud",
            title=self.title,
            features=found.data.rename(columns=str.lower),
            targets=found.target.rename(columns=str.lower).astype(float),
            tasks=tuple(TaskSpec(name, "regression", unit=unit) for name, unit in units.items()),
            source="Tenenhaus (1998), La régression PLS; package scikit-learn (Linnerud data)",
            licence="BSD-3-Clause, as distributed with scikit-learn",
            description="Chin-ups, sit-ups and jumps of twenty middle-aged men, with weight, waist and pulse.",
            notes=("20 rows: a fold tests on 2 to 4 men, so intervals are wide.",),
        )


def shipped(name: str) -> pd.DataFrame:
    path = FOLDER / name
    if not path.is_file():
        raise InvalidInput(f"the file sample_data/{name} is not there; run the lab from a full copy of its repository")
    return pd.read_csv(path)
