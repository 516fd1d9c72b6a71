"""Every weighting keeps the laws it declares, on random and on degenerate signals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_core.weighting  # noqa: F401 - fills the registry
from mtl_core.weighting.base import Signal, Weighting, weightings
from mtl_core.weighting.by_balance import GradientNormalisation
from mtl_core.weighting.by_gradient import GradientCombination
from mtl_core.weighting.by_loss import Fixed, GeometricLoss, ImpartialLosses, RandomWeights, Uncertainty
from mtl_core.weighting.by_progress import DynamicWeightAverage, FastAdaptive, SmoothTchebycheff
from mtl_core.weighting.laws import LAWS, last_weights
from mtl_core.weighting.solvers import Array

SHAPES = ("random", "equal", "opposite", "zero", "one zero", "near-parallel", "wild")
few = settings(max_examples=15, deadline=None, derandomize=True)


def jacobian(shape: str, generator: np.random.Generator, size: tuple[int, int, int]) -> Array:
    drawn = generator.normal(size=size)
    if shape == "equal":
        drawn[:] = drawn[:, :1]
    if shape == "opposite":
        drawn[:, 1::2] = -2 * drawn[:, :1]
    if shape == "zero":
        drawn[:] = 0
    if shape == "one zero":
        drawn[:, 0] = 0
    if shape == "near-parallel":
        drawn = drawn[:, :1] + 1e-4 * drawn
    if shape == "wild":
        drawn *= 10 ** generator.uniform(-5, 5, (*size[:2], 1))
    return drawn


@st.composite
def histories(draw: st.DrawFn) -> tuple[Signal, ...]:
    """Three successive signals of the same replicas; some tasks may lack labels."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_replicas, n_tasks = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    shape = draw(st.sampled_from(SHAPES))
    complete = draw(st.booleans())
    return tuple(_signal(step, shape, generator, n_replicas, n_tasks, complete) for step in range(3))


def _signal(
    step: int, shape: str, generator: np.random.Generator, n_replicas: int, n_tasks: int, complete: bool
) -> Signal:
    present = torch.from_numpy(generator.random((n_replicas, n_tasks)) < (2 if complete else 0.7))
    gradients = torch.from_numpy(jacobian(shape, generator, (n_replicas, n_tasks, 7))) * present[..., None]
    losses = torch.from_numpy(generator.exponential(size=(n_replicas, n_tasks))).float() * present
    losses = torch.zeros_like(losses) if shape == "zero" else losses
    return Signal(losses, present, step, 1, (gradients @ gradients.mT).float())


def seeds_of(history: Sequence[Signal]) -> torch.Tensor:
    return torch.arange(len(history[0].losses)) + 17


def only(signal: Signal, which: slice) -> Signal:
    assert signal.gramian is not None
    return Signal(signal.losses[which], signal.present[which], signal.step, signal.epoch_steps, signal.gramian[which])


@pytest.fixture(params=list(weightings))
def method(request: pytest.FixtureRequest) -> Weighting:
    return weightings[request.param]()


@pytest.mark.parametrize(("name", "law"), [(name, law) for name in weightings for law in sorted(weightings[name].laws)])
def test_every_declared_law_holds(name: str, law: str) -> None:
    @few
    @given(histories())
    def holds(history: tuple[Signal, ...]) -> None:
        assert LAWS[law](weightings[name](), history, seeds_of(history))

    holds()


@pytest.mark.parametrize("name", weightings)
def test_absent_tasks_weigh_nothing_and_all_weights_are_finite(name: str) -> None:
    @few
    @given(histories())
    def holds(history: tuple[Signal, ...]) -> None:
        found, _ = last_weights(weightings[name](), history, seeds_of(history))
        assert found.shape == history[-1].losses.shape
        assert torch.isfinite(found).all()
        assert (found[~history[-1].present] == 0).all()

    holds()


@pytest.mark.parametrize("name", weightings)
def test_a_replica_alone_gets_the_weights_it_gets_in_the_stack(name: str) -> None:
    @few
    @given(histories())
    def holds(history: tuple[Signal, ...]) -> None:
        seeds, last = seeds_of(history), slice(len(history[0].losses) - 1, None)
        together, _ = last_weights(weightings[name](), history, seeds)
        alone, _ = last_weights(weightings[name](), [only(signal, last) for signal in history], seeds[last])
        torch.testing.assert_close(alone, together[last])

    holds()


@pytest.mark.parametrize("name", [name for name in weightings if name != "fixed"])
def test_a_single_task_has_weight_one(name: str) -> None:
    history = [
        Signal(torch.tensor([[3.0 - s]]), torch.tensor([[True]]), s, 1, torch.tensor([[[4.0]]])) for s in range(4)
    ]
    found, _ = last_weights(weightings[name](), history, torch.tensor([5]))
    torch.testing.assert_close(found, torch.ones(1, 1))


