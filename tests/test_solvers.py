"""The batched solvers against TorchJD, SciPy, closed forms and published numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from torchjd import aggregation

from mtl_core import draws
from mtl_core.weighting import balance, solvers, surgery
from mtl_core.weighting.by_gradient import GradientSignDropout, meeting_order
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
    order = np.array([[[1], [0]]])
    found = surgery.without_conflicts(gramian, present, order)
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
    found = surgery.without_conflicts(gramian, everyone(gramian), order)
    for replica in range(3):
        rows = iter([[i, *order[replica, i]] for i in range(n_tasks)])  # theirs meets itself, too, without effect
        monkeypatch.setattr(torch, "randperm", lambda n, rows=rows: torch.tensor(next(rows)))
        peer = _torchjd(aggregation.PCGradWeighting(), gramian[replica])
        if not np.isfinite(peer).all():  # 0 / 0 where a gradient is zero
            continue
        np.testing.assert_allclose(found[replica], peer, rtol=1e-6, atol=1e-9)


# --- the dual cone, and the ball around the mean --------------------------------------------------------------
TWO = np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]])
"""The example of TorchJD's documentation; the vectors below are the ones it prints, without its regularisation."""


def test_upgrad_and_dualproj_give_the_closed_forms_of_the_published_example() -> None:
    gramian = gramians(TWO[None])
    both = solvers.into_dual_cone(gramian[[0, 0]], everyone(gramian)[[0, 0]], np.eye(2))
    np.testing.assert_allclose(both.mean(0) @ TWO, [5 / 9 - 5 / 19, 325 / 171, 325 / 171], atol=1e-9)
    mean = solvers.into_dual_cone(gramian, everyone(gramian), np.full((1, 2), 0.5))
    np.testing.assert_allclose(mean @ TWO, [[5 / 9, 10 / 9, 10 / 9]], atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_tasks", SIZES)
def test_the_projection_into_the_dual_cone_equals_scipys(kind: str, n_tasks: int) -> None:
    jacobian = jacobians(kind, n_tasks, n_problems=4)
    gramian, wanted = gramians(jacobian), np.ones((4, n_tasks))
    found = solvers.into_dual_cone(gramian, everyone(gramian), wanted)
    for weights, matrix in zip(found, jacobian, strict=True):
        lengths = np.linalg.norm(matrix, axis=1)
        unit = matrix / np.where(lengths > 0, lengths, 1)[:, None]
        total = wanted[0] @ matrix
        peer = total + nnls(unit.T, -total, maxiter=10_000)[0] @ unit
        assert np.linalg.norm(weights @ matrix - peer) <= 2e-5 * max(
            lengths.max(), 1e-300
        )  # squares are exact to 1e-10


def test_cagrad_gives_the_published_example() -> None:
    gramian = gramians(TWO[None])
    found = 0.5 + solvers.conflict_averse(gramian, everyone(gramian), 0.5)
    np.testing.assert_allclose(found @ TWO, [[0.1835, 1.2041, 1.2041]], atol=5e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_tasks", SIZES)
@pytest.mark.parametrize("radius", [0.0, 0.4, 0.95])
def test_cagrad_stays_in_its_ball_and_meets_a_bound(kind: str, n_tasks: int, radius: float) -> None:
    """For any mixture g_w, <g_w, mean> + radius |mean| |g_w| bounds the least slope: meeting it proves the optimum."""
    jacobian = jacobians(kind, n_tasks)
    gramian = gramians(jacobian)
    added = solvers.conflict_averse(gramian, everyone(gramian), radius)
    mean = jacobian.mean(1)
    reach = radius * np.linalg.norm(mean, axis=1)
    moved = np.einsum("nt,ntp->np", added, jacobian)
    assert (np.linalg.norm(moved, axis=1) <= reach * (1 + 1e-5)).all()
    least = np.einsum("ntp,np->nt", jacobian, mean + moved).min(1)
    mixtures = [np.tile(each, (len(added), 1)) for each in np.eye(n_tasks)]
    mixtures += [
        solvers.least_norm(gramian, everyone(gramian)),
        added / np.maximum(added.sum(1, keepdims=True), 1e-300),
    ]
    mixed = np.stack([np.einsum("nt,ntp->np", each, jacobian) for each in mixtures])
    bounds = (mixed * mean).sum(2) + reach * np.linalg.norm(mixed, axis=2)
    bound = np.where(np.stack(mixtures).sum(2) > 0.5, bounds, np.inf).min(0)
    assert (least >= bound - 1e-8 * solvers.diagonal(gramian).max(1)).all()


# --- balance ------------------------------------------------------------------------------------------------------
def test_nash_and_imtl_give_the_published_weights() -> None:
    np.testing.assert_allclose(balance.fair(*golden(), 1.0), [[1.84776, 1.30656]], atol=5e-6)
    np.testing.assert_allclose(balance.equal_projection(*golden()), [[0.58579, 0.41421]], atol=5e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_tasks", SIZES)
@pytest.mark.parametrize("power", [0.1, 0.5, 1.0, 2.0])
def test_a_fair_bargain_solves_its_equation(kind: str, n_tasks: int, power: float) -> None:
    gramian = gramians(jacobians(kind, n_tasks))
    present = everyone(gramian)
    found = balance.fair(gramian, present, power)
    active = solvers.diagonal(gramian) > 0
    assert (found[active] > 0).all()
    ridge = balance.RIDGE * np.einsum("nt,ts->nts", solvers.diagonal(gramian), np.eye(n_tasks))
    slopes = np.einsum("nts,ns->nt", gramian + ridge, found)
    terms = np.einsum("nts,ns->nt", np.abs(gramian), found)  # what the slopes are sums of
    wanted = np.where(active, found, 1.0) ** -power
    assert (np.abs(slopes - wanted) <= 1e-7 * wanted + 1e-13 * terms)[active].all()


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_fairgrad_equals_torchjd(alpha: float) -> None:
    gramian = gramians(jacobians("random", 3, n_problems=4))
    found = balance.fair(gramian, everyone(gramian), 1 / alpha)
    peers = [_torchjd(aggregation.FairGradWeighting(alpha), each) for each in gramian]
    np.testing.assert_allclose(found, peers, rtol=1e-4)


@pytest.mark.parametrize("n_tasks", SIZES)
@pytest.mark.parametrize("kind", ["random", "tiny", "huge"])
def test_imtl_g_equals_torchjd(kind: str, n_tasks: int) -> None:
    gramian = gramians(jacobians(kind, n_tasks, n_parameters=40))
    found = balance.equal_projection(gramian, everyone(gramian))
    for ours, each in zip(found, gramian / gramian.max((1, 2), keepdims=True), strict=True):
        np.testing.assert_allclose(ours, _torchjd(aggregation.IMTLGWeighting(), each), rtol=1e-6)


def test_imtl_g_says_when_no_direction_serves_all_tasks_equally() -> None:
    gramian = gramians(np.array([[[1.0, 2.0], [-2.0, -4.0]]]))
    assert np.isnan(balance.equal_projection(gramian, everyone(gramian))).all()


ALIGNABLE = [
    (kind, n_tasks)
    for kind in ("random", "equal", "one zero", "tiny", "huge")
    for n_tasks in SIZES
    if (kind, n_tasks) != ("one zero", 1)  # nothing but zeros: no direction to align
]


@pytest.mark.parametrize("scale", ["min", "median", "rmse"])
@pytest.mark.parametrize(("kind", "n_tasks"), ALIGNABLE)
def test_aligned_mtl_equals_torchjd(kind: str, n_tasks: int, scale: Any) -> None:
    gramian = gramians(jacobians(kind, n_tasks, n_parameters=40, n_problems=3))
    found = balance.aligned(gramian, scale).mean(2)
    for ours, each in zip(found, gramian, strict=True):
        np.testing.assert_allclose(ours, _torchjd(aggregation.AlignedMTLWeighting(scale_mode=scale), each), atol=1e-6)


@pytest.mark.parametrize("kind", ["random", "wild", "one zero"])
@pytest.mark.parametrize("n_tasks", SIZES)
def test_gradvac_equals_torchjd_step_after_step(kind: str, n_tasks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = gramians(jacobians(kind, n_tasks, n_problems=4))
    steps = steps / np.maximum(steps.max((1, 2), keepdims=True), 1e-300)
    wanted, peer = np.zeros((1, n_tasks, n_tasks)), aggregation.GradVacWeighting(beta=0.3, eps=0.0)
    for step, gramian in enumerate(steps):
        order = meeting_order(torch.tensor([step]), "order", n_tasks)
        found, wanted = surgery.with_similarity(gramian[None], np.ones((1, n_tasks), bool), order, wanted, 0.3)
        others = [[j - (j > i) for j in row] for i, row in enumerate(order[0].tolist())]
        rows = iter(others)
        monkeypatch.setattr(torch, "randperm", lambda n, rows=rows: torch.tensor(next(rows), dtype=torch.long))
        theirs = _torchjd(peer, gramian)
        if np.isfinite(theirs).all():  # 0 / 0 where a gradient is zero
            np.testing.assert_allclose(found[0], theirs, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("n_tasks", SIZES)
def test_graddrop_equals_torchjd_on_the_same_draws(n_tasks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    jacobian, seeds = torch.from_numpy(jacobians("random", n_tasks, 30, 3)), torch.arange(3)
    found = GradientSignDropout().combined(jacobian, torch.ones(3, n_tasks), 5, {"seed": seeds})
    for ours, each, seed in zip(found, jacobian, seeds, strict=True):
        drawn = torch.from_numpy(draws.bits([int(seed)], "graddrop.5", 15).view(np.uint32)[0] * 2.0**-32)
        monkeypatch.setattr(torch, "rand", lambda *_, drawn=drawn, **__: drawn)
        torch.testing.assert_close(ours, aggregation.GradDrop()(each))


# --- what all are made of -------------------------------------------------------------------------------------
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
    assert (surgery.without_conflicts(gramian, present, order)[:, 2] == 0).all()


def _torchjd(weighting: torch.nn.Module, gramian: Array) -> Array:
    """TorchJD takes one matrix at a time."""
    return np.asarray(weighting(torch.from_numpy(gramian)))
