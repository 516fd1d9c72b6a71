"""The same job without a browser."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mtl_core.api import Lab
from mtl_core.cli import catalogue, main
from mtl_core.cli.wishes import experiment_from, read_experiment
from mtl_core.experiment import Experiment
from mtl_core.models.base import sharings
from mtl_core.registry import InvalidInput
from mtl_core.weighting.base import weightings
from tests.waiting import wait_until

MTL_LAB = [sys.executable, "-c", "from mtl_core.cli import main; main()"]
QUICK = ["--folds", "5", "--inits", "1", "--steps", "20", "--width", "4", "--depth", "1"]


class Told:
    """Exit code and output of one command."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal:
    """Commands typed in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *words: str) -> Told:
        self._monkeypatch.setattr(sys, "argv", ["mtl-lab", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        return Told(int(ended.value.code or 0), out, err)


@pytest.fixture
def terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine_lab: Lab
) -> Terminal:
    """A terminal whose store is served by the shared engine; uploads lie in a folder of the test."""
    monkeypatch.setenv("MTL_LAB_STORE", engine_lab.url)
    monkeypatch.setenv("MTL_LAB_HOME", str(Path(engine_lab.database.url.database or "").parent))
    return Terminal(capsys, monkeypatch)


def wish(*settings: str, **given: Any) -> Experiment:
    """An experiment from flags."""
    chosen = {part: given.pop(part, None) for part in ("sharing", "weighting", "optimiser")}
    return experiment_from(
        given.pop("value", None), given.pop("data", None), given.pop("tasks", None), chosen, settings
    )


# --- from flags to an experiment --------------------------------------------------------------------------------
def test_flags_name_any_part_and_any_knob() -> None:
    asked = wish(
        "plan.folds=7",
        "trunk.width=5",
        "weighting.weights_of_tasks=1,2.5",
        "sharing.private_layers=1",
        "soft.strength=0.5",
        "data.rows=80",
        "optimiser.schedule=cosine",
        data="relatedness",
        tasks="task 2, task 1",
        sharing="hard,soft",
        weighting="fixed",
        optimiser="sgd",
    )
    assert asked.tasks == ("task 2", "task 1")
    assert (asked.plan.folds, asked.trunk.width) == (7, 5)
    assert asked.weighting.settings() == {"weights_of_tasks": [1.0, 2.5]}
    assert [each.to_json() for each in asked.sharings] == [
        {"name": "hard", "private_layers": 1},
        {"name": "soft", "strength": 0.5},
    ]
    assert (asked.optimiser.name, asked.optimiser.schedule) == ("sgd", "cosine")
    assert asked.data.settings()["rows"] == 80


def test_without_tasks_all_of_them_are_taken() -> None:
    assert wish("data.tasks=3", data="relatedness").tasks == ("task 1", "task 2", "task 3")
    assert wish(data="penguins").tasks == ("species", "sex", "body mass")


@pytest.mark.parametrize("name", sharings)
def test_every_sharing_type_can_be_named(name: str) -> None:
    assert [each.name for each in wish(data="penguins", sharing=name).sharings] == [name]


@pytest.mark.parametrize("name", weightings)
def test_every_weighting_and_each_of_its_knobs_can_be_named(name: str) -> None:
    defaults = weightings[name]().settings()
    settings = [f"weighting.{knob}={json.dumps(value)}" for knob, value in defaults.items()]
    assert wish(*settings, data="penguins", weighting=name).weighting == weightings[name]()


def test_flags_change_an_experiment_from_a_file(small: Experiment) -> None:
    changed = wish("training.steps=99", value=small.to_json())
    assert changed.training.steps == 99
    assert changed.tasks == small.tasks
    assert changed.plan == small.plan


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "nothing to run: give an experiment file, or --data"),
        ({"data": "penguin"}, "there is neither a file nor a data set 'penguin'; known data sets: .*penguins"),
        ({"data": "penguins", "sharing": "hrd"}, "there is no sharing type 'hrd'; did you mean 'hard'"),
        ({"data": "penguins", "tasks": "species,weight"}, "has no task 'weight'"),
        ({"data": "penguins", "settings": ["plan.fold=3"]}, "has no setting 'fold'; did you mean 'folds'"),
        ({"data": "penguins", "settings": ["plan=3"]}, "a setting is written part.knob=value"),
        ({"data": "penguins", "settings": ["plot.size=3"]}, "an experiment has no part 'plot'"),
        ({"data": "penguins", "settings": ["soft.strength=1"]}, "the sharing type 'soft' is not in this run"),
        ({"data": "penguins", "settings": ["sharing.colour=1"]}, "none of the sharing types has a setting 'colour'"),
        ({"data": "penguins", "settings": ["training.steps=many"]}, "steps must be a finite number; got 'many'"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_one_sentence(given: dict[str, Any], sentence: str, lab: Lab) -> None:
    settings = given.pop("settings", [])
    with pytest.raises(InvalidInput, match=sentence):
        lab.submit(wish(*settings, **given))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(f"sqlite:///{tmp_path / 'runs.sqlite'}")


# --- run, list, compare, export ---------------------------------------------------------------------------------
def test_run_prints_one_object_with_everything_about_the_verdict(terminal: Terminal) -> None:
    told = terminal("run", "--data", "relatedness", "--set", "data.rows=60", "--sharing", "hard,soft", *QUICK, "--json")
    assert (told.code, told.json["status"]) == (0, "finished")
    rows = told.json["verdicts"]
    assert {(row["sharing"], row["baseline"], row["task"]) for row in rows} == {
        (sharing, baseline, f"task {task}")
        for sharing in ("hard", "soft")
        for baseline in ("equal_width", "equal_parameters")
        for task in (1, 2, 3, 4)
    }
    wanted = {"alone", "together", "gain", "low", "high", "verdict", "metric", "folds", "inits"}
    assert all(wanted <= row.keys() for row in rows)
    assert {cost["arm"] for cost in told.json["costs"]} >= {"hard", "soft"}
    assert Experiment.from_json(told.json["experiment"]).plan.folds == 5


def test_a_run_is_told_what_its_folds_lack_first_and_that_nothing_was_learned_before_the_verdict(
    terminal: Terminal,
) -> None:
    told = terminal("run", "--data", "linnerud", *QUICK[2:], "--folds", "10", "--steps", "1", "--learning-rate", "1e-5")
    assert "Task 'pulse' has one answer only (54) to test with in fold 5 of 10." in told.err
    failure = "One trunk for all: Nothing was learned together or alone: what follows says nothing"
    assert told.out.index(failure) < told.out.index("Does learning together help?")


def test_a_table_on_disk_becomes_a_run_that_outlives_the_file(terminal: Terminal, tmp_path: Path) -> None:
    rows = range(60)
    columns = {
        "x": rows,
        "y": [i % 7 for i in rows],
        "price €": [2.5 * i % 9 for i in rows],
        "[b]good[/b]": ["no", "yes"] * 30,
    }
    path = tmp_path / "my table.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    told = terminal("run", "--data", str(path), "--tasks", "price €,[b]good[/b]", *QUICK, "--name", "mine")
    assert told.code == 0
    assert "[b]good[/b]" in told.out  # what people wrote is never taken for markup
    assert "Does learning together help? my table" in told.out
    path.unlink()
    assert "Relative error (RRMSE)" in told.out
    again = terminal("export", "mine", "--json-file")
    assert again.json["experiment"]["tasks"] == ["price €", "[b]good[/b]"]


def test_an_exported_run_on_a_table_travels_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, exported = tmp_path / "shop.csv", tmp_path / "run.json"
    rows = {"x": range(40), "price": [i % 9 for i in range(40)], "sold": ["no", "yes"] * 20, "note": ["a", "b"] * 20}
    pd.DataFrame(rows).to_csv(table, index=False)
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path / "here"))
    first = wish(data=str(table), tasks="price,sold")
    exported.write_text(json.dumps({"id": "1", "data": "shop", "experiment": first.to_json()}), encoding="utf-8")
    assert read_experiment(exported) == first.to_json()
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path / "there"))
    with pytest.raises(InvalidInput, match="the table 'shop' was uploaded to another installation and is not here"):
        read_experiment(exported)
    assert wish(value=read_experiment(exported, has_data=True), data=str(table)) == first


def test_runs_are_listed_compared_and_exported(terminal: Terminal, tmp_path: Path, engine_lab: Lab) -> None:
    base = ["run", "--data", "relatedness", "--set", "data.rows=61", *QUICK, "--json"]
    first = terminal(*base, "--name", "one").json["run"]
    second = terminal(*base, "--name", "two", "--weighting", "dwa").json["run"]
    listed = terminal("list", "--json").json["runs"]
    assert [each["run"] for each in listed][:2] == [second, first]
    assert second in terminal("list", "--text", "two").out

    compared = terminal("compare", "one", second[:8], "--json").json
    assert [each["run"] for each in compared["runs"]] == [first, second]
    assert {each["setting"] for each in compared["differences"]} >= {"Loss weights"}
    shown = terminal("compare", first, second)
    assert "Settings that differ" in shown.out

    table = terminal("export", "last", "--csv")
    assert table.out == engine_lab.export_csv(second)
    target = tmp_path / "run.json"
    assert terminal("export", first, "--json", "-o", str(target)).out == ""
    assert json.loads(target.read_text("utf-8"))["id"] == first
    rerun = terminal("run", str(target), "--json")
    assert [row["gain"] for row in rerun.json["verdicts"]] == [row["gain"] for row in compared["runs"][0]["verdicts"]]

    base[base.index("data.rows=61")] = "data.rows=62"
    other = terminal(*base).json["run"]
    refused = terminal("compare", first, other)
    assert (refused.code, "rows: 61 against 62" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run"], "nothing to run"),
        (["run", "no-such-file.json"], "the file 'no-such-file.json' cannot be read"),
        (["run", "--data", "penguins", "--folds", "many"], "Invalid value for '--folds': a whole number is needed"),
        (["run", "--data", "penguins", "--learning-rate", "fast"], "'--learning-rate': a number is needed"),
        (["run", "--data", "penguins", "--folds", "1"], "folds must lie between 2 and 50; got 1"),
        (["run", "--data", "penguins", "--set", "training.evaluate_every=x"], "evaluate every must be a finite number"),
        (["run", "--colour", "red"], "No such option"),
        (["export", "nobody", "--csv"], "there is no run 'nobody'; see mtl-lab list"),
        (["export", "last"], "either --csv or --json-file"),
        (["serve", "--port", "99999"], "'--port'"),
        (["fly"], "No such command"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(terminal: Terminal, words: list[str], sentence: str) -> None:
    told = terminal(*words)
    assert (told.code, told.out) == (2, "")
    assert sentence in told.err
    assert told.err.count("\n") == 1


def test_a_file_that_is_not_an_experiment_is_named(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"data": "penguins",\n "tasks": [}', encoding="utf-8")
    assert "is not JSON (line 2:" in terminal("run", str(path)).err
    path.write_text("[1, 2]", encoding="utf-8")
    assert 'an experiment is a JSON object with at least "data" and "tasks"' in terminal("run", str(path)).err


def test_every_registered_method_is_in_the_catalogue(terminal: Terminal) -> None:
    told = terminal("methods", "--json").json
    for registry in catalogue.REGISTRIES:
        methods = {each["name"]: each for each in told[registry.family]}
        assert sorted(methods) == sorted(registry)
        for name, each in methods.items():
            assert [knob["name"] for knob in each["knobs"]] == [knob.name for knob in registry[name].knobs()]
            assert each["summary"]
    assert "One trunk for all (hard sharing)" in terminal("methods").out


def test_one_run_cannot_be_compared(terminal: Terminal, engine_lab: Lab, small: Experiment) -> None:
    run = engine_lab.submit(small, paused=True)
    told = terminal("compare", run)
    engine_lab.delete(run)
    assert (told.code, told.err) == (2, "one run cannot be compared; name two or more\n")


def test_help_comes_without_heavy_libraries() -> None:
    program = (
        "import sys; sys.argv = ['mtl-lab', '--help']; import mtl_core.cli\n"
        "try: mtl_core.cli.main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'pandas', 'sklearn', 'sqlalchemy', 'distributed'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"
    assert "Train alone and together" in told.stdout


def test_ctrl_c_stops_a_run_which_is_kept(engine_lab: Lab) -> None:
    environment = {**os.environ, "MTL_LAB_STORE": engine_lab.url, "PYTHONUNBUFFERED": "1"}
    command = [
        sys.executable,
        "-c",
        "from mtl_core.cli import main; main()",
        "run",
        "--data",
        "relatedness",
        "--name",
        "cut",
    ]
    process = subprocess.Popen(
        [*command, "--steps", "100000", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )
    wait_until(lambda: bool(engine_lab.runs(text="cut")))
    run = engine_lab.runs(text="cut")[0].id
    wait_until(lambda: engine_lab.run(run).step > 0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert engine_lab.run(run).status == "stopped"
    assert json.loads(out)["status"] == "stopped"
    assert "Traceback" not in err


@pytest.mark.slow
def test_serve_starts_page_and_engine_and_ends_both(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "MTL_LAB_HOME": str(tmp_path), "MTL_LAB_WORKERS": "1"}
    environment.pop("MTL_LAB_STORE", None)
    with (tmp_path / "serve.log").open("w") as log:
        command = [*MTL_LAB, "serve", "--port", str(port), "--no-browser"]
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True, preexec_fn=heed_ctrl_c
        )
    lab = Lab(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    wait_until(lambda: answers(port))
    wait_until(lab.engine_alive)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert not answers(port)
    assert not lab.engine_alive()
    lab.close()


def heed_ctrl_c() -> None:
    """Also where the tests themselves run in the background of a shell, which has its children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=10) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
