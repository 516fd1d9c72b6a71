"""A place for tests of pages: a store of its own, served by an engine in this very process.

Slices, manager, store and pages are the real ones; only the worker processes are missing: a slice is worked on where
it is handed out. So a run stays exactly where the test leaves it, and no process outlives the tests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from mtl_core.api import Lab, RunRecord
from mtl_core.experiment import Experiment
from mtl_core.running.endings import dataset_of
from mtl_core.running.manager import Manager
from mtl_core.running.slices import Job, work
from mtl_core.running.speed import Speed
from mtl_core.running.workers import Outcome
from mtl_core.store.claims import Claim
from mtl_core.store.database import Database
from mtl_core.store.journal import Journal
from pages.ui import session

APP = Path(__file__).resolve().parents[1] / "app.py"
BEAT_SECONDS = 1.0


_make_pages_manager = PagesManager.__init__


def _menu_first(self: PagesManager, *arguments: Any, **named: Any) -> None:
    """AppTest takes a folder named `pages` for the older kind of multi-page app anew at every run; ours has a menu."""
    _make_pages_manager(self, *arguments, **named)
    PagesManager.uses_pages_directory = False


class Here:
    """Works on every slice at once, in the thread that asks."""

    def addresses(self) -> list[str]:
        return ["here"]

    def look_after(self) -> None:
        """Threads of this kind are never lost."""

    def submit(self, job: Job, address: str, then: Callable[[Outcome], None]) -> None:
        then(work(job))


class Room:
    """The store, its engine and the pages on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        database = Database(f"sqlite:///{folder / 'runs.sqlite'}")
        claim = Claim(database)
        assert claim.take()
        self.lab = Lab(f"sqlite:///{folder / 'runs.sqlite'}")
        self._journal = Journal(database, claim)
        self._closing = threading.Event()
        self._beat = threading.Thread(target=self._give_signs_of_life, args=(claim,), daemon=True)
        self._beat.start()
        self._manager = Manager(self._journal, Here(), Speed(1e-4, 1e-9))

    def make(self, experiment: Experiment, name: str = "", note: str = "") -> str:
        """Hand a run in and train it to its end; its id."""
        run = self.lab.submit(experiment, name, note)
        self.work(lambda: self.lab.run(run).has_ended)
        return run

    def work(self, until: Callable[[], bool], seconds: float = 60) -> None:
        """Let the engine work until something is so."""
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, "the engine did not get there in time"
            self._manager.tick()

    def runs(self) -> list[RunRecord]:
        return self.lab.runs()

    def open(self, page: str, **query: str) -> AppTest:
        """A page as a new visitor sees it, through the menu."""
        at = AppTest.from_file(APP, default_timeout=60)
        for name, value in query.items():
            at.query_params[name] = value
        return at.switch_page(f"pages/{page}.py").run()

    def forget_data(self) -> None:
        """Data sets are read from the disk again."""
        dataset_of.cache_clear()

    def close(self) -> None:
        self._closing.set()
        self._beat.join()
        self._manager.close()
        self.lab.close()

    def _give_signs_of_life(self, claim: Claim) -> None:
        while not self._closing.wait(BEAT_SECONDS):
            claim.beat()


@contextmanager
def room(folder: Path) -> Iterator[Room]:
    """A room whose store is the one that pages find while it is open."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTL_LAB_HOME", str(folder))
        patch.delenv("MTL_LAB_STORE", raising=False)
        patch.setattr(PagesManager, "__init__", _menu_first)
        st.cache_resource.clear()
        st.cache_data.clear()
        place = Room(folder)
        try:
            yield place
        finally:
            session.lab().close()  # else its watch would start an engine for a store that is not served any more
            place.close()
            st.cache_resource.clear()


def said(at: AppTest) -> str:
    """Everything that the page says in words, for a look at what a visitor reads."""
    kinds = (at.title, at.markdown, at.caption, at.info, at.error, at.warning, at.text)
    return "\n".join(str(element.value) for kind in kinds for element in kind)
