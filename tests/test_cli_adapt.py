"""`mtl-lab adapt`: learners compared on unseen tasks without a browser, as a run that is kept like any other."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtl_core.api import Lab
from mtl_core.cli import main

QUICK = ("--steps", "20", "--folds", "3", "--adapt-steps", "3", "--labels", "4", "--set", "budget.unseen=6")


class Terminal:
    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *words: str, command: str = "adapt") -> tuple[int, str, str]:
        """Exit code, standard output, standard error of `mtl-lab`."""
        self._monkeypatch.setattr(sys, "argv", ["mtl-lab", command, *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err


@pytest.fixture
def adapt(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, engine_lab: Lab) -> Terminal:
    """A terminal whose store is served by the shared engine."""
    monkeypatch.setenv("MTL_LAB_STORE", engine_lab.url)
    monkeypatch.setenv("MTL_LAB_HOME", str(Path(engine_lab.database.url.database or "").parent))
    return Terminal(capsys, monkeypatch)


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    """Twelve shops of nine rows: sales follow the price, at a level of the shop's own."""
    random = np.random.default_rng(0)
    shop, price = np.repeat(np.arange(12), 9), random.uniform(1, 5, 108)
    sales = 3 * price + shop + random.normal(0, 0.1, 108)
    path = tmp_path / "shops.csv"
    pd.DataFrame({"shop": [f"shop {each}" for each in shop], "price": price.round(2), "sales": sales.round(2)}).to_csv(
        path, index=False
    )
    return path


def test_the_table_shows_every_learner_and_says_how_to_read_it(adapt: Terminal) -> None:
    code, out, _ = adapt("--family", "relatives", "--learners", "ridge,reptile,scratch", *QUICK)
    assert code == 0
    assert all(
        word in out for word in ("4 labels", "ridge head", "Reptile", "training from scratch", "Saved against scratch")
    )
    assert "judged at the number of steps" in out


def test_groups_of_a_table_are_a_family_and_json_is_one_object(adapt: Terminal, shops: Path) -> None:
    words = ("--data", str(shops), "--group", "shop", "--task", "sales", "--learners", "ridge,scratch", "--json")
    code, out, _ = adapt(*words, *QUICK)
    told = json.loads(out)
    assert (code, told["family"]["name"], told["family"]["task"]) == (0, "groups", "sales")
    shops.unlink()  # the run has a copy of its own
    file = shops.with_suffix(".json")
    assert adapt("--json", told["run"], "-o", str(file), command="export")[0] == 0
    code, _, err = adapt(str(file), command="run")
    assert (code, "run it with: mtl-lab adapt" in err) == (2, True)
    code, out, _ = adapt(str(file), "--json")
    again = json.loads(out)
    assert (code, again["family"], again["judged"]) == (0, told["family"], told["judged"])
    assert {(row["learner"], row["step"]) for row in told["curves"]} >= {("ridge", 0), ("scratch", 3)}
    (duel,) = told["duels"]
    assert (duel["learner"], duel["against"], duel["shots"]) == ("ridge", "scratch", 4)
    assert duel["verdict"] in ("better", "worse", "no clear difference")
    assert {row["learner"] for row in told["judged"]} == {"ridge", "scratch"}


def test_settings_reach_the_family_the_budget_the_trunk_and_the_learners(adapt: Terminal) -> None:
    chosen = ("family.relatedness=0.5", "budget.tasks=3", "trunk.width=6", "ridge.strength=2")
    flags = [word for each in chosen for word in ("--set", each)]
    words = ("--family", "relatives", "--learners", "ridge,scratch", "--json", "--device", "cpu")
    code, out, _ = adapt(*words, *QUICK, *flags)
    told = json.loads(out)
    assert code == 0
    assert (told["budget"]["tasks"], told["budget"]["device"], told["trunk"]["width"]) == (3, "cpu", 6)
    assert next(each for each in told["learners"] if each["name"] == "ridge")["strength"] == 2.0


def test_the_run_is_kept_with_its_name_and_its_kind(adapt: Terminal, engine_lab: Lab) -> None:
    code, out, _ = adapt("--learners", "ridge,scratch", "--name", "Waves", "--note", "mine", "--json", *QUICK)
    run = json.loads(out)["run"]
    record = engine_lab.adaptation(run)
    assert (code, record.name, record.note, record.status) == (0, "Waves", "mine", "finished")
    code, out, _ = adapt("--text", "Waves", "--json", command="list")
    (listed,) = json.loads(out)["runs"]
    assert (listed["run"], listed["kind"]) == (run, "adaptation")
    assert "new tasks: ridge head, training from scratch" in adapt("--text", "Waves", command="list")[1]
    code, _, err = adapt(run, run, command="compare")
    assert (code, "look at it on the page New tasks" in err) == (2, True)
    code, out, _ = adapt("--csv", run, command="export")
    assert out.startswith("learner,replica,meta_step")


def test_labels_that_nobody_has_fail_in_a_sentence(adapt: Terminal, shops: Path) -> None:
    words = ("--data", str(shops), "--group", "shop", "--task", "sales", "--learners", "ridge,scratch")
    code, _, err = adapt(*words, *QUICK, "--labels", "9")
    assert code == 1
    assert "no new task has more than 9 labelled rows" in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--family", "sinusoid"], "did you mean 'sinusoids'"),
        (["--learners", "mamal"], "did you mean 'maml'"),
        (["--learners", "ridge"], "--against 'scratch' is not among the learners"),
        (["--labels", "few"], "numbers of labels are written as 5,10,20; got 'few'"),
        (["--set", "tasks=3"], "a setting is written part.knob=value"),
        (["--set", "mamal.inner_rate=1"], "nothing here is called 'mamal'"),
        (["--set", "budget.tasks=0"], "tasks must lie between 1 and 500; got 0"),
        (["--device", "tpu"], "device must be one of auto, cuda, mps, cpu; got 'tpu'"),
        (["--adapt-steps", "0"], "1 to 1,000 steps; got 0"),
        (["nowhere.json"], "the file 'nowhere.json' cannot be read"),
        (["pyproject.toml"], "is not JSON"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(adapt: Terminal, words: list[str], sentence: str) -> None:
    code, out, err = adapt(*words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "a table needs --group"),
        (["--group", "shops", "--task", "sales"], "no column 'shops'; did you mean 'shop'"),
        (["--group", "shop", "--task", "sale"], "no column 'sale'; did you mean 'sales'"),
        (["--group", "shop", "--task", "sales", "--folds", "9"], "12 groups of 4 or more labelled rows"),
    ],
)
def test_a_table_that_is_no_family_is_refused(adapt: Terminal, shops: Path, words: list[str], sentence: str) -> None:
    code, _, err = adapt("--data", str(shops), *words)
    assert code == 2
    assert sentence in err
