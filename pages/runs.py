"""Runs: everything that was ever run here; find one, open it, name it, take it along, delete it."""

from __future__ import annotations

import hashlib
from typing import Any

import streamlit as st

from mtl_core.store.records import STATUSES, Record, RunRecord
from pages.ui import session, text
from pages.ui.importing import import_form
from pages.ui.run_detail import many, one
from pages.ui.run_table import learners_losses, table, validation_errors

ON_PAGE = 25
LIMIT = 500
ERROR_TIP = "Validation error over the steps; of learners that are prepared for new tasks, their loss meanwhile"


def page() -> None:
    """Drawn anew while a run is on the way; the whole page once more when the last one has ended."""
    live = is_live()
    st.fragment(body, run_every=1.0 if live else None)(live)


def is_live() -> bool:
    return any(session.lab().records(status=status, limit=1) for status in ("queued", "running"))


def body(live: bool) -> None:
    with session.guard("The Runs page"):
        if is_live() != live:
            st.rerun()
        left, right = st.columns([7, 3], gap="medium")
        with left:
            chosen = history()
        with right:
            if len(chosen) == 1:
                one(chosen[0])
            elif chosen:
                many(chosen)
        with st.container(border=True):
            import_form()


def history() -> list[Record]:
    """Filters and the table; gives the chosen runs."""
    records = session.lab().records(limit=LIMIT)
    if not records:
        st.info("Nothing has been run yet. Choose data and tasks, press Run, and the run stands here from then on.")
        if st.button("Make the first run", type="primary", key="runs.first"):
            st.switch_page("pages/train.py", query_params={})
        return []
    found = filtered(sorted({record.data_title for record in records}))
    if not found:
        st.info("No run fits these filters. Clear one of them.")
        return []
    return pick(on_page(found))


def filtered(titles: list[str]) -> list[Record]:
    """The runs that fit the filters."""
    shared: dict[str, Any] = {"persist_state": "session", "label_visibility": "collapsed"}
    words, status, data = st.columns([2, 1, 1])
    found = words.text_input("Find", key="runs.text", placeholder="Find in names, notes and data", live=True, **shared)
    states = ["", *STATUSES]
    state = status.selectbox(
        "Status", states, key="runs.status", format_func=lambda name: text.STATUSES.get(name, "Any status"), **shared
    )
    title = data.selectbox(
        "Data", ["", *titles], key="runs.data", format_func=lambda name: name or "Any data", **shared
    )
    return session.lab().records(text=(found or "").strip(), status=state or "", data=title or "", limit=LIMIT)


def on_page(records: list[Record]) -> list[Record]:
    """The part of the list that is shown."""
    pages = -(-len(records) // ON_PAGE)
    if pages == 1:
        return records
    number = st.pagination(pages, key=f"runs.page.{pages}", persist_state="session")
    return records[(number - 1) * ON_PAGE : number * ON_PAGE]


def pick(records: list[Record]) -> list[Record]:
    """The table; gives the runs whose rows are ticked, else the newest. Rows move as runs come and go, a tick stays."""
    ids = [record.id for record in records]
    kept = st.session_state.get("runs.chosen", [])
    event = st.dataframe(
        table(records, errors),
        key=f"runs.table.{hashlib.sha256(''.join(ids).encode()).hexdigest()[:12]}",
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [ids.index(each) for each in kept if each in ids]}},
        hide_index=True,
        placeholder="",
        height="content",
        column_config=COLUMNS,
        alt="Runs, newest first",
    )
    st.session_state["runs.chosen"] = [ids[row] for row in event["selection"]["rows"] if row < len(ids)]
    st.caption("Tick a run to open, name, export or delete it; tick several to compare or delete them.")
    return [records[ids.index(each)] for each in st.session_state["runs.chosen"]] or records[:1]


def errors(record: Record) -> list[float]:
    """The sparkline of a run of any kind."""
    lab = session.lab()
    if isinstance(record, RunRecord):
        return validation_errors(lab.history(record.id))
    return learners_losses(lab.adapting(record.id))


COLUMNS = {
    "name": st.column_config.TextColumn("Run", pinned=True, width=210),
    "status": st.column_config.TextColumn("Status", width=110),
    "kind": st.column_config.TextColumn("Kind", width=110),
    "error": st.column_config.LineChartColumn("Error", help=ERROR_TIP, width=120, y_min=0, color="gray"),
    "data": st.column_config.TextColumn("Data", width=110),
    "tasks": st.column_config.TextColumn("Tasks", width=140),
    "sharing": st.column_config.TextColumn("How to share", width=140),
    "weighting": st.column_config.TextColumn("Loss weights", width=100),
    "size": st.column_config.TextColumn("Folds x starts", width=120),
    "started": st.column_config.DatetimeColumn("Date", format="DD MMM HH:mm", width=110),
    "note": st.column_config.TextColumn("Note", width=160),
}


session.frame()
with session.guard("The Runs page"):
    page()
