"""A person's own table on the Data page, as tests bring and change it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from tests.room import Room, said

ROWS = 60
TABLE = pd.DataFrame(
    {
        "subject": [f"s{i % 12}" for i in range(ROWS)],
        "age": np.arange(ROWS) % 37,
        "colour": ["red", "green", "blue"] * (ROWS // 3),
        "weight": np.where(np.arange(ROWS) % 10 == 0, np.nan, np.sin(np.arange(ROWS))),
        "healthy": ["yes", "no"] * (ROWS // 2),
    }
)


def open_shelf(place: Room, name: str) -> AppTest:
    at = place.open("data")
    at.session_state["shelf"] = name
    return at.run()


def drop(place: Room, content: bytes, name: str = "mine.csv") -> AppTest:
    at = open_shelf(place, "table")
    at.file_uploader(key="file").upload(name, content, "text/csv").run()
    return at


def csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def edit(at: AppTest, **changes: dict[str, str]) -> AppTest:
    """Change cells of the table of roles: column of the upload -> {cell: new value}."""
    editor = at.data_editor[0]
    names = list(editor.value["column"])
    rows = {names.index(name): cells for name, cells in changes.items()}
    at.session_state[editor.key or ""] = {"edited_rows": rows, "added_rows": [], "deleted_rows": []}
    return at.run()


def tasks_in_view(at: AppTest) -> list[str]:
    """The tasks of the data set on the right."""
    return list(next(frame.value["task"] for frame in at.dataframe if "labels" in frame.value))


def told(at: AppTest) -> str:
    """What is said, without the marks that keep it plain."""
    return _shown(said(at))


def _shown(text: str) -> str:
    return text.replace("\\", "").replace("\u2060", "")


def undos(at: AppTest) -> list[str]:
    """The fixes that can be taken back, as their buttons say them."""
    return [label for each in at.button if (label := _shown(each.label)).startswith("Undo: ")]


def undo(at: AppTest, what: str) -> AppTest:
    """Take one fix back; `what` is a part of its words."""
    found = [each for each in at.button if _shown(each.label).startswith("Undo: ") and what in _shown(each.label)]
    return found[0].click().run()
