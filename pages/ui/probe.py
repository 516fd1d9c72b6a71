"""The probe on the Data page: one click, half a minute, "share or not?" with its doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mtl_core.evaluation.report import sharing_titles
from mtl_core.registry import InvalidInput
from pages.ui import session, text
from pages.ui.charts_results import reach
from pages.ui.suggest import full
from pages.ui.verdict_view import gains, verdict_view

if TYPE_CHECKING:
    from mtl_core.data.base import Dataset, Source
    from mtl_core.experiment import Experiment
    from mtl_core.probing import Probed

EVERY = 1.0
TIP = (
    "Networks alone are tuned first (two widths, two learning rates); then hard sharing and cross-stitch have to beat "
    "them under the same settings, over 5 folds with 3 starts each."
)


def probe(source: Source, tasks: tuple[str, ...]) -> None:
    """The button, and beneath it how far the probe is or what it found."""
    question = (source, tasks)
    with session.guard("The probe"):
        clicked = st.button("Share or not? Ask a probe", icon=":material/bolt:", help=TIP, disabled=len(tasks) < 2)
        if clicked:
            st.session_state["probe"] = question
        if st.session_state.get("probe") == question:
            _follow(source, tasks, clicked)


def _follow(source: Source, tasks: tuple[str, ...], clicked: bool) -> None:
    from mtl_core import probing

    key = f"probing.{hash((source, tasks))}"
    if clicked or key not in st.session_state:
        st.session_state[key] = probing.plan(session.lab(), source, tasks)
    candidates, seconds = st.session_state[key]
    found = probing.look(session.lab(), candidates, afresh=clicked)
    if found.has_ended:
        _answer(found)
    else:
        st.fragment(_progress, run_every=EVERY)(candidates, seconds)


def _progress(candidates: tuple[Experiment, ...], seconds: float | None) -> None:
    from mtl_core import probing

    with session.guard("The probe"):
        found = probing.look(session.lab(), candidates)
        if found.has_ended:
            st.rerun()
        stage = "Networks alone are tuned" if found.settings is None else "Sharing against the tuned networks alone"
        time = "" if seconds is None else f"; in all {text.about(seconds)}"
        st.progress(found.done, text=f"{stage}{time}")


def _answer(found: Probed) -> None:
    from mtl_core.probing import settings_words

    lab = session.lab()
    record = lab.run(found.study or "")
    if record.status != "finished":
        raise InvalidInput(f"the probe's last run was {record.status}: {record.message or 'ask again to repeat it'}")
    comparison, data = lab.comparison(record.id), lab.dataset(record.experiment.data)
    span = reach(gains(comparison.verdicts))
    for column, (key, title) in zip(st.columns(2), sharing_titles(record.experiment).items(), strict=True):
        with column, st.container(border=True):
            st.markdown(f"**{text.plain(title)}**")
            verdict_view(comparison, key, f"probe-{record.id}-{key}", span)
    st.caption(text.plain(f"{settings_words(record.experiment)} {_longer(data, record.experiment)}"))
    left, right = st.columns(2)
    if left.button("See its curves", icon=":material/show_chart:", width="stretch"):
        session.open_run(record.id)
    if right.button("Make it a full verdict", icon=":material/play_arrow:", width="stretch"):
        session.open_settings(full(record.experiment))


def _longer(data: Dataset, experiment: Experiment) -> str:
    """What a longer study would add."""
    from mtl_core.evaluation.resolution import smallest_effect

    now, then = (smallest_effect(each.plan, data.n_rows, data.split) for each in (experiment, full(experiment)))
    if now is None or then is None:
        return ""
    return (
        f"This probe can tell effects of about {text.percent(now)} from chance; a full verdict (10 folds x 3 starts) "
        f"tells about {text.percent(then)}, and other sharing types and weightings may do better than these two."
    )
