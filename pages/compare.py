"""Compare: a shelf of runs on the same data; the chosen ones side by side."""

from __future__ import annotations

import streamlit as st

from mtl_core.experiment import Experiment
from mtl_core.store.records import RunRecord
from pages.ui import session, shelf
from pages.ui.compare_view import side_by_side
from pages.ui.suggest import Suggestion, next_runs
from pages.ui.text import about, cut, plain, plural

ACTIVE = ("queued", "running", "paused")
LIMIT = 500
"""Runs that are looked through, the newest."""
ON_SHELF = 40
"""Runs of one data set that are offered: the newest."""


def page() -> None:
    """Drawn anew while a run is on the way; the whole page once more when the last one has ended."""
    live = bool(on_the_way(session.lab().runs(limit=LIMIT)))
    st.fragment(body, run_every=1.0 if live else None)(live)


def body(live: bool) -> None:
    with session.guard("The Compare page"):
        records = session.lab().runs(limit=LIMIT)
        if bool(on_the_way(records)) != live:
            st.rerun()
        content(records)


def on_the_way(records: list[RunRecord]) -> list[RunRecord]:
    return [record for record in records if record.status in ACTIVE]


def content(records: list[RunRecord]) -> None:
    """Where there is too little to compare, what to do about it stands first."""
    groups = shelf.same_data(records)
    chosen = choose(groups) if groups else []
    too_few = len(chosen) < 2
    if too_few:
        st.info(what_is_missing(groups))
        offer(starting_point(groups), records)
    if chosen:
        results = [(r, session.lab().history(r.id), session.lab().comparison(r.id)) for r in chosen[: shelf.MOST]]
        side_by_side(shelf.shelve(results))
    if len(chosen) > shelf.MOST:
        st.caption(f"The first {shelf.MOST} are shown: more colours cannot be told apart.")
    if not too_few:
        offer(starting_point(groups), records)


def what_is_missing(groups: dict[str, list[RunRecord]]) -> str:
    """Why nothing stands side by side yet, and what to do."""
    if not groups:
        return "No run has results yet. Make two on the same data, and they stand here side by side."
    if len(groups.get(st.session_state.get("compare.data", ""), [])) < 2:
        return "A comparison takes two runs on the same data, and here is one. One click makes another."
    return "Choose at least two runs to see them side by side."


def choose(groups: dict[str, list[RunRecord]]) -> list[RunRecord]:
    left, right = st.columns([1, 3], gap="medium")
    with left:
        data = choose_data(groups)
    with right:
        return choose_runs(data, groups[data])


def choose_data(groups: dict[str, list[RunRecord]]) -> str:
    words = {key: cut(shelf.data_words(found[0]), 60) for key, found in groups.items()}
    titles = {key: f"{words[key]} ({plural(len(found), 'run')})" for key, found in groups.items()}
    if st.session_state.get("compare.data") not in groups:
        named = [key for key, found in groups.items() if any(record.id in linked() for record in found)]
        in_use = session.experiment().data
        named = named or [key for key, found in groups.items() if found[0].experiment.data == in_use]
        comparable = [key for key, found in groups.items() if len(found) > 1]
        st.session_state["compare.data"] = next(iter(named or comparable or groups))
    return st.selectbox(
        "Runs on", list(groups), format_func=titles.__getitem__, key="compare.data", persist_state="session"
    )


def choose_runs(data: str, records: list[RunRecord]) -> list[RunRecord]:
    """The chosen runs, in the order in which they were chosen. The address names them, so a link finds them."""
    offered = {record.id: record for record in records[:ON_SHELF]}
    key = f"compare.runs.{data}"
    before = st.session_state.get(key)
    wanted = starting_choice(list(offered)) if before is None else [run for run in before if run in offered]
    wanted += [run for run in made_here() if run in offered and run not in wanted]
    if wanted != before:
        st.session_state[key] = wanted
    st.session_state["compare.made"] = [run for run in made_here() if run not in offered]
    chosen = st.pills(
        "Runs to compare",
        list(offered),
        selection_mode="multi",
        format_func=lambda run: plain(cut(chip(offered[run]), 44)),
        key=key,
        persist_state="session",
    )
    st.query_params["runs"] = ",".join(chosen)
    return [offered[run] for run in chosen]


def starting_choice(offered: list[str]) -> list[str]:
    """The runs that the address names, else the newest two."""
    return [run for run in linked() if run in offered] or offered[:2]


def linked() -> list[str]:
    return st.query_params.get("runs", "").split(",")


def made_here() -> list[str]:
    """Runs that were made on this page and have nothing to show yet; they join the chosen ones when they have."""
    made: list[str] = st.session_state.setdefault("compare.made", [])
    return made


def chip(record: RunRecord) -> str:
    """The run's title, and its state unless it is finished."""
    title = shelf.run_title(record)
    return title if record.status == "finished" else f"{title} ({record.status})"


def starting_point(groups: dict[str, list[RunRecord]]) -> Experiment:
    """What suggested runs vary: the newest run of the data in view, else the settings on Train."""
    found = groups.get(st.session_state.get("compare.data", ""), [])
    return found[0].experiment if found else session.experiment()


def offer(experiment: Experiment, records: list[RunRecord]) -> None:
    """Runs worth making next, one click each; and what is on its way already on the same data."""
    waiting = [record for record in on_the_way(records) if record.experiment.data == experiment.data]
    suggestions = next_runs(experiment)
    with st.container(border=True):
        st.markdown("**Make another run to compare with**")
        with st.grid(len(suggestions), min_column_width=260):
            for suggestion in suggestions:
                with st.container():
                    one_offer(suggestion)
        if waiting:
            st.caption(f"{plural(len(waiting), 'run')} on the way; the shelf fills by itself.")


def one_offer(suggestion: Suggestion) -> None:
    st.markdown(plain(suggestion.title))
    st.caption(f"{plain(suggestion.why)} {cost(suggestion)}")
    if st.button("Run it", key=f"offer.{suggestion.experiment.fingerprint}"):
        name = f"{suggestion.experiment.data.title}: {suggestion.title}"
        made_here().append(session.lab().submit(suggestion.experiment, name=name))
        st.rerun()


def cost(suggestion: Suggestion) -> str:
    """What the click will cost."""
    estimate = session.lab().estimate(suggestion.experiment)
    time = f", {about(estimate.seconds)}" if estimate.seconds is not None else ""
    return f"{plural(estimate.networks, 'network')}{time}."


session.frame()
with session.guard("The Compare page"):
    page()
