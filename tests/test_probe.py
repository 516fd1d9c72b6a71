"""The probe: networks alone are tuned, then sharing has to beat them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtl_core import probing
from mtl_core.api import Lab
from mtl_core.changes import Change
from mtl_core.evaluation import probe
from mtl_core.evaluation.history import History
from mtl_core.events import Event
from mtl_core.experiment import Experiment, Plan, shape_for
from mtl_core.registry import InvalidInput
from mtl_core.store.claims import Claim
from mtl_core.store.journal import Journal
from mtl_core.training.engine import advance, prepared_for
from mtl_core.weighting.by_loss import Fixed
from tests.test_cli import Terminal, terminal  # noqa: F401 - a fixture
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def tried(small: Experiment) -> tuple[Experiment, ...]:
    return probe.candidates(small.data, small.tasks, 60, 20)


def history_of(experiment: Experiment) -> History:
    """Trained here, without an engine."""
    data = experiment.data.load()
    shape = shape_for(experiment, data)
    history = History(experiment, data.tasks, shape)
    prepared = prepared_for(experiment, data)
    said: list[Event] = []
    for unit in experiment.units(shape):
        said += advance(experiment, unit, prepared, data.tasks, None).events
    history.add(said)
    return history


def test_every_candidate_is_networks_alone_under_its_own_settings(tried: tuple[Experiment, ...]) -> None:
    assert {each.sharings[0].name for each in tried} == {"independent"}
    settings = {(each.trunk.width, each.optimiser.settings()["learning_rate"]) for each in tried}
    assert len(settings) == len(tried) == len(probe.RATES) * len(probe.WIDTHS)
    assert {each.plan for each in tried} == {Plan(folds=5, inits=1, equal_width=False, equal_parameters=False)}


def test_the_setting_that_validates_best_alone_is_chosen(tried: tuple[Experiment, ...]) -> None:
    histories = [history_of(each) for each in tried]

    def error(history: History) -> float:
        curves = [history.summary("independent", t, "validation_error")["mean"] for t in range(2)]
        return float(np.sqrt(curves[0].min() * curves[1].min()))

    assert probe.tuned(histories) == min(histories, key=error).experiment


def test_sharing_takes_the_settings_of_the_networks_alone(tried: tuple[Experiment, ...]) -> None:
    study = probe.study(tried[2])
    assert [each.name for each in study.sharings] == ["hard", "cross_stitch"]
    assert (study.plan.folds, study.plan.inits, study.baselines()) == (5, 3, ("equal_width", "equal_parameters"))
    assert (study.trunk, study.optimiser, study.training) == (tried[2].trunk, tried[2].optimiser, tried[2].training)


def test_one_task_cannot_be_probed(engine_lab: Lab, small: Experiment) -> None:
    with pytest.raises(InvalidInput, match="two tasks or more"):
        probing.plan(engine_lab, small.data, small.tasks[:1])


def test_whoever_looks_again_goes_on_where_the_probe_stands(engine_lab: Lab, tried: tuple[Experiment, ...]) -> None:
    wait_until(lambda: probing.look(engine_lab, tried).has_ended)
    found = probing.look(engine_lab, tried)
    before = len(engine_lab.runs(limit=1000))
    assert probing.look(engine_lab, tried, afresh=True) == found
    assert len(engine_lab.runs(limit=1000)) == before
    assert found.settings in tried
    comparison = engine_lab.comparison(found.study or "")
    assert {each.sharing for each in comparison.verdicts} == {"hard", "cross_stitch"}
    assert {(each.folds, each.inits) for each in comparison.verdicts} == {(5, 3)}


def test_a_stopped_probe_is_repeated_only_when_somebody_asks(tmp_path: Path, tried: tuple[Experiment, ...]) -> None:
    lab = Lab(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    claim = Claim(lab.database)
    assert claim.take()
    turned = replace(tried[0], weighting=Fixed()).changed(Change(1, "weighting", "weights_of_tasks", [2.0, 1.0]))
    Journal(lab.database, claim).end(lab.submit(turned), "finished", "")
    probing.look(lab, tried)
    for record in lab.runs(status="queued"):
        Journal(lab.database, claim).end(record.id, "stopped", "")
    with pytest.raises(InvalidInput, match="they were stopped"):
        probing.look(lab, tried)
    assert lab.runs(status="queued") == []
    assert not probing.look(lab, tried, afresh=True).has_ended
    assert len(lab.runs(status="queued")) == len(tried)


def test_the_command_line_asks_the_same(terminal: Terminal, tmp_path: Path) -> None:  # noqa: F811
    table = tmp_path / "table.csv"
    drawn = np.random.default_rng(0).normal(size=(60, 4)).round(3)
    table.write_text("a,b,c,d\n" + "\n".join(",".join(map(str, row)) for row in drawn), encoding="utf-8")
    told = terminal("probe", "--data", str(table), "--tasks", "c,d", "--json")
    assert told.code == 0
    assert set(told.json["chosen"]) == {"width", "learning_rate"}
    assert {each["sharing"] for each in told.json["verdicts"]} == {"hard", "cross_stitch"}
