"""The lab as pages, the command line and scripts use it: hand runs in, watch them, read verdicts.

Everything goes through the store; training happens in the engine's processes. A `Lab` is cheap and may be
shared by threads.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from mtl_core import settings
from mtl_core.changes import Change
from mtl_core.data.base import Dataset, Source
from mtl_core.data.bundled import FOLDER
from mtl_core.evaluation.compare import Comparison, compare
from mtl_core.evaluation.history import History
from mtl_core.evaluation.resolution import smallest_effect
from mtl_core.events import loads
from mtl_core.experiment import Experiment, shape_for
from mtl_core.meta.adaptation import Adaptation
from mtl_core.meta.history import MetaHistory
from mtl_core.registry import InvalidInput
from mtl_core.running.endings import dataset_of
from mtl_core.running.kinds import kind_of
from mtl_core.running.speed import Speed
from mtl_core.running.starter import Starter
from mtl_core.store import archive, claims, runs
from mtl_core.store.database import Database
from mtl_core.store.records import AdaptationRecord, Record, RunRecord, Wish

KEPT = 64
"""Histories and verdicts that stay in memory."""
V = TypeVar("V")
H = TypeVar("H", History, MetaHistory)


@dataclass(frozen=True)
class Estimate:
    """The price of an experiment before it runs.

    parameters: of one network, for each sharing key. seconds: with nothing else running; None until the engine
    has measured this machine. smallest_effect: roughly what the run can tell from nothing, in percent of the error;
    None where it carries no verdict.
    """

    networks: int
    parameters: dict[str, int]
    seconds: float | None
    smallest_effect: float | None = None


class Lab:
    """A client of one store. Methods raise `InvalidInput` with a plain sentence."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url or settings.store_url()
        self.database = Database(self.url)
        self._starter = Starter(self.database, self.url)
        self._lock = threading.Lock()
        self._histories: dict[str, _Followed[History]] = {}
        self._adaptations: dict[str, _Followed[MetaHistory]] = {}
        self._comparisons: dict[tuple[str, int, str], Comparison] = {}

    # --- runs -----------------------------------------------------------------------------------------------
    def submit(self, experiment: Wish, name: str = "", note: str = "", paused: bool = False) -> str:
        """Hand a run of any kind in; its id. The experiment is checked against its data first."""
        dataset = None if experiment.data is None else self.dataset(experiment.data)
        facts = kind_of(experiment).facts(experiment, dataset)
        return runs.add(self.database, experiment, facts, name, note, paused)

    def command(self, run_id: str, command: str) -> None:
        """ "pause", "resume", "step" (to the next point of the curves) or "stop"; done within half a second."""
        if command not in runs.COMMANDS:
            raise InvalidInput(f"there is no command {command!r}; known: {', '.join(runs.COMMANDS)}")
        runs.command(self.database, run_id, command)

    def change(self, run_id: str, part: str, knob: str, value: object) -> None:
        """Turn a live knob of a run on its way: part is "weighting" or "optimiser"; of learners that are prepared,
        "budget" or a learner's name."""
        record = self.record(run_id)
        if record.has_ended:
            raise InvalidInput(f"this run is {record.status}; its settings cannot change any more")
        record.experiment.changed(Change(record.step, part, knob, value))
        runs.command(self.database, run_id, "change", {"part": part, "knob": knob, "value": value})

    def record(self, run_id: str) -> Record:
        """A run of any kind."""
        return runs.get(self.database, run_id)

    def run(self, run_id: str) -> RunRecord:
        """A run that learns tasks together and alone. Raises `InvalidInput` for one of another kind."""
        found = self.record(run_id)
        if not isinstance(found, RunRecord):
            raise InvalidInput("this run prepares learners for new tasks; look at it on the page New tasks")
        return found

    def adaptation(self, run_id: str) -> AdaptationRecord:
        """A run that prepares learners for new tasks. Raises `InvalidInput` for one of another kind."""
        found = self.record(run_id)
        if not isinstance(found, AdaptationRecord):
            raise InvalidInput("this run learns tasks together and alone; look at it on the page Train")
        return found

    def records(self, *, text: str = "", status: str = "", data: str = "", limit: int = 200) -> list[Record]:
        """Runs of every kind, newest first; the words as in `runs`."""
        return runs.find(self.database, text, status, data, limit)

    def runs(self, *, text: str = "", status: str = "", data: str = "", limit: int = 200) -> list[RunRecord]:
        """Runs that learn tasks together and alone, newest first.

        text: part of name, note or data title; status and data (title): exact; "" = any.
        """
        found = runs.find(self.database, text, status, data, limit, Experiment.kind)
        return [each for each in found if isinstance(each, RunRecord)]

    def rename(self, run_id: str, name: str) -> None:
        runs.describe(self.database, run_id, name=name)

    def annotate(self, run_id: str, note: str) -> None:
        runs.describe(self.database, run_id, note=note)

    def delete(self, run_id: str) -> None:
        """Forget a run, also one that trains."""
        runs.remove(self.database, run_id)

    # --- results --------------------------------------------------------------------------------------------
    def history(self, run_id: str) -> History:
        """Everything the run has said so far; only what is new is read."""
        return self._followed(self.run(run_id)).history

    def adapting(self, run_id: str) -> MetaHistory:
        """The same of a run that prepares learners for new tasks."""
        asked = self.adaptation(run_id).experiment
        return self._up_to_date(self._adaptations, run_id, asked, lambda: MetaHistory(asked)).history

    def comparison(self, run_id: str) -> Comparison:
        """The stored verdict of a run that has ended, a provisional one of a run that trains."""
        stored = runs.comparison(self.database, run_id)
        record = self.run(run_id)
        if stored is not None and record.has_ended:
            return self._kept((run_id, -1, stored), lambda: Comparison.from_json(json.loads(stored)))
        followed = self._followed(record)
        dataset = self.dataset(record.experiment.data)
        return self._kept(
            (run_id, followed.last, record.status), lambda: compare(followed.history, dataset, finished=False)
        )

    def export_csv(self, run_id: str) -> str:
        """The tidy history, one number a row."""
        from mtl_core.evaluation.report import frame_csv

        known = isinstance(self.record(run_id), RunRecord)
        return frame_csv(self.history(run_id).frame() if known else self.adapting(run_id).frame())

    def export_json(self, run_id: str) -> str:
        """What was asked for, what came out, and on what it was computed."""
        from mtl_core.evaluation.report import machine, run_json
        from mtl_core.meta.shown import told

        record = self.record(run_id)
        facts = {"id": record.id, "name": record.name, "note": record.note, "status": record.status}
        facts |= {"data": record.data_title, "data_fingerprint": record.data_fingerprint}
        if isinstance(record, RunRecord):
            value = run_json(record.experiment, self.comparison(run_id), **facts)
        else:
            history = self.adapting(run_id)
            result = {"provisional": not history.is_final, **told(history.experiment, history.found())}
            value = {**facts, "experiment": history.experiment.to_json(), "result": result, "machine": machine()}
        return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)

    def archive(self, run_id: str) -> bytes:
        """A run that has ended, whole, as a file to keep or send."""
        return archive.pack(self.database, run_id)

    def restore(self, raw: bytes) -> str:
        """Take a saved run back in; its new id."""
        return archive.unpack(self.database, raw)

    def add_examples(self) -> None:
        """The finished runs that ship with the lab, so that no page is empty on the first start."""
        for path in sorted((FOLDER / "runs").glob("*.json.gz")):
            self.restore(path.read_bytes())

    # --- before a run ---------------------------------------------------------------------------------------
    def dataset(self, source: Source) -> Dataset:
        """The data of a source; kept in memory."""
        return dataset_of(source)

    def estimate(self, experiment: Experiment) -> Estimate:
        """What the experiment will cost."""
        dataset = self.dataset(experiment.data)
        shape = shape_for(experiment, dataset)
        units = experiment.units(shape)
        together = [arm for arm in experiment.arms(shape) if arm.together]
        parameters = {arm.key: arm.sharing.count(replace(shape, trunk=arm.trunk)) for arm in together}
        networks = sum(len(unit.replicas) for unit in units)
        measured, seconds = claims.speed(self.database), None
        if measured is not None:
            seconds = Speed.from_json(measured[0]).seconds(experiment, units, dataset.n_rows, measured[1])
        compared = len(experiment.tasks) > 1 and experiment.baselines()
        effect = smallest_effect(experiment.plan, dataset.n_rows, dataset.split) if compared else None
        return Estimate(networks, parameters, seconds, effect)

    def seconds_of(self, adaptation: Adaptation) -> float | None:
        """How long a comparison of learners takes with nothing else running; None until the engine has measured."""
        measured = claims.speed(self.database)
        return None if measured is None else Speed.from_json(measured[0]).preparing(adaptation, measured[1])

    # --- the engine -----------------------------------------------------------------------------------------
    def ensure_engine(self) -> None:
        """Start the engine unless a living one serves this store, and look after it; returns at once."""
        self._starter.ensure()

    def engine_alive(self) -> bool:
        """True while an engine serves this store (it may still be warming up)."""
        return claims.is_served(self.database)

    def engine_ready(self) -> bool:
        """True once the engine's workers are warm."""
        return claims.is_ready(self.database)

    def close(self) -> None:
        """End the engine if this process started it; runs that train go on at the next start."""
        self._starter.stop()
        self.database.close()

    # --- inside ---------------------------------------------------------------------------------------------
    def _followed(self, record: RunRecord) -> _Followed[History]:
        def make() -> History:
            return History(record.experiment, record.tasks, record.shape)

        return self._up_to_date(self._histories, record.id, record.experiment, make)

    def _up_to_date(
        self, kept: dict[str, _Followed[H]], run_id: str, experiment: Wish, make: Callable[[], H]
    ) -> _Followed[H]:
        """The history of a run, brought up to date. A turned knob begins it anew: it is part of the history."""
        with self._lock:
            followed = kept.pop(run_id, None)
            if followed is None or followed.history.experiment != experiment:
                followed = _Followed(make())
            kept[run_id] = followed
            _trim(kept)
        followed.follow(self.database, run_id)
        return followed

    def _kept(self, key: tuple[str, int, str], make: Callable[[], Comparison]) -> Comparison:
        with self._lock:
            found = self._comparisons.get(key)
        if found is None:
            found = make()
            with self._lock:
                self._comparisons[key] = found
                _trim(self._comparisons)
        return found


class _Followed(Generic[H]):
    """A history and the number of the last event in it."""

    def __init__(self, history: H) -> None:
        self.history: H = history
        self.last = 0
        self._lock = threading.Lock()

    def follow(self, database: Database, run_id: str) -> None:
        with self._lock:
            for number, text in runs.said(database, run_id, self.last):
                self.history.add([loads(text)])
                self.last = number


def _trim(kept: dict[V, _Followed[H]] | dict[V, Comparison]) -> None:
    """Forget the oldest entries."""
    while len(kept) > KEPT:
        del kept[next(iter(kept))]


__all__ = ["AdaptationRecord", "Estimate", "Lab", "Record", "RunRecord"]
