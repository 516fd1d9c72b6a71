"""Families whose tasks are drawn from a formula: there is always a fresh one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtl_core.meta.families import Family, Rows, Starts, families, normal, uniform
from mtl_core.registry import knob

UNSEEN = "unseen"


@dataclass(frozen=True)
class Generated(Family):
    """Fresh tasks for every word; the unseen ones have a word of their own."""

    def unseen(self, starts: Starts, n_tasks: int, n_rows: int) -> Rows:
        return self.draw(starts, UNSEEN, n_tasks, n_rows)


@families.register("sinusoids", title="Sine waves")
@dataclass(frozen=True)
class Sinusoids(Generated):
    """Every task is a sine wave of its own height and shift; a few points of it are given.

    y = amplitude * sin(x - phase), amplitude from U[0.1, 5], phase from U[0, pi], x from U[-5, 5], no noise.
    Reference: Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", ICML 2017,
    section 5.1. Differs from the paper: no.
    """

    @property
    def n_inputs(self) -> int:
        return 1

    def draw(self, starts: Starts, word: str, n_tasks: int, n_rows: int) -> Rows:
        amplitude = uniform(starts, f"{word}.amplitude", (n_tasks, 1), 0.1, 5.0)
        phase = uniform(starts, f"{word}.phase", (n_tasks, 1), 0.0, np.pi)
        x = uniform(starts, f"{word}.x", (n_tasks, n_rows), -5.0, 5.0)
        return x[..., None].astype(np.float32), (amplitude * np.sin(x - phase)).astype(np.float32)


@families.register("relatives", title="Relatives of the relatedness dial")
@dataclass(frozen=True)
class Relatives(Generated):
    """Regressions that share a chosen part of their signal: 1 = all of it, 0 = none, as in the relatedness dial.

    y = sqrt(s) * (tanh of two shared directions . own weights) + sqrt(1 - s) * (tanh of two own directions . own
    weights) + noise; weights and inputs are normal. The shared directions are the replica's world.
    """

    relatedness: float = knob(1.0, "Share of the signal that all tasks have in common", low=0.0, high=1.0)
    noise: float = knob(0.1, "Deviation of the label noise; the signal's is about 1", low=0.0, high=10.0)
    inputs: int = knob(10, "Number of features", low=1, high=100)

    @property
    def n_inputs(self) -> int:
        return self.inputs

    def draw(self, starts: Starts, word: str, n_tasks: int, n_rows: int) -> Rows:
        x = normal(starts, f"{word}.x", (n_tasks, n_rows, self.inputs))
        world = self._directions(starts, "world", 1)
        own = self._directions(starts, f"{word}.own", n_tasks)
        weights = normal(starts, f"{word}.weights", (n_tasks, 2, 2))
        common = np.tanh(x @ world) @ weights[:, :, 0, :, None]
        private = np.tanh(x @ own) @ weights[:, :, 1, :, None]
        signal = np.sqrt(self.relatedness) * common[..., 0] + np.sqrt(1 - self.relatedness) * private[..., 0]
        noise = self.noise * normal(starts, f"{word}.noise", (n_tasks, n_rows))
        return x.astype(np.float32), (signal + noise).astype(np.float32)

    def _directions(self, starts: Starts, word: str, n_tasks: int) -> NDArray[np.float64]:
        """[R, M, F, 2]; what goes into the tanh has deviation 2, what comes out a mean square of about 1/2."""
        drawn: NDArray[np.float64] = normal(starts, word, (n_tasks, self.inputs, 2)) * (2 / np.sqrt(self.inputs))
        return drawn
