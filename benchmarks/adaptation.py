"""The finished comparisons of learners that ship with the lab: `python -m benchmarks.adaptation [name ...]`.

Each is what `mtl-lab adapt --json` prints for the flags in EXAMPLES, kept in sample_data/adaptation for the page that
shows them. The same flags give the same numbers on the same machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

from benchmarks.document import ROOT
from mtl_core.meta.examples import PLACE

COMMON = ("--labels", "5,10,20,50", "--adapt-steps", "20", "--set", "budget.unseen=60")
SCHOOLS = ("--data", "benchmarks/toys/schools.csv", "--group", "school", "--task", "math", "--folds", "10")
EXAMPLES: dict[str, tuple[str, ...]] = {
    "1-relatives": ("--family", "relatives", "--steps", "2000"),
    "2-half": ("--family", "relatives", "--set", "family.relatedness=0.5", "--steps", "2000"),
    "3-strangers": ("--family", "relatives", "--set", "family.relatedness=0", "--steps", "2000"),
    "4-waves": ("--family", "sinusoids", "--steps", "5000"),
    "5-schools": (*SCHOOLS, "--steps", "500"),
}
"""Name of the file, and the flags beside COMMON."""


def measured(name: str, *more: str) -> str:
    """What the command prints for an example, with further flags; its run is kept nowhere."""
    command = [sys.executable, "-c", "from mtl_core.cli import main; main()", "adapt", "--json"]
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [*command, *COMMON, *EXAMPLES[name], *more],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "MTL_LAB_HOME": home},
        )
    return done.stdout


def main(names: list[str]) -> None:
    PLACE.mkdir(exist_ok=True)
    for name in names or EXAMPLES:
        facts = {key: value for key, value in json.loads(measured(name)).items() if key not in ("run", "status")}
        facts["command"] = " ".join(["mtl-lab adapt", *EXAMPLES[name], *COMMON])
        text = json.dumps(rounded(facts), separators=(",", ":"), ensure_ascii=False)
        (PLACE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def rounded(value: object) -> object:
    """Six digits: enough for every chart."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main(sys.argv[1:])
