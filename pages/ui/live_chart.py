"""The one chart element of every page: a small component around `Plotly.react`.

`st.plotly_chart` mounts anew at every update: it blinks, forgets zoom and legend, and leaks. This component
updates in place. Plotly's own bundle comes from the Python package, is served by this server under one address,
and is loaded once for a page; an update carries only the figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly
import streamlit as st
from streamlit.components.v1 import declare_component
from streamlit.components.v2 import component

POINTS = 500
"""Points of one line that are sent at most: more cannot be told apart on a screen."""

_mount = component("mtl_lab_live_chart", js=Path(__file__).with_suffix(".js").read_text("utf-8"), isolate_styles=False)


@dataclass(frozen=True)
class Figure:
    """A chart, ready to be shown.

    traces, layout: as in Plotly's JSON; colours may be the theme's ("@ink"). alt: what the chart says, in words,
    for those who cannot see it. height: pixels. panels: number of subplots to arrange by the width there is
    (0 = one plot); panel_width: pixels that one panel needs.
    """

    traces: list[dict[str, Any]]
    layout: dict[str, Any]
    alt: str
    height: int = 260
    panels: int = 0
    panel_width: int = 220
    revision: str = field(default="")


def live_chart(figure: Figure, key: str) -> None:
    """Show a figure; called again with the same key it changes in place.

    Zoom and legend choices survive as long as `figure.revision` stays the same.
    """
    layout = {"uirevision": figure.revision or key, **figure.layout}
    data: dict[str, Any] = {
        "name": key,
        "bundle": _bundle(),
        "traces": figure.traces,
        "layout": layout,
        "alt": figure.alt,
    }
    data |= {"height": figure.height, "panels": figure.panels, "panel_width": figure.panel_width}
    _mount(key=f"chart-{key}", data=sendable(data))


@st.cache_resource
def _bundle() -> str:
    """Address of Plotly's bundle, relative to the page; the version in it lets browsers keep it for good."""
    folder = Path(plotly.__file__).parent / "package_data"
    served = declare_component("plotly_bundle", path=str(folder))
    return f"./component/{served.name}/plotly.min.js?v={plotly.__version__}"


def decimate(frame: pd.DataFrame, limit: int = POINTS) -> pd.DataFrame:
    """At most `limit` rows, evenly spaced, the first and the last among them."""
    if len(frame) <= limit:
        return frame
    return frame.iloc[np.unique(np.linspace(0, len(frame) - 1, limit).round().astype(int))]


def sendable(value: Any) -> Any:
    """Plain JSON: arrays become lists, numbers five digits, what is not finite null."""
    if isinstance(value, dict):
        return {key: sendable(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | pd.Series):
        return sendable(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [sendable(item) for item in value]
    if isinstance(value, np.generic):
        return sendable(value.item())
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
