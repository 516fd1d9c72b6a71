"""Learn: predict, run, see the prediction on the result, read why, change one thing."""

from __future__ import annotations

import streamlit as st

from mtl_core.lessons.base import lesson
from mtl_core.lessons.walk import walks
from mtl_core.registry import InvalidInput
from pages.ui import session
from pages.ui.lesson_cards import cards
from pages.ui.lesson_view import one
from pages.ui.walk_view import walk

session.frame()
with session.guard("The Learn page"):
    chosen = None
    on_foot = {each.key: each for each in walks()}.get(st.query_params.get("lesson", ""))
    if "lesson" in st.query_params and on_foot is None:
        try:
            chosen = lesson(st.query_params["lesson"])
        except InvalidInput as problem:
            st.error(session.as_sentence(str(problem)), icon=":material/error:")
    if on_foot is not None:
        walk(on_foot)
    elif chosen is None:
        cards()
    else:
        one(chosen)
