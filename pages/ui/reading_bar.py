"""How far the reading of a large table is, as a bar at the top of the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mtl_core.data.pieces import listening
from pages.ui.text import plain


@contextmanager
def reading_bar() -> Iterator[None]:
    """A bar as soon as a table is read in pieces; nothing for small ones."""
    place = st.empty()

    def tell(doing: str, share: float) -> None:
        place.progress(share, f"{plain(doing)}: {share:.0%}")

    try:
        with listening(tell):
            yield
    finally:
        place.empty()
