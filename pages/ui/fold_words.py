"""What the folds set on Train lack, said wherever data are looked at before they are trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mtl_core.data.folds import faults
from pages.ui import session
from pages.ui.text import cut, plain

if TYPE_CHECKING:
    from mtl_core.data.base import Dataset

SHOWN = 2


def fold_words(dataset: Dataset, tasks: tuple[str, ...]) -> None:
    """A line for what the folds lack of these tasks; nothing where all is well, or every fold has data of its own."""
    plan = session.experiment().plan
    if plan.new_data:
        return
    found = _lacking(dataset.fingerprint, tasks, plan.folds, plan.seed, dataset)
    more = f" {len(found) - SHOWN} more like this." if len(found) > SHOWN else ""
    if found:
        st.caption(f":material/warning: {plain(cut(' '.join(found[:SHOWN]), 400) + more)}")


@st.cache_data(max_entries=64, show_spinner=False)
def _lacking(fingerprint: str, tasks: tuple[str, ...], folds: int, seed: int, _dataset: Dataset) -> tuple[str, ...]:
    return tuple(each.what for each in faults(_dataset.choose(tasks), folds, seed))
