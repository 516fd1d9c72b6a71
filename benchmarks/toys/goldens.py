"""Two gradients, (1, 0) and (-1, 1), and what the published rules make of them: numbers that anybody can work out.

The lab scales the weights of a gradient combination so that they sum to the number of tasks; where the published
weights have another sum, shares are compared, and Nash-MTL's own scale is asked of its solver.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import mtl_core.weighting  # noqa: F401 - registers every method
from benchmarks.toys.checks import Check
from mtl_core.evaluation.spread import magnitude_similarity
from mtl_core.lazy import torch
from mtl_core.training.gradients import cosines
from mtl_core.weighting import balance
from mtl_core.weighting.base import Signal, weightings

GRADIENTS = np.array([[1.0, 0.0], [-1.0, 1.0]])
GRAMIAN = GRADIENTS @ GRADIENTS.T


def measure() -> Iterator[Check]:
    lengths = np.linalg.norm(GRADIENTS, axis=1)
    yield _near("cosine", float(cosines(torch.tensor(GRAMIAN[None]))[0, 0, 1]), -0.70711)
    yield _near("magnitude similarity", float(magnitude_similarity(lengths[:1], lengths[1:])[0]), 0.94281)
    yield _near("MGDA: weight of the first gradient", _share("mgda"), 0.6)
    yield from (_near(f"PCGrad: sum, number {i + 1}", got, (0.5, 1.5)[i]) for i, got in enumerate(_sum("pcgrad")))
    yield _near("IMTL-G: weight of the first gradient", _share("imtl_g"), 0.58579)
    bargain = balance.fair(GRAMIAN[None], np.ones((1, 2), bool), 1.0)[0]
    yield from (_near(f"Nash-MTL: weight {i + 1}", bargain[i], (1.84776, 1.30656)[i]) for i in range(2))
    yield _near("Nash-MTL: share of the first weight", _share("nash"), 1.84776 / (1.84776 + 1.30656))


def _weights(name: str) -> np.ndarray:
    """Weights [2] that a registered method gives the two gradients in the first step."""
    method, present = weightings[name](), torch.ones(1, 2, dtype=torch.bool)
    signal = Signal(torch.ones(1, 2), present, 0, 1, torch.tensor(GRAMIAN[None], dtype=torch.float32))
    return np.asarray(method.weights(signal, method.start(present, torch.arange(1)))[0][0].numpy(), float)


def _share(name: str) -> float:
    weights = _weights(name)
    return float(weights[0] / weights.sum())


def _sum(name: str) -> list[float]:
    return list((_weights(name) @ GRADIENTS).tolist())


def _near(name: str, value: float, published: float) -> Check:
    """Published numbers have five digits."""
    return Check(name, float(value), published - 1e-5, published + 1e-5)