def test_a_gramian_that_is_not_finite_in_one_replica_leaves_the_others_alone(method: Weighting) -> None:
    good = torch.tensor([[1.0, -0.5], [-0.5, 2.0]])
    bad = torch.tensor([[torch.nan, torch.inf], [0.0, 1.0]])
    present, losses = torch.ones(2, 2, dtype=torch.bool), torch.ones(2, 2)
    seeds = torch.tensor([1, 2])
    both, _ = last_weights(method, [Signal(losses, present, 0, 1, torch.stack([good, bad]))], seeds)
    alone, _ = last_weights(method, [Signal(losses[:1], present[:1], 0, 1, good[None])], seeds[:1])
    assert torch.isfinite(both).all()
    torch.testing.assert_close(both[:1], alone)


@pytest.mark.parametrize("name", [name for name in weightings if issubclass(weightings[name], GradientCombination)])
def test_where_nothing_is_shared_gradient_combinations_are_equal_weights(name: str) -> None:
    method = weightings[name]()
    present = torch.tensor([[True, True, False]])
    found, _ = method.weights(Signal(torch.ones(1, 3), present, 0), method.start(present, torch.tensor([3])))
    assert found.tolist() == [[1.0, 1.0, 0.0]]


def test_every_method_says_what_it_is(method: Weighting) -> None:
    assert method.title
    assert method.summary().endswith(".")
    assert len(method.summary()) < 120
    assert method.laws <= set(LAWS)


def test_fixed_weights_are_the_ones_given() -> None:
    present = torch.tensor([[True, True], [True, False]])
    found, _ = Fixed((0.5, 3.0)).weights(Signal(torch.ones(2, 2), present, 0), {})
    assert found.tolist() == [[0.5, 3.0], [0.5, 0.0]]


def test_uncertainty_learns_the_sigmas_of_kendalls_toy() -> None:
    """y1 = 2x + 8 + 10e, y2 = 3x + 3 + e: sigma is the noise that the fit leaves (about 8.6 and 0.92 there)."""
    generator = np.random.default_rng(4)
    x = generator.normal(size=100)
    targets = [2 * x + 8 + 10 * generator.normal(size=100), 3 * x + 3 + generator.normal(size=100)]
    design = np.stack([x, np.ones(100)], 1)
    left = [y - design @ np.linalg.lstsq(design, y)[0] for y in targets]
    losses = torch.tensor([[float(np.mean(each**2)) for each in left]])
    present, method = torch.ones(1, 2, dtype=torch.bool), Uncertainty()
    learned = {name: each.requires_grad_() for name, each in method.parameters(present).items()}
    optimiser = torch.optim.Adam(list(learned.values()), lr=0.1, betas=(0.9, 0.9))
    for _ in range(600):
        optimiser.zero_grad()
        method.objective(losses, present, learned).sum().backward()
        optimiser.step()
    sigmas = (learned["log_variance"] / 2).exp().detach()
    torch.testing.assert_close(sigmas, losses.sqrt(), rtol=5e-3, atol=0)
    assert 8 < sigmas[0, 0] < 12
    assert 0.8 < sigmas[0, 1] < 1.2


def test_imtl_l_brings_every_weighted_loss_to_one() -> None:
    losses, present, method = torch.tensor([[4.0, 0.25]]), torch.ones(1, 2, dtype=torch.bool), ImpartialLosses()
    learned = {name: each.requires_grad_() for name, each in method.parameters(present).items()}
    optimiser = torch.optim.SGD(list(learned.values()), lr=0.2)
    for _ in range(100):
        optimiser.zero_grad()
        method.objective(losses, present, learned).sum().backward()
        optimiser.step()
    torch.testing.assert_close(learned["log_factor"].detach().exp() * losses, torch.ones(1, 2))


def test_geometric_loss_weights_are_the_slopes_of_the_geometric_mean() -> None:
    losses = torch.tensor([[0.5, 2.0, 8.0]], requires_grad=True)
    slopes = torch.autograd.grad(3 * losses.prod() ** (1 / 3), losses)[0]
    found, _ = GeometricLoss().weights(Signal(losses.detach(), torch.ones(1, 3, dtype=torch.bool), 0), {})
    torch.testing.assert_close(found, slopes)


def test_random_weights_change_every_step_and_are_one_on_average() -> None:
    method, present = RandomWeights(), torch.ones(500, 3, dtype=torch.bool)
    state = method.start(present, torch.arange(500))
    first, second = (method.weights(Signal(torch.ones(500, 3), present, step), state)[0] for step in (0, 1))
    assert (first != second).all()
    torch.testing.assert_close(first.mean(0), torch.ones(3), atol=0.1, rtol=0)


