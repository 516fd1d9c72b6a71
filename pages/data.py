"""Data: left where it comes from, right what it is; then train with it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from mtl_core.data.base import Source
from pages.ui import session
from pages.ui.data_shelves import generated, real, remember, viewed
from pages.ui.data_view import view
from pages.ui.reading_bar import reading_bar
from pages.ui.upload import own_table

OPEN: dict[str, Callable[[Source], Source | None]] = {"real": real, "generated": generated, "table": own_table}
SHELVES = {"real": "Real data", "generated": "Generated", "table": "My table"}


def page() -> None:
    left, right = st.columns([5, 7], gap="large")
    with left:
        source = choice()
    with right, session.guard("This data set"):
        if source is None:
            st.info("Nothing is in view yet. What you choose is shown here, with its tasks and rows.")
        else:
            remember(source)
            with reading_bar():
                dataset = session.lab().dataset(source)
            view(source, dataset)


def choice() -> Source | None:
    """The source in view, from the shelf that is open; None until there is one."""
    now = viewed()
    if (named := st.query_params.pop("shelf", "")) in SHELVES:
        st.session_state["shelf"] = named
    shelf = st.segmented_control(
        "Where from",
        list(SHELVES),
        default=None if "shelf" in st.session_state else now.shelf,
        required=True,
        format_func=SHELVES.__getitem__,
        key="shelf",
        persist_state="session",
        label_visibility="collapsed",
    )
    with session.guard("This shelf"):
        return OPEN[shelf or now.shelf](now)
    return None


session.frame(words="Train uses")
with session.guard("The Data page"):
    page()
