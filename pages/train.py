"""Train: choose, run, watch tasks learn together and alone, read the answer."""

from __future__ import annotations

import streamlit as st

from pages.ui import session
from pages.ui.train_actions import act, turn_knobs
from pages.ui.train_bar import bar, notices, shortcuts
from pages.ui.train_controls import controls
from pages.ui.train_view import live_region

session.start()
line = st.container()
with st.container(key="train"):
    left, right = st.columns([1, 3.6], gap="medium")
    with left, session.guard("The settings"):
        controls()
    with right, session.guard("The run"):
        act()
        record = session.record()
        if record is not None:
            turn_knobs(record)
        bar(record)
        notices(record)
        if record is not None:
            live_region(record)
with line:
    session.frame()
shortcuts()
