"""The store: what goes in comes out, one writer, and errors as sentences."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text, update

from mtl_core.data.base import Source
from mtl_core.experiment import Experiment
from mtl_core.meta.adaptation import Adaptation
from mtl_core.meta.by_trunk import Scratch
from mtl_core.meta.generated import Sinusoids
from mtl_core.registry import InvalidInput
from mtl_core.store import claims, runs, tables, upgrades
from mtl_core.store.claims import Claim, ClaimLost
from mtl_core.store.database import Database, StoreFailure, StoreFull
from mtl_core.store.journal import Fact, Journal, RunGone, Saved
from mtl_core.store.records import RunRecord
from mtl_core.store.runs import Facts
from mtl_core.tasks import TaskSpec

TASKS = (TaskSpec("task 1", "regression"), TaskSpec("task 2", "regression"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def journal(database: Database) -> Journal:
    claim = Claim(database)
    assert claim.take()
    return Journal(database, claim)


def add(database: Database, experiment: Experiment, name: str = "", title: str = "Dial", note: str = "") -> str:
    return runs.add(database, experiment, Facts(TASKS, 20, title, "abc"), name, note, paused=False)


def fact(step: int, words: str = "{}") -> Fact:
    return Fact(unit=0, step=step, kind="progress", text=words)


# --- runs -------------------------------------------------------------------------------------------------------
def test_a_run_comes_back_as_it_was_handed_in(database: Database, small: Experiment) -> None:
    record = runs.get(database, add(database, small, "a name", note="a note"))
    assert isinstance(record, RunRecord)
    assert (record.experiment, record.tasks, record.inputs) == (small, TASKS, 20)
    assert (record.name, record.note, record.status, record.position) == ("a name", "a note", "queued", 1)
    assert (record.step, record.steps, record.shape.outputs) == (0, 40, (1, 1))


def test_runs_are_found_newest_first_by_text_status_and_data(
    database: Database, journal: Journal, small: Experiment
) -> None:
    first = add(database, small, "100% related")
    second = add(database, small, "second", "Penguins", note="100 related")
    journal.end(first, "finished")
    everything = {"text": "", "status": "", "data": "", "limit": 10}

    def found(**wanted: Any) -> list[str]:
        return [each.id for each in runs.find(database, **{**everything, **wanted})]

    assert found() == [second, first]
    assert found(text="100%") == [first]  # a percent sign is no wildcard
    assert found(text="PENG") == [second]
    assert found(status="finished") == [first]
    assert found(data="Penguins") == [second]
    assert found(limit=1) == [second]


def test_places_in_the_queue_are_counted_among_runs_that_wait(
    database: Database, journal: Journal, small: Experiment
) -> None:
    first, second = add(database, small), add(database, small)
    assert runs.get(database, second).position == 2
    journal.write(first, status="running")
    assert (runs.get(database, first).position, runs.get(database, second).position) == (None, 1)


def test_a_run_can_be_renamed_annotated_and_forgotten(database: Database, journal: Journal, small: Experiment) -> None:
    run = add(database, small)
    runs.describe(database, run, name="<b>new</b>", note="$x$")
    assert (runs.get(database, run).name, runs.get(database, run).note) == ("<b>new</b>", "$x$")
    journal.write(run, facts=[fact(0)], saved=[Saved(0, 5, b"state")])
    runs.remove(database, run)
    with pytest.raises(InvalidInput, match="there is no run"):
        runs.get(database, run)
    assert not runs.said(database, run)
    assert not journal.saved(run)


def test_a_run_that_is_not_understood_does_not_hide_the_others(database: Database, small: Experiment) -> None:
    good, bad = add(database, small), add(database, small)
    with database.writing() as connection:
        connection.execute(update(tables.runs).where(tables.runs.c.id == bad).values(experiment='{"data": 1}'))
    assert [each.id for each in runs.find(database, "", "", "", 10)] == [good]


# --- what the engine writes -----------------------------------------------------------------------------------------
def test_a_fact_said_twice_is_kept_once(database: Database, journal: Journal, small: Experiment) -> None:
    run = add(database, small)
    journal.write(run, facts=[fact(0, "first"), fact(10)], step=10)
    journal.write(run, facts=[fact(0, "again"), fact(20)], step=20)
    said = runs.said(database, run)
    assert [words for _, words in said] == ["first", "{}", "{}"]
    assert [words for _, words in runs.said(database, run, after=said[1][0])] == ["{}"]
    assert runs.get(database, run).step == 20


def test_of_each_stack_the_newest_state_is_kept(database: Database, journal: Journal, small: Experiment) -> None:
    run = add(database, small)
    journal.write(run, saved=[Saved(0, 5, b"a"), Saved(1, 5, b"b")])
    journal.write(run, saved=[Saved(0, 9, b"c")])
    assert journal.saved(run) == {0: Saved(0, 9, b"c"), 1: Saved(1, 5, b"b")}
    journal.end(run, "finished")
    assert not journal.saved(run)


def test_nothing_is_written_for_a_run_that_was_deleted(database: Database, journal: Journal, small: Experiment) -> None:
    run = add(database, small)
    runs.remove(database, run)
    with pytest.raises(RunGone):
        journal.write(run, facts=[fact(0)], saved=[Saved(0, 5, b"a")])
    assert not runs.said(database, run)
    assert not journal.saved(run)


def test_commands_wait_in_order_until_they_are_done(database: Database, journal: Journal, small: Experiment) -> None:
    run = add(database, small)
    runs.command(database, run, "pause")
    runs.command(database, run, "change", {"part": "optimiser", "knob": "learning_rate", "value": 0.1})
    waiting = journal.inbox()
    assert [each.word for each in waiting] == ["submit", "pause", "change"]
    assert waiting[2].payload["value"] == 0.1
    journal.done(waiting[:2])
    assert [each.word for each in journal.inbox()] == ["change"]


# --- one writer, many readers ---------------------------------------------------------------------------------------
def test_one_engine_serves_a_store_until_it_lets_go(database: Database) -> None:
    first, second = Claim(database), Claim(database)
    assert not claims.is_served(database)
    assert first.take()
    assert claims.is_served(database)
    assert not second.take()
    first.release()
    assert second.take()


def test_an_engine_whose_process_is_gone_is_replaced_at_once(database: Database) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert Claim(database).take()
    with database.writing() as connection:
        connection.execute(update(tables.engine).values(pid=child.pid))
    assert Claim(database).take()


def test_an_engine_on_another_machine_counts_as_gone_when_it_is_silent(database: Database) -> None:
    assert Claim(database).take()
    with database.writing() as connection:
        connection.execute(update(tables.engine).values(host="elsewhere"))
    assert not Claim(database).take()
    with database.writing() as connection:
        connection.execute(update(tables.engine).values(beat=tables.engine.c.beat - claims.SILENCE - 1))
    assert Claim(database).take()


def test_an_engine_that_lost_its_claim_writes_nothing(database: Database, journal: Journal, small: Experiment) -> None:
    run = add(database, small)
    journal.claim.release()
    assert Claim(database).take()
    with pytest.raises(ClaimLost):
        journal.write(run, facts=[fact(0)])
    with pytest.raises(ClaimLost):
        journal.end(run, "failed")
    with pytest.raises(ClaimLost):
        journal.claim.beat()
    assert not runs.said(database, run)
    assert runs.get(database, run).status == "queued"


def test_readers_do_not_wait_for_a_writer(database: Database, small: Experiment) -> None:
    run = add(database, small, "before")
    with database.writing() as connection:
        connection.execute(update(tables.runs).values(name="during"))
        assert runs.get(database, run).name == "before"
    assert runs.get(database, run).name == "during"


def test_many_writers_lose_nothing(database: Database, small: Experiment) -> None:
    run = add(database, small)
    failures: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(20):
                runs.command(database, run, "pause")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM commands")).scalar() == 121


# --- what can go wrong ----------------------------------------------------------------------------------------------
def test_a_full_store_is_named_and_what_was_said_stays_readable(
    database: Database, journal: Journal, small: Experiment
) -> None:
    run = add(database, small)
    fill(database, journal, run)
    with pytest.raises(StoreFull, match=r"is full; free disk space or delete old runs"):
        journal.write(run, facts=[fact(10**6, "x" * 100_000)])
    journal.fail_for_want_of_room([run], "no room")
    record = runs.get(database, run)
    assert (record.status, record.message) == ("failed", "no room")
    assert runs.said(database, run)


def fill(database: Database, journal: Journal, run: str) -> None:
    """Allow the file a few pages more, and use them up."""
    with database.reading() as connection:
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    database.close()

    def limit(connection: Any, record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + 20}").close()

    event.listen(database.engine, "connect", limit)
    write_until_full(journal, run, 3_000, 0)


def write_until_full(journal: Journal, run: str, fact_bytes: int, state_bytes: int) -> None:
    with pytest.raises(StoreFull):  # noqa: PT012 - which of the writes is refused is the store's affair
        for step in range(10_000):
            journal.write(run, facts=[fact(step, "x" * fact_bytes)], saved=[Saved(0, step, b"s" * state_bytes)])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB; where nobody may mount one, the test is skipped."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if os.name != "posix" or mount is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only an administrator can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_on_a_full_disk_the_reserve_lets_the_last_word_be_written(small_disk: Path, small: Experiment) -> None:
    database = Database(f"sqlite:///{small_disk / 'runs.sqlite'}")
    database.hold_reserve()
    claim = Claim(database)
    assert claim.take()
    journal, run = Journal(database, claim), add(database, small)
    write_until_full(journal, run, 100_000, 200_000)
    journal.fail_for_want_of_room([run], "no room")
    claim.beat()
    assert runs.get(database, run).status == "failed"
    assert len(runs.said(database, run)) > 5
    assert not journal.saved(run)
    database.close()


def test_a_read_only_store_can_be_read_and_says_that_it_cannot_be_written(
    database: Database, small: Experiment
) -> None:
    run = add(database, small)
    locked = Database(f"sqlite:///file:{database.url.database}?mode=ro&uri=true")
    assert runs.get(locked, run).status == "queued"
    with pytest.raises(StoreFailure, match="is read-only; allow writing to it"):
        runs.command(locked, run, "pause")
    locked.close()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:////no/such/folder/runs.sqlite", "cannot be opened; check that its folder exists"),
        ("no address at all", "the store's address cannot be used"),
        ("fancydb://somewhere/else", "the store's address cannot be used"),
    ],
)
def test_an_address_that_leads_nowhere_is_named(url: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        Database(url)


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("this is not a database, whatever its name says. " * 100)
    with pytest.raises(StoreFailure, match="file is not a database"):
        Database(f"sqlite:///{tmp_path / 'text.sqlite'}")


def test_a_password_is_never_in_a_sentence() -> None:
    assert "secret" not in Database.title.fget(unopened("postgresql://me:secret@host/lab"))  # type: ignore[attr-defined]


def unopened(url: str) -> Database:
    from sqlalchemy.engine import make_url

    database = Database.__new__(Database)
    database.url = make_url(url)
    return database


# --- versions -------------------------------------------------------------------------------------------------------
def test_a_store_of_a_newer_version_is_refused(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(update(tables.schema).values(version=upgrades.VERSION + 1))
    with pytest.raises(InvalidInput, match="made by a newer version"):
        Database(str(database.url))


def test_an_older_store_is_upgraded_step_by_step_and_keeps_its_runs(
    database: Database, small: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add(database, small)
    seen: list[int] = []

    def step(number: int) -> Any:
        def upgrade(connection: Connection) -> None:
            connection.execute(text(f"ALTER TABLE runs ADD COLUMN extra_{number} TEXT"))
            seen.append(number)

        return upgrade

    now = upgrades.VERSION
    monkeypatch.setattr(upgrades, "VERSION", now + 2)
    monkeypatch.setattr(upgrades, "UPGRADES", {now: step(now), now + 1: step(now + 1)})
    reopened = Database(str(database.url))
    again = Database(str(database.url))
    assert seen == [now, now + 1]
    assert runs.get(again, run).id == run
    reopened.close()
    again.close()


def test_a_store_from_before_there_were_kinds_of_runs_holds_runs_that_train(
    database: Database, small: Experiment
) -> None:
    run = add(database, small)
    with database.writing() as connection:
        connection.execute(text("ALTER TABLE runs DROP COLUMN kind"))
        connection.execute(update(tables.schema).values(version=1))
    reopened = Database(str(database.url))
    found = runs.get(reopened, run)
    assert (found.experiment, type(found)) == (small, RunRecord)
    adapted = Adaptation(Sinusoids(), (Scratch(),))
    other = runs.add(reopened, adapted, Facts((), 0, "Sine waves", ""), "", "", paused=False)
    assert [each.id for each in runs.find(reopened, "", "", "", 9, kind="adaptation")] == [other]
    reopened.close()


def test_any_source_can_be_stored(database: Database, small: Experiment) -> None:
    assert isinstance(runs.get(database, add(database, small)).experiment.data, Source)
