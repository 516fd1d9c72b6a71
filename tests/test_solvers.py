"""The batched solvers against TorchJD, SciPy, closed forms and published numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from torchjd import aggregation

from mtl_core.weighting import solvers
from mtl_core.weighting.by_gradient import meeting_order
from mtl_core.weighting.solvers import Array, Mask

GOLDEN = np.array([[1.0, 0.0], [-1.0, 1.0]])
KINDS = ("random", "equal", "opposite", "near-parallel", "near-opposite", "one zero", "wild", "tiny", "huge")
SIZES = (1, 2, 3, 4, 8, 16)


def jacobians(kind: str, n_tasks: int, n_parameters: int = 9, n_problems: int = 12) -> Array:
    generator = np.random.default_rng(n_tasks * 100 + n_parameters)
    drawn = generator.normal(size=(n_problems, n_tasks, n_parameters))
    if kind in ("near-parallel", "near-opposite"):
        turn = -1.0 if kind == "near-opposite" else 1.0
        return np.asarray(drawn[:, :1] * turn ** np.arange(n_tasks)[:, None] + 1e-5 * drawn)
    if kind == "equal":
        drawn[:, 1::2] = drawn[:, :1]
    if kind == "opposite":
        drawn[:, 1::2] = -2 * drawn[:, :1]
    if kind == "one zero":
        drawn[:, -1] = 0
    factors: dict[str, Any] = {"tiny": 1e-15, "huge": 1e15}
    factors["wild"] = 10 ** generator.uniform(-7, 7, (n_problems, n_tasks, 1))
    return np.asarray(drawn * factors.get(kind, 1.0))


def gramians(jacobian: Array) -> Array:
    return np.asarray(jacobian @ np.swapaxes(jacobian, 1, 2))


def everyone(gramian: Array) -> Mask:
    return np.ones(gramian.shape[:2], bool)


def golden() -> tuple[Array, Mask]:
    gramian = gramians(GOLDEN[None])
    return gramian, everyone(gramian)


def shortest(jacobian: Array) -> float:
    """Squared length of the shortest vector in the convex hull of the rows, by SciPy on one matrix."""
    smallest = (jacobian**2).sum(1).min()
    if smallest == 0:
        return 0.0
    system = np.vstack([jacobian.T, np.full(len(jacobian), np.sqrt(smallest))])
    found, _ = nnls(system, np.eye(len(system))[-1] * np.sqrt(smallest), maxiter=10_000)
    return float((found / found.sum()) @ jacobian @ jacobian.T @ (found / found.sum()))


def test_mgda_gives_the_published_weights() -> None:
    np.testing.assert_allclose(solvers.least_norm(*golden()), [[0.6, 0.4]], atol=1e-10)


def test_pcgrad_gives_the_published_sum() -> None:
    gramian, present = golden()
    order = np.tile(np.arange(2), (1, 2, 1))
    found = solvers.without_conflicts(gramian, present, order)
    np.testing.assert_allclose(found @ GOLDEN, [[0.5, 1.5]], atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_tasks", SIZES)
def test_mgda_finds_the_shortest_vector_of_the_hull(kind: str, n_tasks: int) -> None:
    jacobian = jacobians(kind, n_tasks)
    gramian = gramians(jacobian)
    found = solvers.least_norm(gramian, everyone(gramian))
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-12)
    length = np.einsum("nt,nts,ns->n", found, gramian, found)
    smallest = solvers.diagonal(gramian).min(1)
    wanted = np.array([shortest(each) for each in jacobian])
    assert (np.abs(length - wanted) <= 1e-9 * smallest).all()


@pytest.mark.parametrize("n_tasks", SIZES)
@pytest.mark.parametrize("kind", ["near-parallel", "near-opposite", "random", "wild"])
def test_mgda_survives_gramians_that_single_precision_has_made_indefinite(kind: str, n_tasks: int) -> None:
    jacobian = jacobians(kind, n_tasks)
    rounded = gramians(jacobian).astype(np.float32).astype(float)
    found = solvers.least_norm(solvers.cleaned(rounded), everyone(rounded))
    length = np.square(np.einsum("nt,ntp->np", found, jacobian)).sum(1)
    wanted = np.array([shortest(each) for each in jacobian])
    assert (length - wanted <= 1e-6 * solvers.diagonal(rounded).max(1)).all()


def test_mgda_is_never_longer_than_torchjds() -> None:
    """TorchJD's Frank-Wolfe stops early, so it is an upper bound; on two tasks it is exact."""
    for n_tasks in (2, 3, 8):
        gramian = gramians(jacobians("random", n_tasks))
        found = solvers.least_norm(gramian, everyone(gramian))
        peers = np.stack([_torchjd(aggregation.MGDAWeighting(), each) for each in gramian])
        ours, theirs = (np.einsum("nt,nts,ns->n", w, gramian, w) for w in (found, peers))
        assert (ours <= theirs + 1e-12).all()
        if n_tasks == 2:
            np.testing.assert_allclose(found, peers, atol=1e-9)


def test_gradients_that_are_zero_take_all_the_weight_of_mgda() -> None:
    gramian = np.diag([0.0, 3.0, 0.0])[None]
    np.testing.assert_allclose(solvers.least_norm(gramian, everyone(gramian)), [[0.5, 0, 0.5]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_tasks", SIZES)
def test_pcgrad_equals_torchjd_when_gradients_meet_in_the_same_order(
    kind: str, n_tasks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gramian = gramians(jacobians(kind, n_tasks, n_problems=3))
    order = meeting_order(torch.arange(3), "order", n_tasks)
    found = solvers.without_conflicts(gramian, everyone(gramian), order)
    for replica in range(3):
        rows = iter(order[replica])
        monkeypatch.setattr(torch, "randperm", lambda n, rows=rows: torch.from_numpy(next(rows)))
        peer = _torchjd(aggregation.PCGradWeighting(), gramian[replica])
        if not np.isfinite(peer).all():  # 0 / 0 where a gradient is zero
            continue
        np.testing.assert_allclose(found[replica], peer, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n_tasks", SIZES)
def test_nonnegative_least_squares_equals_scipys(n_tasks: int) -> None:
    generator = np.random.default_rng(n_tasks)
    system, target = generator.normal(size=(12, 20, n_tasks)), generator.normal(size=(12, 20))
    matrix = np.swapaxes(system, 1, 2) @ system
    right = np.einsum("npt,np->nt", system, target)
    found = solvers.nonnegative_least_squares(matrix, right, np.ones(right.shape, bool))
    for one, a, b in zip(found, system, target, strict=True):
        np.testing.assert_allclose(one, nnls(a, b)[0], atol=1e-9)


def test_absent_tasks_change_nothing_for_the_others() -> None:
    jacobian = jacobians("random", 4)
    jacobian[:, 2] = 0
    gramian, present = gramians(jacobian), np.array([[True, True, False, True]] * 12)
    order = meeting_order(torch.arange(12), "order", 4)
    rest = [0, 1, 3]
    fewer = gramian[:, rest][:, :, rest]
    found = solvers.least_norm(gramian, present)
    np.testing.assert_allclose(found[:, rest], solvers.least_norm(fewer, everyone(fewer)), atol=1e-9)
    assert (found[:, 2] == 0).all()
    assert (solvers.without_conflicts(gramian, present, order)[:, 2] == 0).all()


def _torchjd(weighting: torch.nn.Module, gramian: Array) -> Array:
    """TorchJD takes one matrix at a time."""
    return np.asarray(weighting(torch.from_numpy(gramian)))
