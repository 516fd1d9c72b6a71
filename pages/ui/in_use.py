"""What Train has in use, kept in the address of every other page: a reload of any page finds it again.

Under names of its own, which count only when a session begins: a step back in the browser to a page with an older
address must not take back what was set on Train since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from mtl_core.registry import InvalidInput
from pages.ui import addresses

if TYPE_CHECKING:
    from mtl_core.api import RunRecord
    from mtl_core.experiment import Experiment

NAMES = {"settings": "in_use", "run": "in_view"}
"""Name in the address of Train -> name in that of another page."""
LIMIT = 4000
"""Characters of settings that are kept: some servers refuse longer addresses. The run in view is kept all the same."""


def write(of_train: Mapping[str, str], fresh: Mapping[str, str] | None) -> None:
    """Keep what an address of Train would carry. fresh: what a new session begins with, which needs no keeping."""
    kept = {} if of_train == fresh or "settings" in st.query_params else of_train
    for name, here in NAMES.items():
        value = kept.get(name, "")
        if not value or len(value) > LIMIT:
            st.query_params.pop(here, None)
        elif st.query_params.get(here) != value:
            st.query_params[here] = value


def read(run_of: Callable[[str], RunRecord]) -> tuple[Experiment | None, str | None]:
    """The settings that were kept, else those of the run that was; and the run's id, where it is still there.

    What cannot be had any more is left out: nobody asked for it in words.
    """
    record = experiment = None
    with suppress(InvalidInput):
        record = run_of(st.query_params[NAMES["run"]]) if NAMES["run"] in st.query_params else None
    with suppress(InvalidInput):
        if NAMES["settings"] in st.query_params:
            data = None if record is None else record.experiment.data
            experiment = addresses.parsed(st.query_params[NAMES["settings"]], data)
    if record is None:
        return experiment, None
    return experiment or addresses.in_force(record.experiment), record.id
