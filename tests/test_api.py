"""The lab as pages and scripts use it, with an engine that really trains."""

from __future__ import annotations

import gc
import io
import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from mtl_core.api import Lab
from mtl_core.experiment import Experiment
from mtl_core.registry import InvalidInput
from mtl_core.weighting.by_loss import Fixed
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def finished(engine_lab: Lab, small: Experiment) -> str:
    """A run that was trained to its end."""
    run = engine_lab.submit(replace(small, weighting=Fixed()), name="the small one")
    wait_until(lambda: engine_lab.run(run).has_ended)
    return run


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab whose engine was never started."""
    return Lab(f"sqlite:///{tmp_path / 'runs.sqlite'}")


def test_a_finished_run_has_history_verdict_and_times(engine_lab: Lab, finished: str) -> None:
    record = engine_lab.run(finished)
    assert (record.status, record.step, record.steps) == ("finished", 40, 40)
    assert record.started is not None
    assert record.ended is not None
    assert record.created <= record.started <= record.ended
    assert (record.steps_per_second, record.seconds_left, record.position) == (None, None, None)
    history = engine_lab.history(finished)
    assert list(history.summary("hard", 0, "validation")["step"]) == [0, 10, 20, 30, 40]
    assert [each.folds for each in engine_lab.comparison(finished).verdicts] == [5, 5]


def test_the_history_of_a_run_is_kept_and_only_added_to(engine_lab: Lab, finished: str) -> None:
    assert engine_lab.history(finished) is engine_lab.history(finished)
    assert engine_lab.comparison(finished) is engine_lab.comparison(finished)


def test_another_client_of_the_store_sees_the_same(engine_lab: Lab, finished: str) -> None:
    other = Lab(engine_lab.url)
    assert other.run(finished) == engine_lab.run(finished)
    assert other.comparison(finished) == engine_lab.comparison(finished)
    pd.testing.assert_frame_equal(other.history(finished).frame(), engine_lab.history(finished).frame())
    other.close()


def test_exports_are_a_table_and_an_experiment_that_can_be_run_again(engine_lab: Lab, finished: str) -> None:
    table = pd.read_csv(io.StringIO(engine_lab.export_csv(finished)))
    assert {"arm", "task", "fold", "init", "step", "quantity", "value"} <= set(table.columns)
    assert table["value"].notna().all()
    told = json.loads(engine_lab.export_json(finished))
    assert Experiment.from_json(told["experiment"]) == engine_lab.run(finished).experiment
    assert told["name"] == "the small one"


def test_runs_can_be_found_renamed_annotated_and_deleted(lab: Lab, small: Experiment) -> None:
    first, second = lab.submit(small, name="first"), lab.submit(small, name="second")
    lab.rename(first, "number one")
    lab.annotate(first, "a note")
    assert [each.id for each in lab.runs()] == [second, first]
    assert [each.note for each in lab.runs(text="ONE")] == ["a note"]
    assert [each.id for each in lab.runs(data=lab.run(first).data_title, status="queued", limit=1)] == [second]
    lab.delete(first)
    assert [each.id for each in lab.runs()] == [second]
    with pytest.raises(InvalidInput, match="there is no run"):
        lab.history(first)


def test_an_experiment_that_does_not_fit_its_data_is_refused_at_once(lab: Lab, small: Experiment) -> None:
    with pytest.raises(InvalidInput, match="has no task 'task 9'"):
        lab.submit(replace(small, tasks=("task 1", "task 9")))
    assert not lab.runs()


def test_only_live_knobs_of_runs_that_train_can_be_turned(engine_lab: Lab, finished: str, small: Experiment) -> None:
    with pytest.raises(InvalidInput, match="this run is finished"):
        engine_lab.change(finished, "optimiser", "learning_rate", 0.1)
    run = engine_lab.submit(small, paused=True)
    with pytest.raises(InvalidInput, match="cannot change during a run"):
        engine_lab.change(run, "optimiser", "weight_decay", 0.1)
    with pytest.raises(InvalidInput, match="must lie in"):
        engine_lab.change(run, "optimiser", "learning_rate", -1.0)
    with pytest.raises(InvalidInput, match="cannot change during a run"):
        engine_lab.change(run, "trunk", "width", 3)
    with pytest.raises(InvalidInput, match="there is no command 'explode'"):
        engine_lab.command(run, "explode")
    engine_lab.delete(run)


def test_a_run_without_an_engine_waits(lab: Lab, small: Experiment) -> None:
    run = lab.submit(small)
    assert (lab.engine_alive(), lab.engine_ready()) == (False, False)
    assert (lab.run(run).status, lab.run(run).position) == ("queued", 1)
    assert lab.history(run).is_empty
    assert lab.comparison(run).provisional


def test_the_price_is_known_before_the_click(engine_lab: Lab, lab: Lab, small: Experiment) -> None:
    measured, unmeasured = engine_lab.estimate(small), lab.estimate(small)
    assert (unmeasured.networks, unmeasured.seconds) == (15, None)
    assert measured.seconds is not None
    assert measured.seconds > 0
    inputs = len(lab.dataset(small.data).features.columns)
    assert unmeasured.parameters == {"hard": (inputs + 1) * 4 + 2 * (4 + 1)}
    larger = replace(small, plan=replace(small.plan, inits=10))
    assert engine_lab.estimate(larger).networks == 150
    assert (engine_lab.estimate(larger).seconds or 0) > measured.seconds


def test_a_client_that_is_forgotten_takes_its_engine_and_its_watching_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path))
    before = set(threading.enumerate())
    witness, client = Lab(), Lab()
    client.ensure_engine()
    wait_until(witness.engine_alive)
    watching = set(threading.enumerate()) - before
    assert watching
    del client
    gc.collect()
    wait_until(lambda: not witness.engine_alive())
    wait_until(lambda: not any(thread.is_alive() for thread in watching))


def test_a_client_never_loads_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from mtl_core.api import Lab; import mtl_core.cli; "
        f"lab = Lab('sqlite:///{tmp_path}/runs.sqlite'); lab.runs(); lab.engine_alive(); "
        "print([name for name in ('torch', 'distributed', 'streamlit') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
