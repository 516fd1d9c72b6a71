"""How far the reading of a large table is, on the console of errors: what a command prints stays what it prints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from mtl_core.data.pieces import listening


@contextmanager
def reading_told(console: Console) -> Iterator[None]:
    """A bar as soon as a table is read in pieces; nothing for small ones, and nothing where nobody looks."""
    words = TextColumn("{task.description}", markup=False)
    progress = Progress(words, BarColumn(), TaskProgressColumn(), console=console, transient=True)
    shown = progress.add_task("", total=1.0)

    def tell(doing: str, share: float) -> None:
        if console.is_terminal:
            progress.start()
        progress.update(shown, description=doing, completed=share)

    try:
        with listening(tell):
            yield
    finally:
        if console.is_terminal:
            progress.stop()
