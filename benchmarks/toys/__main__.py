"""`python -m benchmarks.toys [goldens surface kendall grouping schools sinusoids] [--write]`.

Prints every figure with the range it is expected in, and whether it keeps it; the exit code is 1 if one does not.
With --write the table goes into docs/toys.md and the paths over the loss surface are drawn as docs/toys.png.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table

from benchmarks.toys import document, goldens, grouping, kendall, schools, sinusoids, surface
from benchmarks.toys.checks import Check
from mtl_core.training.engine import calm

PARTS: dict[str, Callable[[], Iterable[Check]]] = {
    "goldens": goldens.measure,
    "surface": surface.measure,
    "kendall": kendall.measure,
    "grouping": grouping.measure,
    "schools": schools.measure,
    "sinusoids": sinusoids.measure,
}


def main(words: list[str]) -> int:
    names = [word for word in words if word != "--write"] or list(PARTS)
    if unknown := sorted(set(names) - set(PARTS)):
        print(f"there is no toy {unknown[0]!r}; known: {', '.join(PARTS)}")
        return 2
    calm()
    found = {name: list(PARTS[name]()) for name in names}
    for name, checks in found.items():
        Console(width=140).print(_shown(name, checks))
    if "--write" in words:
        document.write(found)
    return 0 if all(check.kept for checks in found.values() for check in checks) else 1


def _shown(name: str, checks: list[Check]) -> Table:
    shown = Table("what", "value", "expected", "", title=name)
    for check in checks:
        shown.add_row(check.name, check.figure, check.expected, "kept" if check.kept else "missed")
    return shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
