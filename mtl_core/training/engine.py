"""The loop, in slices: a unit of an experiment and a state go in, facts and the next state come out.

Stateless on purpose: pause, stop, a turned knob, fairness and recovery are what happens between two slices.
A run that is cut anywhere gives the same numbers, bit for bit, as one that is not.
"""

from __future__ import annotations

import ctypes
import sys
import time
from dataclasses import dataclass
from functools import cache

from mtl_core import devices
from mtl_core.data.base import Dataset
from mtl_core.data.prepare import Prepared, prepare, prepare_draws
from mtl_core.events import Event
from mtl_core.experiment import Experiment, Unit
from mtl_core.lazy import torch
from mtl_core.tasks import TaskSpec
from mtl_core.training.evaluate import evaluate, finish
from mtl_core.training.stack import Stack


@dataclass(frozen=True)
class Slice:
    """What one slice gave. state resumes it; `step` steps are done in all, `seconds` were spent on training."""

    state: bytes
    events: tuple[Event, ...]
    step: int
    done: bool
    seconds: float


def prepared_for(experiment: Experiment, dataset: Dataset) -> Prepared:
    """Splits, encoding and scaling of this experiment's folds; the same for every sharing type and baseline."""
    plan, scaled = experiment.plan, experiment.training.scale_targets
    if plan.new_data:
        return prepare_draws(experiment.data, experiment.tasks, plan.folds, plan.seed, scaled)
    return prepare(dataset.choose(experiment.tasks), plan.folds, plan.seed, scaled)


def advance(
    experiment: Experiment,
    unit: Unit,
    prepared: Prepared,
    tasks: tuple[TaskSpec, ...],
    state: bytes | None,
    *,
    budget_seconds: float | None = None,
    max_steps: int | None = None,
    device: torch.device | None = None,
) -> Slice:
    """Train one stack for a while: until done, the time is up, or `max_steps` are made, whichever comes first.

    device: where; None is what the experiment says. Raises `InvalidInput` when this machine does not have it.
    """
    begun = time.perf_counter()
    calm()
    try:
        stack = Stack(experiment, unit, prepared, tasks, device or devices.pick(experiment.training.device))
        if state is not None:
            stack.load(state)
        events = run(stack, None if budget_seconds is None else begun + budget_seconds, max_steps)
    finally:
        torch.set_flush_denormal(False)
    return Slice(stack.dump(), tuple(events), stack.step_count, stack.done, time.perf_counter() - begun)


def calm() -> None:
    """Settings while training: one thread, and numbers too small for float32's normal range are 0.

    The moments of a parameter without gradient decay into such numbers, and the processor works on them
    three times slower. Freed memory is kept: asking the system for each buffer anew costs page faults.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    _keep_memory()


@cache
def _keep_memory() -> None:
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        for option in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            library.mallopt(option, 1 << 28)


def run(stack: Stack, deadline: float | None = None, max_steps: int | None = None) -> list[Event]:
    """Step and evaluate a stack in place; at least one step is made, so that every slice gets on."""
    events: list[Event] = []
    first, every, last = stack.step_count, stack.plan.training.evaluate_every, stack.plan.training.steps
    while True:
        begun = time.perf_counter()
        if stack.evaluated < stack.step_count and (stack.step_count % every == 0 or stack.step_count == last):
            devices.settle(stack.device)
            stack.seconds += time.perf_counter() - begun
            events.append(evaluate(stack))
        if stack.done:
            events.append(finish(stack))
            return events
        if max_steps is not None and stack.step_count - first >= max_steps:
            return events
        if deadline is not None and begun >= deadline and stack.step_count > first:
            return events
        stack.step()
        stack.seconds += time.perf_counter() - begun
