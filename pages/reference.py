"""Reference: every method as a card, made from its own docstring and knobs, and the words of a verdict."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mtl_core.data.base import sources
from mtl_core.experiment import Experiment
from mtl_core.registry import Method
from pages.ui import session
from pages.ui.cards import FAMILIES, Card, Family, card, holds, matches
from pages.ui.glossary import GLOSSARY
from pages.ui.text import plain, plural

WORDS = "Words"
CARD_WIDTH = 330


def page() -> None:
    titles = [family.title for family in FAMILIES] + [WORDS]
    quiet: dict[str, Any] = {"label_visibility": "collapsed", "bind": "query-params"}
    with st.container(horizontal=True):
        chosen = st.segmented_control(
            "Show", titles, default=titles[0], required=True, key="family", wrap=True, **quiet
        )
        words = st.text_input("Find", key="find", placeholder="Find a method, a word, an author", live=True, **quiet)
    if words:
        everything(words)
    elif chosen == WORDS:
        glossary("")
    else:
        gallery(FAMILIES[titles.index(str(chosen))], "")


def everything(words: str) -> None:
    """What fits the words, from all families and the glossary."""
    shown = [gallery(family, words) for family in FAMILIES] + [glossary(words)]
    if not any(shown):
        st.info("Nothing here fits these words. Try fewer, or one word of a paper's title.")


def gallery(family: Family, words: str) -> int:
    """The cards of one family; gives their number."""
    methods = [family.registry[name] for name in family.registry]
    found = [(method, entry) for method in methods if matches(entry := card(method), words)]
    if found:
        st.caption(f"{family.question} {plural(len(found), 'answer')}.")
        with st.grid(min_column_width=CARD_WIDTH):
            for method, entry in found:
                method_card(family, method, entry)
    return len(found)


def method_card(family: Family, method: type[Method], entry: Card) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(entry.label)}**")
        st.markdown(plain(entry.summary))
        with st.expander("How it works"):
            more(entry)
        can_be_tried = bool(family.part) and getattr(method, "shelf", "") != "table"
        if can_be_tried and st.button("Try it", key=f"try.{family.part}.{method.name}"):
            try_it(family.part, method)


def more(entry: Card) -> None:
    """Formula, knobs and source."""
    for paragraph in entry.details:
        st.caption(plain(paragraph))
    for label, meaning in entry.knobs:
        st.caption(f"**{plain(label)}**: {plain(meaning)}")
    if entry.reference:
        st.caption(f"_Source_: {plain(entry.reference)}")
    if entry.differs:
        st.caption(f"_Differs from the paper_: {plain(entry.differs)}")


def try_it(part: str, method: type[Method]) -> None:
    """Train opens with this method in its place, all else as it stood."""
    if part == "data":
        session.use_data(sources.from_json(method.name))
        session.open_settings(session.experiment())
    value = method().to_json()
    settings = session.experiment().to_json() | {part: [value] if part == "sharings" else value}
    session.open_settings(Experiment.from_json(settings))


def glossary(words: str) -> int:
    """The words that fit; gives their number."""
    found = [term for term in GLOSSARY if holds(words, term.word, term.meaning, term.source)]
    if found:
        st.caption("The words on these pages, and who coined them.")
        with st.grid(min_column_width=CARD_WIDTH):
            for term in found:
                with st.container(border=True):
                    st.markdown(f"**{plain(term.word)}**")
                    st.markdown(plain(term.meaning))
                    if term.source:
                        st.caption(f"_Source_: {plain(term.source)}")
    return len(found)


session.frame()
with session.guard("The Reference page"):
    page()
