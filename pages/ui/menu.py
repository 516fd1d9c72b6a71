"""Links to the pages of the menu, and the way back to it."""

from __future__ import annotations

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError
from streamlit.runtime.pages_manager import PagesManager


def through_the_menu() -> None:
    """Run app.py, not the bare page.

    Streamlit takes a folder named `pages` for its older kind of multi-page app until `st.navigation` has run once:
    a reload of /train right after a restart of the server would come without menu and style.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def link(page: str, label: str, icon: str | None = None, query: dict[str, str] | None = None) -> None:
    """A link to a page of the menu, by its file's name; plain text where a page is shown without the menu."""
    try:
        st.page_link(f"pages/{page}.py", label=label, icon=icon, query_params=query)
    except StreamlitPageNotFoundError:
        st.caption(label)
