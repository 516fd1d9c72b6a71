"""What Streamlit's theme cannot say: density, task colours on widgets, the order of things on narrow screens."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui.colours import TASK_COLOURS

STYLE = Path(__file__).with_suffix(".css").read_text("utf-8")


def look() -> None:
    """Add the style sheet to the page. Nothing that a person typed gets into it."""
    dots = "".join(
        f'[class*="st-key-look{place}-"] label p::before {{ color: {colour.replace("@ink", "currentColor")}; }}\n'
        for place, colour in enumerate(TASK_COLOURS)
    )
    st.html(f"<style>{STYLE}{dots}</style>")
