"""The probe as a chain of ordinary runs: `look` hands in what is missing and says how far it is.

Nothing is remembered but the runs themselves: whoever looks again, in another tab or after a restart, goes on where
the chain stands, and the same question asked twice costs nothing the second time.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtl_core.api import Lab, RunRecord
from mtl_core.data.base import Source
from mtl_core.evaluation import probe
from mtl_core.experiment import Experiment
from mtl_core.registry import InvalidInput

SECONDS = 30.0


@dataclass(frozen=True)
class Probed:
    """Where a probe stands. done: share of its work, 0 to 1. study: id of the run that gives the answer, once known.

    settings: what the tuning chose, once known.
    """

    done: float
    study: str | None = None
    settings: Experiment | None = None
    has_ended: bool = False


def plan(lab: Lab, data: Source, tasks: tuple[str, ...]) -> tuple[tuple[Experiment, ...], float | None]:
    """The candidates with the longest budget that fits into half a minute, and the seconds it takes (None: unknown).

    Raises `InvalidInput` for fewer than two tasks.
    """
    if len(tasks) < 2:
        raise InvalidInput("sharing takes two tasks or more; choose another task beside this one")
    rows = lab.dataset(data).n_rows
    for steps in probe.STEPS:
        found = probe.candidates(data, tasks, rows, steps)
        costs = [lab.estimate(each).seconds for each in (*found, probe.study(found[-1]))]
        seconds = None if None in costs else sum(cost or 0.0 for cost in costs)
        if seconds is None or seconds <= SECONDS:
            break
    return found, seconds


def look(lab: Lab, candidates: tuple[Experiment, ...], afresh: bool = False) -> Probed:
    """Hand in what is missing of a probe and say how far it is.

    afresh: make runs of it that failed or were stopped once more. Raises `InvalidInput` when no candidate could train.
    """
    data = lab.dataset(candidates[0].data)
    runs_on_it = [record for record in lab.runs(data=data.title) if record.data_fingerprint == data.fingerprint]
    useless = ("failed", "stopped") if afresh else ()
    known = {record.experiment.fingerprint: record for record in reversed(runs_on_it) if record.status not in useless}
    runs = [_run(lab, known, each, f"Probe: {_setting(each)}") for each in candidates]
    parts = len(candidates) + 1
    done = sum(record.step / record.steps for record in runs)
    if not all(record.has_ended for record in runs):
        return Probed(done / parts)
    usable = [lab.history(record.id) for record in runs if record.status == "finished"]
    if not usable:
        raise InvalidInput(f"none of the probe's networks could be trained: {runs[0].message or 'they were stopped'}")
    best = probe.tuned(usable)
    study = _run(lab, known, probe.study(best), "Probe: share or not?")
    done = (len(candidates) + study.step / study.steps) / parts
    return Probed(done, study.id, best, study.has_ended)


def chosen(experiment: Experiment) -> dict[str, float]:
    """What the tuning chose: width and learning rate."""
    optimiser = experiment.optimiser.settings()
    return {"width": experiment.trunk.width, "learning_rate": optimiser["learning_rate"]}


def settings_words(experiment: Experiment) -> str:
    """The same in a sentence."""
    width, rate = chosen(experiment).values()
    return f"Networks alone validated best with width {width} and learning rate {rate:g}; sharing had to take the same."


def _run(lab: Lab, known: dict[str, RunRecord], wanted: Experiment, name: str) -> RunRecord:
    return known.get(wanted.fingerprint) or lab.run(lab.submit(wanted, name))


def _setting(experiment: Experiment) -> str:
    width, rate = chosen(experiment).values()
    return f"alone, width {width}, learning rate {rate:g}"
