"""UPGrad, DualProj, CAGrad and Nash-MTL against TorchJD's, which hand each problem to quadprog or cvxpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchjd import aggregation
from torchjd.linalg import QuadprogProjector

from mtl_core.weighting import balance, solvers
from mtl_core.weighting.solvers import Array
from tests.test_solvers import KINDS, SIZES, everyone, gramians, jacobians

EXACT = QuadprogProjector(norm_eps=0.0, reg_eps=1e-12)
"""TorchJD's own regularisation (1e-4) would be the largest difference."""
SINGULAR = ("one zero", "opposite", "near-opposite")
CASES = [(kind, n) for kind in KINDS for n in SIZES if (kind, n) != ("one zero", 1)]  # that is nothing but zeros


def peers(weighting: torch.nn.Module, gramian: Array) -> Array:
    """TorchJD takes one matrix at a time."""
    return np.stack([np.asarray(weighting(torch.from_numpy(each))) for each in gramian])


def unit(kind: str, n_tasks: int, n_problems: int) -> tuple[Array, Array]:
    """Rows of length 1 or 0, and the lengths they had, the longest taken as 1: a cone hangs on directions alone."""
    jacobian = jacobians(kind, n_tasks, n_problems=n_problems)
    lengths = np.linalg.norm(jacobian, axis=2)
    return jacobian / np.where(lengths > 0, lengths, 1)[..., None], lengths / lengths.max(1, keepdims=True).clip(1e-300)


@pytest.mark.parametrize(("kind", "n_tasks"), CASES)
def test_upgrad_and_dualproj_give_torchjds_direction(kind: str, n_tasks: int) -> None:
    directions, lengths = unit(kind, n_tasks, n_problems=3)
    for rows, wanted in zip(directions, lengths / n_tasks, strict=True):
        gramian, preferred = gramians(rows[None]), torch.from_numpy(wanted)
        each = np.repeat(gramian, n_tasks, 0)
        ours = solvers.into_dual_cone(each, everyone(each), np.diag(wanted)).sum(0)
        theirs = peers(aggregation.UPGradWeighting(preferred, EXACT), gramian)[0]
        assert np.linalg.norm((ours - theirs) @ rows) <= 5e-6
        ours = solvers.into_dual_cone(gramian, everyone(gramian), wanted[None])[0]
        theirs = peers(aggregation.DualProjWeighting(preferred, EXACT), gramian)[0]
        assert np.linalg.norm((ours - theirs) @ rows) <= 5e-6


@pytest.mark.parametrize(("kind", "n_tasks"), [case for case in CASES if case[0] != "wild"])
@pytest.mark.parametrize("radius", [0.4, 0.8])
def test_cagrad_serves_the_worst_task_as_torchjds_does(kind: str, n_tasks: int, radius: float) -> None:
    """The least slope is what both maximise; more than one direction may reach it where rows depend on each other.

    cvxpy's solver stops at about 1e-5.
    """
    directions, lengths = unit(kind, n_tasks, n_problems=3)
    jacobian = directions * lengths[..., None]
    gramian = gramians(jacobian)
    ours = 1 / n_tasks + solvers.conflict_averse(gramian, everyone(gramian), radius)
    theirs = peers(aggregation.CAGradWeighting(radius, norm_eps=1e-12), gramian)
    least = [np.einsum("nts,ns->nt", gramian, weights).min(1) for weights in (ours, theirs)]
    assert (least[0] >= least[1] - 1e-6).all()
    if kind not in SINGULAR:
        np.testing.assert_allclose(least[0], least[1], rtol=0, atol=1e-4)
        assert np.linalg.norm(np.einsum("nt,ntp->np", ours - theirs, jacobian), axis=1).max() <= 1e-3


@pytest.mark.filterwarnings("ignore:You are solving a parameterized problem", "ignore:Solution may be inaccurate")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SINGULAR])
@pytest.mark.parametrize("n_tasks", SIZES[1:])
def test_nash_mtl_strikes_torchjds_bargain(kind: str, n_tasks: int) -> None:
    """Where TorchJD's own answer solves the equation of the bargain; it gives up on some with scales far apart."""
    jacobian = jacobians(kind, n_tasks, n_parameters=40, n_problems=3)
    jacobian = jacobian / np.sqrt(np.linalg.norm(gramians(jacobian), axis=(1, 2)))[:, None, None]
    gramian = gramians(jacobian)
    found = balance.fair(gramian, everyone(gramian), 1.0)
    solved = 0
    for ours, rows, matrix in zip(found, jacobian, gramian, strict=True):
        theirs = np.asarray(aggregation.NashMTL(n_tasks, max_norm=0.0).weighting(torch.from_numpy(rows)))
        if np.abs(theirs * (matrix @ theirs) - 1).max() < 1e-4:
            solved += 1
            np.testing.assert_allclose(ours, theirs, rtol=5e-5)
    assert solved or kind == "wild"
