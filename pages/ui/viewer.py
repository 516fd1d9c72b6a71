"""Examples from a data set that can be looked at or read: a strip of pictures, or a few texts, with their labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from mtl_core.data.base import Dataset
from mtl_core.data.images import pictures
from mtl_core.tasks import TaskSpec
from pages.ui.text import cut, listing, number, plain

PICTURES, TEXTS = 14, 4
SIDE = 96
"""Pixels of a picture's longer side on the page, about; its own pixels are drawn as squares."""
LONGEST = 300
"""Characters of a text that are shown."""


def examples(dataset: Dataset) -> None:
    """Some rows as people see them, and a button for others; nothing for a plain table."""
    if dataset.image_shape is None and not dataset.texts:
        return
    many = PICTURES if dataset.image_shape else TEXTS
    key = f"examples.{dataset.fingerprint}"
    begin = int(st.session_state.get(key, 0)) % dataset.n_rows
    rows = slice(begin, min(begin + many, dataset.n_rows))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**Rows {rows.start + 1:,} to {rows.stop:,} of {dataset.n_rows:,}**", width="content")
        if dataset.n_rows > many:
            turned = (key, rows.stop % dataset.n_rows)
            st.button("Others", key=f"others.{key}", icon=":material/refresh:", on_click=_turn, args=turned)
    said = labels(dataset, rows)
    if dataset.image_shape:
        strip(framed(shaded(pictures(dataset, rows)), dataset, rows), said)
        order = listing([cut(task.name) for task in said_tasks(dataset)])
        frames = f". White: {listing([cut(name) for name in dataset.boxes])}" if dataset.boxes else ""
        st.caption(plain(f"Beneath each picture: {order}{frames}"))
        return
    for text, values in zip(written(dataset, rows), said, strict=True):
        named = [f"{cut(task.name)} {value}" for task, value in zip(said_tasks(dataset), values, strict=True)]
        with st.container(border=True):
            st.markdown(plain(text))
            st.caption(plain(" · ".join(named)))


def strip(shown: NDArray[np.uint8], said: list[list[str]]) -> None:
    """Pictures side by side, with the values of their labels."""
    with st.container(horizontal=True, gap="small"):
        for picture, values in zip(shown, said, strict=True):
            st.image(picture, plain(" · ".join(values)), SIDE, output_format="PNG")


def framed(shown: NDArray[np.uint8], dataset: Dataset, rows: slice) -> NDArray[np.uint8]:
    """The same with a white frame for each task that frames a thing."""
    assert dataset.image_shape is not None
    times = shown.shape[1] // dataset.image_shape[0]
    for boxes in dataset.boxes.values():
        for picture, box in zip(shown, boxes[rows], strict=True):
            if not np.isnan(box).any():
                left, top, right, bottom = np.clip(np.rint(box * times), 0, len(picture) - 1).astype(int)
                picture[[top, bottom], left : right + 1] = picture[top : bottom + 1, [left, right]] = 255
    return shown


def said_tasks(dataset: Dataset) -> list[TaskSpec]:
    """The tasks whose labels are words or numbers; frames are drawn."""
    return [task for task in dataset.tasks if not task.method.in_boxes]


def labels(dataset: Dataset, rows: slice) -> list[list[str]]:
    """Of each row, a word for each task but frames: its class or its number; a dash where there is no label."""
    tasks = said_tasks(dataset)
    shown = dataset.targets.iloc[rows][[task.name for task in tasks]].to_numpy(float)
    return [[_label(task, value) for task, value in zip(tasks, row, strict=True)] for row in shown]


def shaded(shown: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pictures [N, H, W, C] as bytes, each pixel a square; black is the darkest of all these, white the lightest."""
    low, high = float(shown.min()), float(shown.max())
    if shown.shape[-1] == 3:  # colours are as they are; noise may leave the range
        low, high = 0.0, 1.0
    bytes_ = np.clip(255 * (shown - low) / ((high - low) or 1.0), 0, 255).astype(np.uint8)
    times = max(SIDE // max(shown.shape[1:3]), 1)
    large = bytes_.repeat(times, 1).repeat(times, 2)
    return np.asarray(large if shown.shape[-1] == 3 else large[..., 0])


def written(dataset: Dataset, rows: slice) -> list[str]:
    """The texts of each row, the columns one after the other; long ones are cut in the middle."""
    found: pd.DataFrame = dataset.features.iloc[rows][list(dataset.texts)].fillna("")
    return [" · ".join(cut(text, LONGEST) for text in row if text) for row in found.astype(str).to_numpy(object)]


def _label(task: TaskSpec, value: float) -> str:
    return cut(task.classes[int(value)]) if task.classes and not np.isnan(value) else number(value)


def _turn(key: str, begin: int) -> None:
    st.session_state[key] = begin
