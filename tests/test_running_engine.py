"""The engine as it really runs: processes that are killed, closed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from sqlalchemy import select

from mtl_core.api import Lab
from mtl_core.experiment import Experiment, Training
from mtl_core.running.workers import SETTINGS, Workers
from mtl_core.store.tables import engine
from tests.told import assert_same, told, uncut
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def own_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab with an engine of its own and one worker, to be treated badly."""
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path))
    monkeypatch.setenv("MTL_LAB_WORKERS", "1")
    lab = Lab()
    lab.ensure_engine()
    wait_until(lab.engine_ready)
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def long(small: Experiment) -> Experiment:
    """Some seconds of training, in a dozen slices."""
    plan = replace(small.plan, inits=3)
    return replace(small, plan=plan, training=Training(steps=4000, evaluate_every=400, batch_size=16))


def engine_pid(lab: Lab) -> int:
    with lab.database.reading() as connection:
        return int(connection.execute(select(engine.c.pid)).scalar_one())


def engine_process(lab: Lab) -> psutil.Process:
    return psutil.Process(engine_pid(lab))


def workers(lab: Lab) -> list[psutil.Process]:
    """Worker processes: children that have loaded torch."""
    return [child for child in engine_process(lab).children() if "spawn_main" in " ".join(child.cmdline())]


def test_no_end_of_a_process_loses_a_run_or_shows_in_the_numbers(own_lab: Lab, long: Experiment) -> None:
    run, paused = own_lab.submit(long), own_lab.submit(long, paused=True)
    wait_until(lambda: own_lab.run(run).step > 0)
    workers(own_lab)[0].send_signal(signal.SIGKILL)
    goes_on(own_lab, run)

    dead = engine_process(own_lab)
    dead.send_signal(signal.SIGKILL)
    wait_until(lambda: own_lab.engine_ready() and engine_pid(own_lab) != dead.pid)
    goes_on(own_lab, run)

    process, children = engine_process(own_lab), workers(own_lab)
    own_lab.close()
    assert not process.is_running()
    wait_until(lambda: not any(map(is_alive, children)))

    again = Lab()
    assert not again.engine_alive()
    assert (again.run(run).status, again.run(paused).status) == ("running", "paused")
    again.ensure_engine()
    wait_until(lambda: again.run(run).has_ended)
    record = again.run(run)
    assert (record.status, record.message, again.run(paused).status) == ("finished", "", "paused")
    assert_same(told(again.database, run), uncut(long))
    again.close()


def goes_on(lab: Lab, run: str) -> None:
    at = lab.run(run).step
    wait_until(lambda: lab.run(run).step > at + 20)
    assert lab.run(run).status == "running"


def is_alive(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


def test_a_lost_worker_comes_back_also_when_its_cluster_has_given_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS, "distributed.deploy.lost-worker-timeout", "1 ms")
    crew = Workers(1)
    first = crew.addresses()
    children = psutil.Process().children()
    worker = next(child for child in children if "spawn_main" in " ".join(child.cmdline()))
    worker.send_signal(signal.SIGKILL)
    wait_until(lambda: not crew.addresses())

    def is_back() -> bool:
        crew.look_after()
        return len(crew.addresses()) == len(first) == 1

    wait_until(is_back)
    assert crew.addresses() != first
    crew.close()
    assert crew._cluster is not None
    crew._cluster.close()


def test_a_second_engine_for_the_same_store_ends_in_peace(engine_lab: Lab) -> None:
    command = [sys.executable, "-m", "mtl_core.running.engine", "--store", engine_lab.url, "--detached"]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert second.returncode == 0
    assert "an engine serves" in second.stderr
    assert engine_lab.engine_alive()


def test_an_engine_without_a_store_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mtl_core.running.engine", "--store", f"sqlite:///{tmp_path}/no/such/folder"]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "cannot be opened" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_engine_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    environment = {**os.environ, "MTL_LAB_HOME": str(tmp_path)}
    program = "from mtl_core.api import Lab; lab = Lab(); lab.ensure_engine(); input()"
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, env=environment)
    lab = Lab(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    wait_until(lab.engine_alive)
    process = engine_process(lab)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not is_alive(process))
    wait_until(lambda: not lab.engine_alive())
    lab.close()


def test_commands_reach_a_run_on_real_workers(engine_lab: Lab, long: Experiment) -> None:
    run = engine_lab.submit(replace(long, training=replace(long.training, steps=1000)))
    wait_until(lambda: not engine_lab.history(run).is_empty)
    engine_lab.command(run, "pause")
    wait_until(lambda: engine_lab.run(run).status == "paused")
    engine_lab.change(run, "optimiser", "learning_rate", 0.01)
    engine_lab.command(run, "resume")
    wait_until(lambda: engine_lab.run(run).has_ended)
    turned = engine_lab.run(run).experiment
    assert [change.value for change in turned.changes] == [0.01]
    assert_same(told(engine_lab.database, run), uncut(turned))
