"""Real data that ships with the lab, about traffic: hired bikes and cars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mtl_core.data.base import Dataset, Source, sources
from mtl_core.data.bundled import codes, shipped
from mtl_core.tasks import TaskSpec

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
SEASONS = {1: "winter", 2: "spring", 3: "summer", 4: "autumn"}


@sources.register("bike_hire", title="Bike hire")
@dataclass(frozen=True)
class BikeHire(Source):
    """8,645 hours of a city's hired bikes: how many by casual riders and how many by registered ones.

    All bikes of an hour are the sum of the two tasks, so that column is left out. Hours of one day stay on one side
    of a split.
    """

    def load(self) -> Dataset:
        table = shipped("bike_hire.csv")
        names = {"mnth": "month", "holiday": "holiday", "workingday": "working day", "weathersit": "weather"}
        names |= {"temp": "temperature", "atemp": "felt temperature", "hum": "humidity", "windspeed": "wind"}
        features = table[list(names)].rename(columns=names)
        words = {"season": table["season"].map(SEASONS), "hour": table["hr"].map("{:02d} h".format)}
        words |= {"weekday": table["weekday"].map(dict(enumerate(DAYS)))}
        tasks = {"casual riders": "casual", "registered riders": "registered"}
        return Dataset(
            name="bike_hire",
            title=self.title,
            features=features.assign(**words),
            targets=pd.DataFrame({task: table[column].astype(float) for task, column in tasks.items()}),
            tasks=tuple(TaskSpec(task, "count", unit="bikes in an hour") for task in tasks),
            source="Fanaee-T, Gama (2013), UCI, doi:10.24432/C5W894; package ISLP",
            licence="CC BY 4.0",
            description="Capital Bikeshare, Washington, D.C., every hour of 2011, with the weather.",
            groups=table["day"].to_numpy(np.int64),
            notes=(
                "Temperature, humidity and wind are on scales from 0 to 1, as published.",
                "Days are dealt to the folds at random: the days before and after a test day are known in training.",
            ),
        )


@sources.register("cars", title="Cars of the seventies")
@dataclass(frozen=True)
class Cars(Source):
    """392 cars: miles to the gallon, seconds to 60 mph, and where they were built, from engine, weight and year.

    The car's name is left out: it says where the car was built.
    """

    def load(self) -> Dataset:
        table, places = shipped("cars.csv"), ("America", "Europe", "Japan")
        names = {"cylinders": "cylinders", "displacement": "displacement (cu in)", "horsepower": "horsepower"}
        names |= {"weight": "weight (lb)", "year": "model year"}
        targets = {"economy": table["mpg"].astype(float), "0 to 60 mph": table["acceleration"].astype(float)}
        built = codes(table["origin"].map(dict(enumerate(places, 1))), places)
        return Dataset(
            name="cars",
            title=self.title,
            features=table[list(names)].rename(columns=names),
            targets=pd.DataFrame(targets | {"built in": built}),
            tasks=(
                TaskSpec("economy", "regression", unit="miles a gallon"),
                TaskSpec("0 to 60 mph", "regression", unit="s"),
                TaskSpec("built in", "multiclass", places),
            ),
            source="Quinlan (1993), UCI, doi:10.24432/C5859H; package ISLP",
            licence="CC BY 4.0",
            description="Cars sold in the United States from 1970 to 1982.",
            notes=("Six cars of the published 398 are not there: their horsepower is not known.",),
        )
