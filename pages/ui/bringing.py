"""Ways to bring a table: a file, cells from a spreadsheet, a second file joined to the first, one from before."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from mtl_core.data.dialect import Top
from mtl_core.data.join import as_parquet, joined, keys
from mtl_core.data.pieces import CELL_LIMIT, PIECES_FROM
from mtl_core.data.read_as import AS_FOUND, ReadAs
from mtl_core.data.reading import first_rows
from mtl_core.data.recipe import Recipe, guess_recipe
from mtl_core.data.sampling import DRAWN_ROWS
from mtl_core.data.table import Upload, first_recipe, load_for, load_upload, store_upload
from mtl_core.data.upload_folders import StoredTable, delete_upload, uploads_of
from mtl_core.registry import InvalidInput
from mtl_core.settings import SENT_LIMIT_MB, UPLOAD_LIMIT_MB, upload_days
from pages.ui import overruling
from pages.ui.reading_bar import reading_bar
from pages.ui.text import cut, plain, plural
from pages.ui.visitor import remember_visitor, visitor

INTRODUCTION = (
    "A table (CSV, Excel or Parquet, also compressed): one row for each example, one column for each feature or task. "
    f"Up to {UPLOAD_LIMIT_MB} MB and {CELL_LIMIT // 10**6} million cells it is read whole; of a larger one, up to "
    f"{SENT_LIMIT_MB:,} MB, {DRAWN_ROWS:,} rows or fewer are drawn. It stays on the machine that runs this lab and is "
    "yours: only you see it in your list, only you can delete it."
)
LISTED = 20


def bring(fingerprint: str | None) -> None:
    """Everything that brings a table into view; `fingerprint` is the one that is there now."""
    remember_visitor()
    st.file_uploader(
        "Your table", key="file", on_change=take, label_visibility="collapsed", max_upload_size=SENT_LIMIT_MB
    )
    with st.container(horizontal=True, gap="small"):
        with st.popover("Paste cells", icon=":material/content_paste:"):
            _paste()
        if fingerprint is not None:
            with st.popover("Join a file", icon=":material/join:"):
                _join(fingerprint)
        if tables := uploads_of(visitor()):
            with st.popover(f"Your tables ({len(tables)})", icon=":material/folder_open:"):
                _tables(tables)
    if problem := st.session_state.get("upload_problem"):
        st.error(f"{plain(problem)}.", icon=":material/error:")
        _read_it_so()
    if fingerprint is None:
        st.caption(plain(f"{INTRODUCTION} What nobody opens for {upload_days():,.0f} days is deleted."))


# --- a file, or cells -------------------------------------------------------------------------------------------
def take() -> None:
    """A file was dropped: keep it, or keep the sentence that says why it cannot be read."""
    file = st.session_state["file"]
    if isinstance(file, UploadedFile):  # not one that was let go
        keep(file.getvalue(), file.name)
        _let_go(file)


def _let_go(file: UploadedFile) -> None:
    """The table is on the disk now, so a large file need not stay in memory as long as somebody looks at the page."""
    context = get_script_run_ctx()
    held = None if context is None else context.uploaded_file_mgr
    if context is not None and isinstance(held, MemoryUploadedFileManager) and file.size > PIECES_FROM:
        held.remove_file(context.session_id, file.file_id)
        file.truncate(0)  # Streamlit would copy it whole at every turn of the page


def keep(content: bytes, name: str, asked: ReadAs = AS_FOUND, notes: tuple[str, ...] = ()) -> None:
    """The table in these bytes comes into view; or the sentence that says why there is none."""
    _forget_problem()
    try:
        with reading_bar():
            st.session_state["upload"] = store_upload(content, name, asked, visitor(), notes)
    except InvalidInput as problem:
        st.session_state["upload_problem"] = str(problem)
        if len(content) <= PIECES_FROM:
            st.session_state["unread"] = (content, name, asked)


def _forget_problem() -> None:
    for key in ("upload_problem", "unread"):
        st.session_state.pop(key, None)


def _read_it_so() -> None:
    """A file that cannot be read as it seems to be laid out: its first rows, and a person's word."""
    if "unread" not in st.session_state:
        return
    content, name, asked = st.session_state["unread"]
    top = _top(content, name, asked)
    if len(top) < 2:
        return
    with st.expander("Say how it is to be read", expanded=True):
        overruling.first_rows(top)
        overruling.choices("unread.as", asked, overruling.Seen(top))
        st.button("Read it so", key="unread.read", on_click=take_unread)


def _top(content: bytes, name: str, asked: ReadAs) -> Top:
    """The first rows as a person says; as found where that cannot be, and none where there is no text."""
    for said in (overruling.chosen, lambda key, asked: asked):
        with suppress(InvalidInput):
            return first_rows(content, name, said("unread.as", asked))
    return ()


def take_unread() -> None:
    """The file that could not be read, as a person says."""
    content, name, asked = st.session_state["unread"]
    try:
        keep(content, name, overruling.chosen("unread.as", asked))
    except InvalidInput as problem:
        st.session_state["upload_problem"] = str(problem)


