"""Makes the README's picture from the real app: `python -m benchmarks.screenshot` writes docs/train.png."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.page import ROOT, chromium, served
from mtl_core.api import Lab

TITLE = "Four related tasks in a narrow trunk"


def main() -> None:
    with tempfile.TemporaryDirectory() as home, served(Path(home)) as address, chromium() as page:
        page.goto(address)
        page.wait_for_selector('[data-testid="live-chart"][data-points]')
        lab = Lab(f"sqlite:///{home}/runs.sqlite")
        run = next(run for run in lab.runs() if run.name == TITLE)
        page.goto(f"{address}/train?run={run.id}")
        page.wait_for_function("document.querySelectorAll('[data-testid=live-chart][data-points]').length >= 3")
        page.wait_for_timeout(1000)
        page.screenshot(path=ROOT / "docs" / "train.png")


if __name__ == "__main__":
    main()