def test_famo_follows_the_authors_update() -> None:
    """Their update: Adam with weight decay on the logits, by softmax's pullback of the falls of the log-losses."""
    method, present = FastAdaptive(rate=0.1, decay=0.01), torch.ones(1, 3, dtype=torch.bool)
    state = method.start(present, torch.tensor([0]))
    logits = torch.zeros(3, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.1, weight_decay=0.01)
    history = [torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.5, 1.9, 3.0]]), torch.tensor([[0.4, 1.2, 3.1]])]
    for step, losses in enumerate(history):
        if step:
            fall = (history[step - 1][0] + 1e-8).log() - (losses[0] + 1e-8).log()
            logits.grad = torch.autograd.grad(torch.softmax(logits, 0), logits, fall)[0]
            optimiser.step()
        found, state = method.weights(Signal(losses, present, step), state)
        share = torch.softmax(logits.detach(), 0) / losses[0]
        torch.testing.assert_close(found[0], 3 * share / share.sum(), rtol=1e-4, atol=1e-6)


def test_stch_weights_are_the_slopes_of_the_smooth_maximum() -> None:
    method, present = SmoothTchebycheff(mu=0.5), torch.ones(1, 2, dtype=torch.bool)
    state = method.start(present, torch.tensor([0]))
    first, state = method.weights(Signal(torch.tensor([[2.0, 4.0]]), present, 0), state)
    assert first.tolist() == [[1.0, 1.0]]
    found, _ = method.weights(Signal(torch.tensor([[1.0, 3.0]]), present, 1), state)
    losses = torch.tensor([1.0, 3.0], requires_grad=True)
    slopes = torch.autograd.grad(0.5 * torch.logsumexp(losses / torch.tensor([2.0, 4.0]) / 0.5, 0), losses)[0]
    torch.testing.assert_close(found[0], 2 * slopes / slopes.sum())


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_gradnorm_brings_gradient_sizes_to_their_targets(alpha: float) -> None:
    """Gradients of lengths 1 and 4; the second task's loss has halved, the first's has not moved."""
    method, present = GradientNormalisation(alpha=alpha, rate=0.01), torch.ones(1, 2, dtype=torch.bool)
    state, gramian = method.start(present, torch.tensor([0])), torch.diag(torch.tensor([1.0, 16.0]))[None]
    for step in range(400):
        losses = torch.tensor([[1.0, 1.0]]) if step == 0 else torch.tensor([[1.0, 0.5]])
        found, state = method.weights(Signal(losses, present, step, gramian=gramian), state)
    sizes = found[0] * torch.tensor([1.0, 4.0])
    targets = sizes.mean() * torch.tensor([4 / 3, 2 / 3]) ** alpha
    torch.testing.assert_close(sizes, targets, rtol=0.05, atol=0)


@pytest.mark.parametrize("method", [Uncertainty(), ImpartialLosses()], ids=repr)
def test_slopes_of_a_learned_objective_are_the_tapes(method: Weighting) -> None:
    losses, present = torch.tensor([[2.0, 0.5, 0.0], [0.1, 4.0, 3.0]]), torch.tensor([[True, True, False], [True] * 3])
    learned = {name: each + torch.tensor([0.3, -1.0, 2.0]) for name, each in method.parameters(present).items()}
    learned = {name: each.requires_grad_() for name, each in learned.items()}
    wanted = Weighting.slopes(method, losses, present, learned)
    torch.testing.assert_close(method.slopes(losses, present, learned), wanted)


def test_an_absent_task_does_not_move_its_log_variance() -> None:
    present, method = torch.tensor([[True, False]]), Uncertainty()
    learned = {name: each.requires_grad_() for name, each in method.parameters(present).items()}
    method.objective(torch.tensor([[2.0, 0.0]]), present, learned).sum().backward()
    assert learned["log_variance"].grad is not None
    assert learned["log_variance"].grad[0, 1] == 0


def test_dwa_is_the_papers_softmax_over_epoch_means() -> None:
    """Two steps an epoch; epoch means (4, 2) then (2, 2): rates 0.5 and 1, weights 2 softmax(rates / 2)."""
    method, present = DynamicWeightAverage(temperature=2.0), torch.ones(1, 2, dtype=torch.bool)
    state, found = method.start(present, torch.tensor([0])), []
    for step, losses in enumerate([(5.0, 1.0), (3.0, 3.0), (2.0, 2.0), (2.0, 2.0), (9.0, 9.0)]):
        weights, state = method.weights(Signal(torch.tensor([losses]), present, step, epoch_steps=2), state)
        found.append(weights)
    assert all(weights.tolist() == [[1.0, 1.0]] for weights in found[:4])
    torch.testing.assert_close(found[4], 2 * torch.softmax(torch.tensor([[0.25, 0.5]]), 1))
