"""The menu, the look of the page, and nothing else. Started by `mtl-lab serve`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui.look import look

HERE = Path(__file__).parent / "pages"

# A page is one file and its line here: file, title, icon.
MENU = (
    ("home", "Home", ":material/home:"),
    ("data", "Data", ":material/table:"),
    ("train", "Train", ":material/play_circle:"),
    ("compare", "Compare", ":material/compare_arrows:"),
    ("learn", "Learn", ":material/school:"),
    ("adapt", "New tasks", ":material/moving:"),
    ("runs", "Runs", ":material/list:"),
    ("reference", "Reference", ":material/menu_book:"),
)

st.set_page_config(
    page_title="MTL Lab", page_icon=str(HERE / "ui" / "icon.svg"), layout="wide", initial_sidebar_state="collapsed"
)
files = [(HERE / f"{name}.py", title, icon) for name, title, icon in MENU]
pages = [st.Page(file, title=title, icon=icon, default=title == "Home") for file, title, icon in files if file.exists()]
page = st.navigation(pages, position="top")
look()
page.run()
