"""The toys keep the figures that are known of them, and their problems are the published ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from benchmarks.toys import goldens, grouping, kendall, schools, sinusoids, surface
from benchmarks.toys.__main__ import PARTS
from benchmarks.toys.checks import Check
from mtl_core.lessons.walk import walks
from mtl_core.weighting.base import weightings


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def keep(checks: Iterable[Check]) -> None:
    missed = [f"{each.name}: {each.figure}, expected {each.expected}" for each in checks if not each.kept]
    assert not missed, "; ".join(missed)


def test_two_gradients_give_the_published_numbers() -> None:
    keep(goldens.measure())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", surface.METHODS)
def test_the_paths_over_the_loss_surface_end_where_the_papers_say(name: str) -> None:
    keep(surface.checks(name))
    for shown, measured in zip(walks()[0].maps, surface.paths(name), strict=True):
        starts, ends = zip(*[(walk[0], walk[-1]) for walk in shown.walks[name]], strict=True)
        np.testing.assert_allclose(starts, measured[0], atol=0.01)
        np.testing.assert_allclose(ends, measured[-1], atol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "measure", [kendall.measure, grouping.measure, schools.measure], ids=lambda each: each.__module__
)
def test_a_toy_keeps_its_figures(measure: Callable[[], Iterable[Check]]) -> None:
    keep(measure())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sinusoids.PUBLISHED)
def test_sine_waves_are_learned_as_well_as_published(name: str) -> None:
    keep(sinusoids.published(name))


def test_every_toy_has_a_name() -> None:
    assert set(PARTS) == {"goldens", "surface", "kendall", "grouping", "schools", "sinusoids"}


def test_the_two_losses_are_those_of_the_paper() -> None:
    """Values of both losses at points of all parts of the plane, from the formula of CAGrad's appendix by hand."""
    points = np.array([[-8.5, 7.5], [9.0, 9.0], [0.0, -8.0], [3.0, -0.5], [-7.0, 0.3]])
    found = surface.losses(torch.tensor(points).unsqueeze(1).expand(-1, 2, -1), torch.ones(5, dtype=torch.float64))
    for (x, y), both in zip(points, found, strict=True):
        c1, c2 = max(np.tanh(0.5 * y), 0), max(np.tanh(-0.5 * y), 0)
        f1 = np.log(max(abs(0.5 * (-x - 7) - np.tanh(-y)), 5e-6)) + 6
        f2 = np.log(max(abs(0.5 * (-x + 3) + np.tanh(-y) + 2), 5e-6)) + 6
        g1 = ((-x + 7) ** 2 + 0.1 * (-y - 8) ** 2) / 10 - 20
        g2 = ((-x - 7) ** 2 + 0.1 * (-y - 8) ** 2) / 10 - 20
        np.testing.assert_allclose(both.numpy(), [c1 * f1 + c2 * g1, c1 * f2 + c2 * g2], rtol=1e-12)


@pytest.mark.parametrize("name", weightings)
def test_every_registered_weighting_walks_over_the_surface(name: str) -> None:
    starts, first = np.array([[-3.0, -5.0], [6.0, -6.0]]), np.array([1.0, 0.1])
    path = surface.descent(weightings[name](), starts, first, steps=2 * surface.EVERY)
    assert path.shape == (3, 2, 2)
    assert np.isfinite(path).all()
    moved = np.abs(path[-1] - starts).max(1)
    assert ((moved > 1e-3) & (moved <= 2 * surface.EVERY * surface.RATE * 1.1)).all()


def test_mean_regularised_regression_is_ridge_regression_on_a_common_and_an_own_part() -> None:
    random = np.random.default_rng(0)
    school, x = np.repeat(np.arange(5), 8), random.standard_normal((40, 3))
    y, strength, free = x @ [1.0, 2.0, -1.0] + school + random.standard_normal(40), 2.5, 1e3
    own = np.einsum("nf,nt->ntf", x, np.eye(5)[school]).reshape(40, -1)
    fitted = Ridge(alpha=strength, fit_intercept=False, solver="svd").fit(np.column_stack([free * x, own]), y)
    wanted = free * fitted.coef_[:3] + fitted.coef_[3:].reshape(5, 3)
    found = schools.together(*schools.moments(school, x, y, 5), strength)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_the_shipped_schools_are_the_published_table() -> None:
    school, x, y = schools.pupils()
    assert (len(y), len(np.unique(school))) == (7185, 160)
    assert y.mean() == pytest.approx(12.748, abs=5e-4)
    assert x[:, 2].std(ddof=1) == pytest.approx(0.779, abs=5e-4)
