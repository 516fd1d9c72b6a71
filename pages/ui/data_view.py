"""What a data set is: its tasks, their values, how they go together, what was noticed, and its first rows."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mtl_core.data.base import Dataset, Source
from mtl_core.data.cuts import cuts
from mtl_core.data.describe import association_measures, describe, label_coverage, split_sizes, target_correlations
from mtl_core.data.prepare import encoded_names
from pages.ui import session
from pages.ui.charts_data import coverage_map, shapes
from pages.ui.charts_results import correlation_map
from pages.ui.fold_words import fold_words
from pages.ui.live_chart import live_chart
from pages.ui.probe import probe
from pages.ui.text import cut, number, plain, plural
from pages.ui.viewer import examples

PREVIEW_ROWS = 100
PLAY = ":material/play_arrow:"


def view(source: Source, dataset: Dataset) -> None:
    """All there is to see before training, and the button that leads there."""
    heading(dataset)
    train_with(source, dataset)
    examples(dataset)
    task_table(dataset)
    rows_per_task(dataset)
    if source.shelf != "table":  # there the doctor says it, with a fix
        fold_words(dataset, tuple(task.name for task in dataset.tasks))
    left, right = st.columns(2)
    with left:
        correlations(dataset)
    with right:
        complete = coverage(dataset)
        if complete:
            notes(dataset)
    if not complete:
        notes(dataset)
    preview(dataset)


def heading(dataset: Dataset) -> None:
    st.markdown(f"#### {plain(cut(dataset.title, 60))}")
    if dataset.description:
        st.markdown(plain(dataset.description))
    facts = [plural(dataset.n_rows, "row"), plural(dataset.features.shape[1], "feature")]
    inputs = _inputs(dataset.fingerprint, dataset)
    facts += [f"{plural(inputs, 'network input')}"] if inputs != dataset.features.shape[1] else []
    facts += [f"source: {dataset.source}"] if dataset.source else []
    facts += [f"licence: {dataset.licence}"] if dataset.licence else []
    st.caption(" · ".join(map(plain, facts)))


def train_with(source: Source, dataset: Dataset) -> None:
    """Choose tasks and leave for Train with them."""
    names = [task.name for task in dataset.tasks]
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        chosen = st.pills(
            "Tasks to learn",
            names,
            selection_mode="multi",
            default=names,
            format_func=lambda name: plain(cut(name, 28)),
            key=f"tasks.{dataset.fingerprint}",
            persist_state="session",
        )
        kept = tuple(name for name in names if name in chosen)
        ready = st.button(
            "Train with this", type="primary", disabled=not kept, icon=":material/play_arrow:", key="train"
        )
    if not kept:
        st.caption("Choose at least one task.")
    if ready:
        session.use_data(source, kept)
        session.open_settings(session.experiment())
    probe(source, kept)


def task_table(dataset: Dataset) -> None:
    """A row a task: kind, labels, missing labels, scale or class shares, and the shape of its values."""
    st.dataframe(
        _task_rows(dataset.fingerprint, dataset),
        hide_index=True,
        placeholder="",
        column_config={
            "task": st.column_config.TextColumn("Task", pinned=True, width=150),
            "kind": st.column_config.TextColumn("Kind", width=130),
            "labels": st.column_config.NumberColumn("Labels", format="localized"),
            "missing": st.column_config.NumberColumn("Missing", format="percent"),
            "shape": st.column_config.BarChartColumn(
                "Shape", y_min=0, y_max=1, help="A bar a class, or a histogram", color="gray"
            ),
            "scale": st.column_config.TextColumn("Scale", width="large"),
        },
        alt="The tasks of this data set: kind, labels, missing labels, shape and scale of the values",
    )


def correlations(dataset: Dataset) -> None:
    if len(dataset.tasks) < 2:
        st.caption("With a second task you would see here how closely the two go together.")
        return
    table, measures = _correlations(dataset.fingerprint, dataset)
    st.markdown("**How the tasks go together**")
    live_chart(correlation_map(table.to_numpy(float), list(table.columns)), key="correlations")
    st.caption(plain(f"From -1 to 1; 0 is not at all. Measured on rows that have both labels: {measures}."))


def coverage(dataset: Dataset) -> bool:
    """How many rows carry both labels of each two tasks; true where every row has every label."""
    if dataset.targets.notna().all(axis=None):
        return True
    table = _coverage(dataset.fingerprint, dataset)
    st.markdown("**Rows that carry both labels**")
    live_chart(coverage_map(table.to_numpy(float), list(table.columns)), key="coverage")
    st.caption(
        "Share of all rows; on the diagonal those with a label of one task. Tasks without a common row can "
        "still share what they learn about the features."
    )
    return False


def rows_per_task(dataset: Dataset) -> None:
    """How many labels of each task train, validate and test, in the folds that are set on Train."""
    plan = session.experiment().plan
    method = cuts[dataset.split]
    with st.expander(f"Labels in each of {plan.folds} folds, split {method.title.lower()}"), session.guard("The split"):
        sizes = _sizes(dataset.fingerprint, plan.folds, plan.seed, dataset)
        st.dataframe(sizes, hide_index=True, alt="Labels of each task that train, validate and test, over the folds")
        anew = "" if method.needs else " Another seed on Train deals anew."
        st.caption(plain(f"{method.summary()}{anew}"))


def notes(dataset: Dataset) -> None:
    st.markdown("**Worth knowing**")
    for note in dataset.notes:
        st.markdown(f"- {plain(note)}")
    if not dataset.notes:
        st.caption("Nothing more than the table itself.")


def preview(dataset: Dataset) -> None:
    st.markdown(f"**First {plural(min(dataset.n_rows, PREVIEW_ROWS), 'row')}**")
    st.dataframe(preview_rows(dataset), hide_index=True, height=260, placeholder="", alt="First rows of the table")


def preview_rows(dataset: Dataset) -> pd.DataFrame:
    """The first rows: the tasks first, classes by their names, then the features; pixels are not shown."""
    targets = dataset.targets.head(PREVIEW_ROWS)
    named = {
        f"task: {task.name}": _named(targets[task.name], task.classes) if task.classes else targets[task.name]
        for task in dataset.tasks
    }
    features = dataset.features.head(PREVIEW_ROWS) if dataset.image_shape is None else pd.DataFrame()
    return pd.concat([pd.DataFrame(named), features], axis=1)


def _named(codes: pd.Series, classes: tuple[str, ...]) -> pd.Series:
    return codes.map(dict(enumerate(classes)))


@st.cache_data(max_entries=64, show_spinner=False)
def _task_rows(fingerprint: str, _dataset: Dataset) -> pd.DataFrame:
    rows = describe(_dataset)
    bars = shapes(_dataset)
    table = rows[["task", "kind", "labels", "missing"]].assign(shape=bars["bars"])
    return table.assign(scale=[_scale(row) for _, row in rows.iterrows()])


def _scale(row: pd.Series) -> str:
    """Class shares, or smallest to largest with mean and deviation."""
    if row["classes"] or pd.isna(row["mean"]):
        return str(row["classes"])
    low, high, mean, spread = (number(row[name]) for name in ("minimum", "maximum", "mean", "deviation"))
    return f"{low} to {high}{' ' + row['unit'] if row['unit'] else ''}, mean {mean}, deviation {spread}"


@st.cache_data(max_entries=64, show_spinner=False)
def _correlations(fingerprint: str, _dataset: Dataset) -> tuple[pd.DataFrame, str]:
    names = association_measures(_dataset).to_numpy().ravel().tolist()
    return target_correlations(_dataset), ", ".join(sorted({name for name in names if name}))


@st.cache_data(max_entries=64, show_spinner=False)
def _coverage(fingerprint: str, _dataset: Dataset) -> pd.DataFrame:
    return label_coverage(_dataset)


@st.cache_data(max_entries=64, show_spinner=False)
def _sizes(fingerprint: str, folds: int, seed: int, _dataset: Dataset) -> pd.DataFrame:
    """Least to most labels over the folds, as words."""
    sizes = split_sizes(_dataset, folds, seed)
    table = sizes[["task"]].rename(columns={"task": "Task"})
    for part, words in (("train", "Train"), ("validation", "Validate"), ("test", "Test")):
        pairs = zip(sizes[f"{part} least"], sizes[f"{part} most"], strict=True)
        table[words] = [f"{low:,}" if low == high else f"{low:,} to {high:,}" for low, high in pairs]
    return table


@st.cache_data(max_entries=64, show_spinner=False)
def _inputs(fingerprint: str, _dataset: Dataset) -> int:
    return len(encoded_names(_dataset))
