"""A click waits a moment for its first effect, so that the page is drawn with it."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 0.45
"""A click waits so long at most."""


def wait_until(done: Callable[[], bool]) -> None:
    """Returns when it is done, or when the patience is over."""
    end = time.monotonic() + SECONDS
    while not done() and time.monotonic() < end:
        time.sleep(0.005)
