"""Home: what the lab is, one finished answer, three ways in."""

from __future__ import annotations

import streamlit as st

from pages.ui import session

session.frame()
st.title("Does learning several tasks together help, or hurt?")
