"""What one visitor has in hand: the lab, the settings on the Train page, the run that is looked at.

The settings live in the session and, compactly, in the page's address (`settings`), the run's id likewise (`run`):
a reload, a bookmark or a sent link finds both again. The addresses of other pages keep them, too: see `in_use`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

import streamlit as st

from mtl_core.data.upload_folders import expire_daily
from mtl_core.registry import InvalidInput
from pages.ui import addresses, in_use, text
from pages.ui.menu import link, through_the_menu

if TYPE_CHECKING:
    from mtl_core.api import Lab, Record, RunRecord
    from mtl_core.data.base import Dataset, Source
    from mtl_core.experiment import Experiment

EXAMPLE = "First example: penguins"

ECHO_SECONDS = 10.0
log = logging.getLogger("mtl_lab.pages")


@st.cache_resource(show_spinner=False)
def lab() -> Lab:
    """The one client of this process on the store; the engine is started when it is first asked for."""
    from mtl_core.api import Lab

    client = Lab()
    client.ensure_engine()
    if not client.records(limit=1):
        client.add_examples()
    # The first verdict needs it: half a second that nobody should wait for after the first click on Run.
    threading.Thread(target=import_module, args=("scipy.special",), daemon=True).start()
    return client


@contextmanager
def guard(what: str = "This part of the page") -> Iterator[None]:
    """Whatever goes wrong inside becomes one plain sentence; never a stack trace."""
    try:
        yield
    except InvalidInput as problem:
        st.error(as_sentence(str(problem)), icon=":material/error:")
    except Exception:
        log.exception("%s failed", what)
        st.error(
            f"{what} could not be shown. Your runs are safe; reload the page, and if this stays, "
            "look at the last lines of the terminal that serves it.",
            icon=":material/error:",
        )


def as_sentence(problem: str) -> str:
    """A message as a sentence that Streamlit shows letter for letter."""
    return text.plain(f"{problem[:1].upper()}{problem[1:].rstrip('.')}.")


# --- settings ---------------------------------------------------------------------------------------------------
def start() -> None:
    """Take up what the address names; else the first example. Called first on every page."""
    through_the_menu()
    with guard("The lab"):
        _take_up()
        return
    st.stop()


def _take_up() -> None:
    state, address = st.session_state, st.query_params
    if "base" not in state:
        state["generation"] = 0
        state["base"] = state["experiment"] = _from_address() or _kept() or _fresh()
    elif _names_other_settings() and (named := _from_address()) is not None:
        load(named)
    if "run" in address:
        state["run"] = address["run"]


def _names_other_settings() -> bool:
    """The address was changed by a link: other settings, or another run without settings of its own."""
    address = st.query_params
    if "settings" in address:
        return address["settings"] not in (addresses.compact(experiment()), *_just_written())
    return "run" in address and address["run"] != st.session_state.get("run")


def _kept() -> Experiment | None:
    """What was in use when another page than Train was reloaded."""
    found, run_id = in_use.read(lab().run)
    if run_id is not None:
        st.session_state["run"] = run_id
    return found


def _fresh() -> Experiment:
    """The example, taken into view: every page opens on an answer. Where it is gone, the first experiment."""
    found = example()
    if found is None:
        begun, run = addresses.first_experiment(), {}
    else:
        begun, run = addresses.in_force(found.experiment), {"run": found.id}
    st.session_state.update(run)
    st.session_state["fresh"] = {"settings": addresses.compact(begun), **run}
    return begun


def example(name: str = EXAMPLE) -> RunRecord | None:
    """A run that ships with the lab, unless it was renamed or deleted."""
    return next((run for run in lab().runs(text=name) if run.name == name), None)


def _from_address() -> Experiment | None:
    """What the address asks for; None, with a word, when it cannot be had."""
    try:
        named = lab().run(st.query_params["run"]).experiment if "run" in st.query_params else None
        if "settings" in st.query_params:
            return addresses.parsed(st.query_params["settings"], None if named is None else named.data)
        return None if named is None else addresses.in_force(named)
    except InvalidInput as problem:
        st.toast(as_sentence(str(problem)))
        for name in ("settings", "run"):
            st.query_params.pop(name, None)
    return None


def generation() -> int:
    """Counts how often other settings were loaded; part of every widget's key."""
    return int(st.session_state.get("generation", 0))


def base() -> Experiment:
    """Where this generation's widgets began."""
    return st.session_state["base"]  # type: ignore[no-any-return]


def experiment() -> Experiment:
    """What the controls say now."""
    return st.session_state["experiment"]  # type: ignore[no-any-return]


def keep(experiment: Experiment) -> None:
    """Remember what the controls say, in the session and in the address."""
    st.session_state["experiment"] = experiment
    written, before = addresses.compact(experiment), st.query_params.get("settings")
    if before != written:
        left = [] if before is None else [before]
        now = [(time.monotonic(), address) for address in (*left, written)]
        st.session_state["written"] = [*st.session_state.get("written", []), *now][-100:]
        st.query_params["settings"] = written


def _just_written() -> list[str]:
    """Addresses that this page wrote or left a moment ago: quick clicks still carry one from before the last."""
    since = time.monotonic() - ECHO_SECONDS
    return [address for when, address in st.session_state.get("written", []) if when > since]


