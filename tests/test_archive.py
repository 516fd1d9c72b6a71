"""A run goes into a file and comes back whole."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from mtl_core.api import Lab
from mtl_core.registry import InvalidInput


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(f"sqlite:///{tmp_path / 'runs.sqlite'}")


def test_the_shipped_examples_are_finished_runs_with_curves_and_a_verdict(lab: Lab) -> None:
    lab.add_examples()
    records = lab.runs()
    assert len(records) == 3
    for record in records:
        assert record.status == "finished"
        history = lab.history(record.id)
        comparison = lab.comparison(record.id)
        assert not history.is_empty
        assert {verdict.task for verdict in comparison.verdicts} == {task.name for task in record.tasks}


def test_the_shipped_examples_still_fit_their_data(lab: Lab) -> None:
    lab.add_examples()
    for record in lab.runs():
        assert lab.dataset(record.experiment.data).fingerprint == record.data_fingerprint


def test_a_run_that_was_saved_comes_back_with_the_same_numbers(lab: Lab, tmp_path: Path) -> None:
    lab.add_examples()
    first = lab.runs()[0]
    other = Lab(f"sqlite:///{tmp_path / 'other.sqlite'}")
    again = other.restore(lab.archive(first.id))
    assert other.export_csv(again) == lab.export_csv(first.id)
    assert other.comparison(again) == lab.comparison(first.id)
    assert other.run(again).name == first.name


OTHER_FILES = {
    "empty": b"",
    "text": b"text",
    "other JSON": gzip.compress(b"[]"),
    "no run": gzip.compress(b'{"format":1,"run":{},"events":[]}'),
}


@pytest.mark.parametrize("raw", OTHER_FILES.values(), ids=list(OTHER_FILES))
def test_any_other_file_is_refused_in_one_sentence(lab: Lab, raw: bytes) -> None:
    with pytest.raises(InvalidInput, match="not a saved run"):
        lab.restore(raw)
    assert lab.runs() == []


def test_a_run_that_has_not_ended_cannot_be_saved(lab: Lab) -> None:
    lab.add_examples()
    run = lab.submit(lab.runs()[0].experiment)
    with pytest.raises(InvalidInput, match="not ended"):
        lab.archive(run)
