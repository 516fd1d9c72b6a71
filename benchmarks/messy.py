"""How often a real file is read right: `python -m benchmarks.messy FOLDER`, with the files of `FILES` in the folder.

Read right means: as many rows and columns as the file's authors say, its names (or none), the columns that hold numbers
as numbers, and as many missing cells. What the authors say was taken from their descriptions, not from what is read
here. A click takes one proposal about missing cells, or all of them at once; another encoding is a click too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import sklearn.datasets

from mtl_core.data.doctor import diagnose
from mtl_core.data.findings import MISSING_CODES, merged
from mtl_core.data.read_as import AUTOMATIC, ReadAs
from mtl_core.data.reading import read_table
from mtl_core.data.recipe import Recipe, guess_recipe
from mtl_core.data.treatment import treated
from mtl_core.registry import InvalidInput

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "data.md"
BEGIN, END = "<!-- messy: begin -->\n", "<!-- messy: end -->"
BROWNLEE = "repository jbrownlee/Datasets"
SHIPPED = "scikit-learn"
MULAN = "Mulan's multi-target sets"


@dataclass(frozen=True)
class Real:
    """A file as its authors describe it. name: one column's name, "" where the file has no names."""

    file: str
    what: str
    source: str
    shape: tuple[int, int]
    name: str
    numbers: int
    missing: int


FILES = (
    Real("seoulbike_latin1.csv", "Seoul bike sharing: Latin-1, dates", "UCI 560", (8760, 14), "Temperature(°C)", 10, 0),
    Real("student-mat_semicolon.csv", "student performance: semicolons, quotes", "UCI 320", (395, 33), "G3", 16, 0),
    Real("mulan_jura.csv", "Jura soil", MULAN, (359, 18), "Co", 18, 0),
    Real("mulan_scpf.csv", "SCPF issues: empty cells", MULAN, (1137, 26), "num_views", 26, 9255),
    Real("lightgbm_rank.csv", "a ranking set of 220 columns", "LightGBM's examples", (3773, 220), "qid", 220, 0),
    Real("adult-train.csv", "census income: no names, ?, blanks", BROWNLEE, (32561, 15), "", 6, 4262),
    Real("auto_imports.csv", "imported cars: no names, ?", BROWNLEE, (201, 26), "", 16, 51),
    Real("breast-cancer-wisconsin.data", "breast cancer, Wisconsin: no names, ?", BROWNLEE, (699, 11), "", 11, 16),
    Real("breast-cancer.csv", "breast cancer: no names, all texts, apostrophes", BROWNLEE, (286, 10), "", 1, 9),
    Real("horse-colic.data", "horse colic: no names, spaces, ? in 30 %", BROWNLEE, (300, 28), "", 28, 1605),
    Real("housing.data", "housing: no names, lined up with spaces", BROWNLEE, (506, 14), "", 14, 0),
    Real("ecoli.data", "ecoli: no names, spaces, texts", BROWNLEE, (336, 9), "", 7, 0),
    Real("german.csv", "German credit: no names, codes", BROWNLEE, (1000, 21), "", 8, 0),
    Real("pollution.csv", "Beijing air: NA", BROWNLEE, (43824, 13), "pm2.5", 12, 2067),
    Real("daily-max-temperatures.csv", "daily temperatures: quoted dates", BROWNLEE, (3650, 2), "Temperature", 1, 0),
    Real("monthly-sunspots.csv", "monthly sunspots: months of years", BROWNLEE, (2820, 2), "Sunspots", 1, 0),
    Real("wine_data.csv", "wine: a first line of counts", SHIPPED, (178, 14), "", 14, 0),
    Real("breast_cancer.csv", "breast cancer: a first line of counts", SHIPPED, (569, 31), "", 31, 0),
    Real("diabetes_data_raw.csv.gz", "diabetes: gzip, spaces, no names", SHIPPED, (442, 10), "", 10, 0),
    Real("linnerud_exercise.csv", "exercise: spaces", SHIPPED, (20, 3), "Chins", 3, 0),
)  # fmt: skip


def clicks(file: Real, content: bytes) -> str:
    """How many clicks it takes until the file is read right: "none", "1", ..., or "more" with what is wrong."""
    try:
        _, reading = read_table(content, file.file)
        for count, encoding in enumerate([AUTOMATIC, *reading.others]):
            taken = _taken(file, content, encoding)
            if taken is not None:
                total = taken + (count > 0)
                return "none" if not total else str(total)
        return f"more ({'; '.join(_wrong(file, *read_table(content, file.file)))})"
    except InvalidInput as problem:
        return f"refused: {problem}"


def _taken(file: Real, content: bytes, encoding: str) -> int | None:
    """Proposals to be taken until it is right; None where none of them makes it right."""
    frame, reading = read_table(content, file.file, ReadAs(encoding=encoding))
    if not _wrong(file, frame, reading):
        return 0
    recipe = guess_recipe(frame)
    proposals = [each for each in diagnose(frame, recipe) if each.code in MISSING_CODES]
    fixes = [merged(recipe, proposals), *(each.recipe for each in proposals if each.recipe is not None)]
    for fixed in fixes:
        if not _wrong(file, treated(frame, fixed.missing), reading):
            return 1
    words = [each for each in proposals if each.code != "sentinel"]
    if not _wrong(file, treated(frame, merged(Recipe((), ()), words).missing), reading):
        return len(words)
    return None


def _wrong(file: Real, frame: pd.DataFrame, reading: object) -> list[str]:
    numbers = sum(pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes)
    missing = int(frame.isna().sum().sum())
    names = file.name in frame.columns if file.name else next(iter(frame.columns)) == "column 1"
    found = {
        f"{frame.shape[0]:,} rows, {frame.shape[1]} columns": frame.shape == file.shape,
        f"{numbers} columns of numbers": numbers == file.numbers,
        f"{missing:,} missing cells": missing == file.missing,
        "names": names,
    }
    return [what for what, right in found.items() if not right]


def table(folder: Path) -> str:
    """A row a file, and how many took how many clicks."""
    lines = ["| file | from | rows x columns | clicks |", "| --- | --- | --- | --- |"]
    took = []
    for file in FILES:
        path = Path(sklearn.datasets.__file__).parent / "data" if file.source == SHIPPED else folder
        took.append(clicks(file, (path / file.file).read_bytes()))
        shape = f"{file.shape[0]:,} x {file.shape[1]}"
        lines.append(f"| {file.what} | {file.source} | {shape} | {took[-1]} |")
    counts = [took.count("none"), took.count("1"), len(took) - took.count("none") - took.count("1")]
    return (
        "\n".join(lines) + f"\n\nOf {len(took)} files {counts[0]} need no click, {counts[1]} one, {counts[2]} more.\n"
    )


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("name the folder that holds the files of benchmarks/messy.py")
        return 2
    found = table(Path(arguments[0]))
    print(found)
    text = DOCUMENT.read_text(encoding="utf-8")
    if BEGIN in text:
        head, rest = text.split(BEGIN, 1)
        DOCUMENT.write_text(head + BEGIN + found + END + rest.split(END, 1)[1], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
