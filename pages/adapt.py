"""New tasks: what earlier tasks are worth to one that was never seen and has few labels."""

from __future__ import annotations

import streamlit as st

import mtl_core.meta  # noqa: F401 - registers every learner
from pages.ui import session
from pages.ui.meta_actions import address
from pages.ui.meta_view import page

session.start()
line = st.container()
with session.guard("The page of new tasks"):
    page()
with line:
    session.frame("adapt", address(), words="Train uses")