def load(experiment: Experiment) -> None:
    """Put the controls to other settings: a run's, a lesson's, a method card's."""
    st.session_state["generation"] = generation() + 1
    st.session_state["base"] = addresses.without_changes(experiment)
    keep(st.session_state["base"])


def use_data(source: Source, tasks: tuple[str, ...] = ()) -> None:
    """Change the data, keep the other settings. No tasks named = all that the data has."""
    from mtl_core.weighting.base import weightings

    now = experiment()
    chosen = tasks or tuple(task.name for task in lab().dataset(source).tasks)
    weighting = weightings[now.weighting.name].from_settings(
        {k: v for k, v in now.weighting.settings().items() if not isinstance(v, list)}
    )
    plan = replace(now.plan, new_data=now.plan.new_data and source.draws)
    suited = addresses.suited(now, source)
    load(replace(now, data=source, tasks=chosen, weighting=weighting, plan=plan, changes=(), **suited))


def dataset() -> Dataset:
    """The data in use, whole. Raises `InvalidInput` when it cannot be had."""
    return lab().dataset(experiment().data)


# --- the run in view ----------------------------------------------------------------------------------------------
def attached() -> str | None:
    """Id of the run that Train shows, or None."""
    return st.session_state.get("run")


def record() -> RunRecord | None:
    """The run in view, or None; an address that names no run is forgotten with a word."""
    run_id = attached()
    if run_id is None:
        return None
    try:
        found = lab().run(run_id)
    except InvalidInput as problem:
        detach()
        st.toast(as_sentence(str(problem)))
        return None
    st.query_params["run"] = run_id
    return found


def attach(run_id: str) -> None:
    """Show this run on Train; its id goes into the address."""
    st.session_state["run"] = run_id
    st.query_params["run"] = run_id


def detach() -> None:
    st.session_state.pop("run", None)
    st.query_params.pop("run", None)


def open_run(run_id: str) -> None:
    """Go to Train with this run in view and the controls at the settings in force in it."""
    load(addresses.in_force(lab().run(run_id).experiment))
    st.session_state["run"] = run_id
    st.switch_page("pages/train.py", query_params={"run": run_id})


SHARED = {"train": "Train", "adapt": "New tasks"}
"""Pages that an address can open with settings, and what they are called."""
PLACES = {"training": ("train", "run"), "adaptation": ("adapt", "adaptation")}
"""Kind of run -> the page that shows it, and the name of its id in that page's address."""


def place_of(record: Record) -> tuple[str, dict[str, str]]:
    """The page on which a run of any kind is looked at, and the words of its address."""
    page, name = PLACES[record.experiment.kind]
    return page, {name: record.id}


def open_record(record: Record) -> None:
    """Go to the page that shows this run."""
    page, query = place_of(record)
    if page == "train":
        open_run(record.id)
    st.switch_page(f"pages/{page}.py", query_params=query)


def open_settings(experiment: Experiment) -> None:
    """Go to Train with these settings, ready to run."""
    load(experiment)
    st.session_state.pop("run", None)
    st.switch_page("pages/train.py", query_params={})


# --- the frame of every page ------------------------------------------------------------------------------------
def frame(page: str = "train", address: dict[str, str] | None = None, *, words: str = "") -> None:
    """The slim line under the menu: data and tasks in use, what trains and what waits, what to share.

    page, address: what a shared address opens, where it is not Train with its settings and its run. words: those
    before the data, where other data may be in view.
    """
    start()
    in_use.write(_of_train(), st.session_state.get("fresh"))
    with guard("Clearing old tables away"):
        expire_daily()
    with guard("The line under the menu"):
        _line(page, _of_train() if address is None else address, words)


def _line(page: str, address: dict[str, str], words: str) -> None:
    now, data = experiment(), dataset()
    names = [text.plain(text.cut(name, 20)) for name in now.tasks]
    with st.container(horizontal=True, key="frame", vertical_alignment="center", gap="medium"):
        link("data", f"{words} {text.plain(text.cut(data.title, 30))} · {text.plural(len(names), 'task')}".strip())
        st.caption(text.listing(names[:4] + ([f"{len(names) - 4} more"] if len(names) > 4 else [])), width="content")
        st.caption(_at_work(), width="content")
        _share(page, address)


def _of_train() -> dict[str, str]:
    return {"settings": addresses.compact(experiment())} | ({"run": run_id} if (run_id := attached()) else {})


def _share(page: str, address: dict[str, str]) -> None:
    with st.popover("Share", type="tertiary", icon=":material/link:"):
        where, what = SHARED[page], " and this run" if len(address) > 1 else ""
        st.caption(f"This address opens {where} with these settings{what}, for whoever can reach this lab.")
        st.code(f"{urljoin(st.context.url or '', page)}?{urlencode(address)}", language=None, wrap_lines=True)


def _at_work() -> str:
    running = lab().records(status="running", limit=3)
    said = [f"{text.plain(text.cut(run.name or run.data_title, 20))} is training" for run in running]
    for status, word in (("queued", "waiting"), ("paused", "paused")):
        if others := lab().records(status=status, limit=100):
            said.append(f"{text.plural(len(others), 'run')} {word}")
    return text.listing(said) or "nothing is training"
