"""Trains the example runs that ship with the lab: `python -m sample_data.examples` rewrites sample_data/runs/."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from mtl_core.api import Lab
from mtl_core.data.bundled import Penguins
from mtl_core.data.synthetic import Relatedness
from mtl_core.experiment import Experiment, Plan, Training
from mtl_core.models.base import Trunk

FOLDER = Path(__file__).parent / "runs"
NOTE = "An example that comes with the lab. Delete it whenever you like."
FOUR = tuple(f"task {t + 1}" for t in range(4))
FRESH = Plan(folds=10, inits=3, new_data=True)

EXAMPLES: dict[str, tuple[str, Experiment]] = {
    "strangers": (
        "Four unrelated tasks in a narrow trunk",
        Experiment(Relatedness(relatedness=0.0, rows=300), FOUR, trunk=Trunk(width=6), plan=FRESH),
    ),
    "relatives": (
        "Four related tasks in a narrow trunk",
        Experiment(Relatedness(relatedness=1.0, rows=300), FOUR, trunk=Trunk(width=6), plan=FRESH),
    ),
    "penguins": (
        "First example: penguins",
        Experiment(
            Penguins(),
            ("species", "sex", "body mass"),
            training=Training(steps=400, evaluate_every=25),
            plan=Plan(folds=10, inits=3),
        ),
    ),
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["MTL_LAB_HOME"] = home
        os.environ.pop("MTL_LAB_STORE", None)
        lab = Lab()
        lab.ensure_engine()
        try:
            for number, (name, (title, experiment)) in enumerate(EXAMPLES.items(), 1):
                run = lab.submit(experiment, title, NOTE)
                while not lab.run(run).has_ended:
                    time.sleep(0.1)
                if lab.run(run).status != "finished":
                    raise RuntimeError(lab.run(run).message)
                (FOLDER / f"{number}-{name}.json.gz").write_bytes(lab.archive(run))
        finally:
            lab.close()


if __name__ == "__main__":
    main()
