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


def package_file(requirement: str, path: str) -> bytes:
    """One file of a published wheel, without installing it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, requirement]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            return wheel.read(path)


def write(frame: pd.DataFrame, name: str) -> None:
    frame.to_csv(FOLDER / name, index=False, lineterminator="\n", encoding="utf-8")


def main() -> None:
    penguins = package_file(PENGUINS, "palmerpenguins/data/penguins.csv")
    write(pd.read_csv(io.BytesIO(penguins), dtype=str), "penguins.csv")
    flares = package_file(RIVER, "river/datasets/solar-flare.csv.zip")
    write(pd.read_csv(io.BytesIO(flares), compression="zip", dtype=str), "solar_flare.csv")


if __name__ == "__main__":
    main()