def _paste() -> None:
    st.text_area(
        "Cells from a spreadsheet",
        key="paste.cells",
        height=180,
        placeholder="Copy cells in a spreadsheet, names in the first row, and paste them here.",
    )
    st.button("Take these cells", key="paste.take", on_click=take_pasted)


def take_pasted() -> None:
    keep(st.session_state["paste.cells"].encode(), "pasted cells.tsv")


# --- a second file ----------------------------------------------------------------------------------------------
def _join(fingerprint: str) -> None:
    st.caption("Each file may label other tasks, or say more about the same rows. Rows meet where a key is the same.")
    st.file_uploader("Second file", key="join.file", on_change=take_second, max_upload_size=SENT_LIMIT_MB)
    second: str | None = st.session_state.get("join.second")
    if second is None or second == fingerprint:
        return
    names = _keys(fingerprint, _recipe(fingerprint).to_text(), second)
    if not names:
        st.caption("The two files have no column in common whose values meet. Give the key one name in both.")
        return
    key = st.selectbox("Key", names, format_func=lambda name: cut(name, 40), key=f"join.key.{second}")
    st.button("Join", key="join.go", type="primary", on_click=join, args=(fingerprint, second, key))


def take_second() -> None:
    file = st.session_state["join.file"]
    if file is not None and not isinstance(file, UploadedFile):  # one that was let go
        return
    _forget_problem()
    st.session_state.pop("join.second", None)
    if file is None:
        return
    try:
        with reading_bar():
            st.session_state["join.second"] = store_upload(file.getvalue(), file.name, owner=visitor())
    except InvalidInput as problem:
        st.session_state["upload_problem"] = str(problem)
    _let_go(file)


def join(fingerprint: str, second: str, key: str) -> None:
    """The joined table comes into view, and says what matched; or the sentence that says why it cannot be joined."""
    recipe = _recipe(fingerprint)
    (first, here), (other, there) = load_for(fingerprint, recipe), load_upload(second)
    names = (here.filename, there.filename)
    try:
        found = joined(first, other, key, names)
    except InvalidInput as problem:
        st.session_state["upload_problem"] = str(problem)
        return
    st.session_state.pop("join.second")
    stems = " + ".join(Path(name).stem[:60] for name in names)
    keep(as_parquet(found.frame), f"{stems}.parquet", notes=found.notes)
    more = guess_recipe(other).without({key, *first.columns, *(set(other.columns) - set(found.frame.columns))})
    st.session_state.setdefault("proposals", {})[st.session_state["upload"]] = both(recipe, more)


def both(recipe: Recipe, more: Recipe) -> Recipe:
    """What was decided about the first table, and what is proposed for the columns that the second adds."""
    added = {name: getattr(recipe, name) + getattr(more, name) for name in ("features", "tasks", "dates", "texts")}
    return replace(recipe, kept=(), reading=AS_FOUND, **added)


def _recipe(fingerprint: str) -> Recipe:
    """What was decided about the table in view."""
    if known := st.session_state.get("roles", {}).get(fingerprint):
        kept: Recipe = known["recipe"]
        return kept
    return first_recipe(*load_upload(fingerprint))


@st.cache_data(max_entries=16, show_spinner=False)
def _keys(first: str, recipe: str, second: str) -> tuple[str, ...]:
    return keys(load_for(first, Recipe.from_text(recipe))[0], load_upload(second)[0])


# --- tables from before -----------------------------------------------------------------------------------------
def _tables(tables: list[StoredTable]) -> None:
    for table in tables[:LISTED]:
        with st.container(border=True, key=f"table-{table.fingerprint}"):
            reading = table.reading
            st.markdown(f"**{plain(cut(reading.filename, 40))}**")
            until = datetime.fromtimestamp(table.expires, UTC)
            facts = [plural(reading.rows, "row"), plural(reading.columns, "column"), _megabytes(table.size)]
            st.caption(plain(f"{', '.join(facts)}; kept until {until:%d %B %Y} unless it is opened before"))
            with st.container(horizontal=True, gap="small"):
                st.button("Open", key=f"open.{table.fingerprint}", on_click=open_table, args=(table.fingerprint,))
                st.button("Delete", key=f"delete.{table.fingerprint}", on_click=forget, args=(table.fingerprint,))
    if len(tables) > LISTED:
        st.caption(f"{len(tables) - LISTED:,} older ones")
    st.caption("Results of finished runs stay when their table is deleted; they cannot be trained again without it.")


def open_table(fingerprint: str) -> None:
    _forget_problem()
    st.session_state["upload"] = fingerprint


def forget(fingerprint: str) -> None:
    """Delete a table of this visitor; what is in view goes with it."""
    try:
        delete_upload(fingerprint, visitor())
    except InvalidInput as problem:
        st.session_state["upload_problem"] = str(problem)
        return
    for kept in ("roles", "fixes"):
        st.session_state.get(kept, {}).pop(fingerprint, None)
    for name in ("upload", "join.second"):
        if st.session_state.get(name) == fingerprint:
            st.session_state.pop(name)
    viewed = st.session_state.get("viewed")
    if isinstance(viewed, Upload) and viewed.fingerprint == fingerprint:
        st.session_state.pop("viewed")
        st.query_params.pop("view", None)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 50_000 else "under 0.1 MB"
