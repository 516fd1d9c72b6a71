"""Where data comes from, on the Data page: real sets that ship with the lab, and generators with their dials."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from mtl_core.data.base import Source, sources
from mtl_core.data.table import CsvFile
from pages.ui import forms, session
from pages.ui.addresses import FIRST_DATA
from pages.ui.charts_data import picture
from pages.ui.text import plain, plural

FIRST_GENERATOR = "relatedness"
ADDRESS_LIMIT = 4000
"""Characters of a source that an address can carry."""


def shelf(name: str) -> list[str]:
    """Names of the sources that stand on a shelf: "real", "generated" or "table"."""
    return [each for each in sources if sources[each].shelf == name]


def real(viewed: Source) -> Source:
    """Cards of the sets that ship; gives the one in view."""
    names = sorted(shelf("real"), key=lambda name: name != FIRST_DATA)
    chosen = viewed.name if viewed.name in names else names[0]
    with st.container(key="cards"), st.grid(2, min_column_width=150):
        for name in names:
            with st.container(border=True, key=f"card-{name}"):
                card(name, in_view=name == chosen)
    return sources.from_json(chosen)


def card(name: str, in_view: bool) -> None:
    title, facts, shapes = card_facts(name)
    st.markdown(f"**{plain(title)}**")
    st.caption(plain(facts))
    st.html(shapes)
    st.button(
        "In view" if in_view else "Look at it",
        key=f"look.{name}",
        disabled=in_view,
        on_click=remember,
        args=(sources.from_json(name),),
        help=plain(sources[name].summary()),
        width="stretch",
    )


@st.cache_data(show_spinner=False)
def card_facts(name: str) -> tuple[str, str, str]:
    """Title, size and picture of a set that ships; these never change, the sets themselves are not kept for it."""
    dataset = session.lab().dataset(sources.from_json(name))
    facts = [plural(dataset.n_rows, "row"), plural(len(dataset.tasks), "task"), dataset.licence.split(",")[0]]
    return dataset.title, " · ".join(facts), picture(dataset)


def generated(viewed: Source) -> Source:
    """A generator and its dials; gives the source as it is set. Raises `InvalidInput` when dials do not go together."""
    names = shelf("generated")
    settings = dials()
    first = viewed.name if viewed.name in names else FIRST_GENERATOR
    method = forms.choose(sources, "generator", "Generator", first, only=names)
    begin = settings.get(method.name) or (viewed.settings() if viewed.name == method.name else {})
    plain_dials = [item for item in method.knobs() if not item.advanced]
    more = [item for item in method.knobs() if item.advanced]
    source = forms.fill(method, f"dial.{method.name}", begin, shown=plain_dials)
    if more:
        with st.expander("More dials"):
            source = forms.fill(method, f"dial.{method.name}", source.settings(), shown=more)
    settings[method.name] = source.settings()
    return source


def dials() -> dict[str, dict[str, Any]]:
    """The last settings of every generator: other pages may start new widgets, a choice is not lost."""
    kept: dict[str, dict[str, Any]] = st.session_state.setdefault("dials", {})
    return kept


def remember(source: Source) -> None:
    """Put a source in view; the address names it, so that a reload or a link finds it again."""
    st.session_state["viewed"] = source
    value = json.dumps(source.to_json(), separators=(",", ":"), ensure_ascii=False)
    if len(value) <= ADDRESS_LIMIT:
        st.query_params["view"] = value
    else:  # the roles of a wide table: servers refuse addresses that long
        st.query_params["view"] = json.dumps({**source.to_json(), "recipe": ""})


def viewed() -> Source:
    """The source in view: the last one looked at, else the address's, else the one in use."""
    source: Source = st.session_state.setdefault("viewed", linked() or session.experiment().data)
    return source


def linked() -> Source | None:
    """The source that the address names; None where it names none, or a file on this machine's disk."""
    if "view" not in st.query_params:
        return None
    try:
        source = sources.from_json(json.loads(st.query_params["view"]))
    except (ValueError, TypeError):
        return None
    return None if isinstance(source, CsvFile) else source
