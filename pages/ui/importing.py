"""An experiment from a JSON file: one that was exported here, or written by hand."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from mtl_core.data.table import CsvFile
from mtl_core.evaluation.report import settings_in_words
from mtl_core.experiment import Experiment
from mtl_core.meta.adaptation import Adaptation
from mtl_core.registry import InvalidInput
from mtl_core.running.imports import check_table_is_here
from mtl_core.store.records import Wish
from pages.ui import session, text

LIMIT_MB = 1


def import_form() -> None:
    """Drop a file, see what it says, run it or open it."""
    st.markdown("**Import an experiment**")
    st.file_uploader(
        "Experiment file", key="import.file", on_change=take, label_visibility="collapsed", max_upload_size=LIMIT_MB
    )
    if problem := st.session_state.get("import.problem"):
        st.error(f"{text.plain(problem)}.", icon=":material/error:")
    found: Wish | None = st.session_state.get("import.experiment")
    if found is None:
        st.caption("A JSON file that was exported from a run, here or elsewhere.")
        return
    for name, words in told(found).items():
        st.caption(f"{name}: {text.plain(text.cut(words, 80))}")
    with st.container(horizontal=True, gap="small"):
        if st.button("Run it", type="primary", key="import.run"):
            session.lab().submit(found, name=st.session_state["import.name"])
            forget()
            st.rerun()
        if isinstance(found, Experiment) and st.button("Open on Train", key="import.open"):
            forget()
            session.open_settings(found)


def told(found: Wish) -> dict[str, str]:
    """What a file asks for, in a few words."""
    if isinstance(found, Adaptation):
        return {
            "New tasks of": found.family.title,
            "Who learns": text.listing([each.called for each in found.units]),
        }
    words = settings_in_words(found)
    return {name: words[name] for name in ("Data", "Tasks", "How to share", "Loss weights") if name in words}


def take() -> None:
    """A file was dropped: keep the experiment, or the sentence that says why there is none."""
    forget()
    file = st.session_state["import.file"]
    if file is None:
        return
    try:
        experiment, name = read(file.getvalue(), file.name)
        if isinstance(experiment, Experiment):
            session.lab().dataset(experiment.data).choose(experiment.tasks)
    except InvalidInput as problem:
        st.session_state["import.problem"] = str(problem)
    else:
        st.session_state["import.experiment"], st.session_state["import.name"] = experiment, name


def read(content: bytes, filename: str) -> tuple[Wish, str]:
    """The experiment in a JSON file, bare or within an exported run, and its name.

    Raises `InvalidInput` with one sentence when there is none, and when it would read a file of this machine.
    """
    value = parse(content, filename)
    asked = value.get("experiment", value)
    learns_to_learn = isinstance(asked, dict) and "family" in asked
    experiment: Wish = Adaptation.from_json(asked) if learns_to_learn else Experiment.from_json(asked)
    if isinstance(experiment.data, CsvFile):
        raise InvalidInput("this experiment names a file on a disk; upload that table on the Data page")
    check_table_is_here(experiment, value.get("data"))
    return experiment, str(value.get("name") or filename.removesuffix(".json"))


def parse(content: bytes, filename: str) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError as error:
        raise InvalidInput(f"{filename} is no JSON file ({error}); choose one that was exported here") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{filename} holds no experiment but a list or a value; choose one that was exported here")
    return value


def forget() -> None:
    for key in ("import.experiment", "import.problem", "import.name"):
        st.session_state.pop(key, None)
