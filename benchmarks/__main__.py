"""`make bench`, or `python -m benchmarks [training weightings sharings inside growth devices verdict probe page
reading]`.

Prints a table, writes benchmarks/results.json and puts it into the pages in docs; figures that
are held to a limit say whether they keep it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

import mtl_core.models
import mtl_core.weighting  # noqa: F401 - registers every method
from benchmarks import devices, document, growth, inside, methods, page, probe, reading, training, verdict_speed
from benchmarks.work import Row
from mtl_core.evaluation.report import machine

RESULTS = Path(__file__).parent / "results.json"
PARTS: dict[str, Callable[[], list[Row]]] = {
    "training": training.measure,
    "weightings": training.measure_weightings,
    "sharings": training.measure_sharings,
    "inside": inside.measure,
    "growth": growth.measure,
    "devices": devices.measure,
    "verdict": verdict_speed.measure,
    "probe": probe.measure,
    "page": page.measure,
    "reading": reading.measure,
}


def main(names: list[str]) -> int:
    if unknown := set(names) - set(PARTS):
        print(f"there is no benchmark {sorted(unknown)[0]!r}; known: {', '.join(PARTS)}")
        return 2
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in names or PARTS:
        rows = PARTS[name]()
        results[name] = {"machine": machine(), "rows": [row.to_json() for row in rows]}
        Console().print(_shown(name, rows))
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    document.write()
    methods.write()
    return 0


def _shown(name: str, rows: list[Row]) -> Table:
    shown = Table("what", "value", "unit", "limit", "kept", title=name)
    for row in rows:
        limit = "" if row.limit is None else f"{row.limit:.4g}"
        kept = {None: "", True: "yes", False: "no"}[row.ok]
        shown.add_row(row.name, f"{row.value:.4g}", row.unit, limit, kept)
    return shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
