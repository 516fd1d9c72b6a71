"""Scores agree with scikit-learn, the fused trunk with autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    d2_absolute_error_score,
    d2_tweedie_score,
    log_loss,
    mean_absolute_error,
    mean_poisson_deviance,
    r2_score,
)

from mtl_core.metrics import metrics
from mtl_core.models.chain import chain
from mtl_core.tasks import kinds
from mtl_core.tasks.lists import Lists

OUTPUTS = torch.randn(3, 40, 4, generator=torch.Generator().manual_seed(0))
CODES = torch.randint(0, 4, (3, 40), generator=torch.Generator().manual_seed(1)).float()
BOXES = torch.randn(3, 40, 4, generator=torch.Generator().manual_seed(3))
HIDDEN = torch.rand(3, 40, generator=torch.Generator().manual_seed(2)) < 0.2
CLASSES = CODES.masked_fill(HIDDEN, torch.nan)


def score(name: str, outputs: torch.Tensor, targets: torch.Tensor) -> np.ndarray:
    if metrics[name].in_boxes:
        return metrics[name]().box_score(outputs, BOXES, ~torch.isnan(targets)).numpy()
    if metrics[name].in_lists:
        lists = Lists((torch.arange(outputs.shape[1]) // 8).expand(targets.shape), 8)
        return metrics[name]().list_score(outputs[:, None], targets[:, None], lists)[:, 0].numpy()
    (constant,) = {kinds[kind].constant for kind in metrics[name].kinds}
    return metrics[name]().score(outputs, targets, torch.full((len(outputs),), constant)).numpy()


def chances(outputs: torch.Tensor) -> np.ndarray:
    """Class probabilities [B, K] of an ordinal head's outputs [B, K - 1], multiplied out step by step."""
    on = 1 / (1 + np.exp(-outputs.double().numpy()))
    left, found = np.ones(len(on)), []
    for k in range(on.shape[1]):
        found.append(left * (1 - on[:, k]))
        left = left * on[:, k]
    return np.stack([*found, left], 1)


def test_log_loss_and_error_rate_of_several_classes_are_scikit_learns() -> None:
    for r in range(3):
        known = ~HIDDEN[r]
        probability = torch.softmax(OUTPUTS[r, known].double(), -1).numpy()
        truth = CODES[r, known].numpy()
        assert score("log_loss", OUTPUTS, CLASSES)[r] == pytest.approx(
            log_loss(truth, probability, labels=range(4)), 1e-5
        )
        wrong = 1 - accuracy_score(truth, probability.argmax(1))
        assert score("error_rate", OUTPUTS, CLASSES)[r] == pytest.approx(wrong, 1e-6)
        wrong = 1 - balanced_accuracy_score(truth, probability.argmax(1))
        assert score("balanced_error_rate", OUTPUTS, CLASSES)[r] == pytest.approx(wrong, 1e-6)


def test_log_loss_and_error_rate_of_two_classes_are_scikit_learns() -> None:
    truth = torch.where(HIDDEN, torch.nan, (CODES > 1).float())
    for r in range(3):
        known = ~HIDDEN[r]
        probability = torch.sigmoid(OUTPUTS[r, known, 0].double()).numpy()
        labels = truth[r, known].numpy()
        found = score("log_loss", OUTPUTS[..., :1], truth)[r], score("error_rate", OUTPUTS[..., :1], truth)[r]
        assert found[0] == pytest.approx(log_loss(labels, probability, labels=[0, 1]), 1e-5)
        assert found[1] == pytest.approx(1 - accuracy_score(labels, probability > 0.5), 1e-6)


def test_explained_variance_is_scikit_learns_when_the_training_mean_is_the_test_mean() -> None:
    targets = torch.randn(3, 40, generator=torch.Generator().manual_seed(3))
    targets = targets - targets.mean(1, keepdim=True)
    for r in range(3):
        expected = r2_score(targets[r].numpy(), OUTPUTS[r, :, 0].numpy())
        assert score("r2", OUTPUTS[..., :1], targets)[r] == pytest.approx(expected, 1e-4)
        assert score("rrmse", OUTPUTS[..., :1], targets)[r] == pytest.approx(np.sqrt(1 - expected), 1e-4)


def test_relative_error_is_one_for_the_training_mean_itself() -> None:
    targets = torch.randn(3, 40, generator=torch.Generator().manual_seed(3)) + 5
    mean = torch.tensor([4.0, 5.0, 6.0])
    outputs = mean[:, None, None].expand(3, 40, 1)
    assert metrics["rrmse"]().score(outputs, targets, mean).numpy() == pytest.approx(np.ones(3))


def test_absolute_and_count_errors_are_scikit_learns_where_the_best_constant_is_the_same() -> None:
    numbers = torch.randn(3, 41, generator=torch.Generator().manual_seed(3)) * 4
    numbers = numbers - numbers.median(1, keepdim=True).values
    counts = torch.poisson(torch.full((3, 41), 2.0), generator=torch.Generator().manual_seed(4))
    shares = counts / counts.mean(1, keepdim=True)
    guesses = torch.randn(3, 41, 1, generator=torch.Generator().manual_seed(5))
    for r in range(3):
        guess = guesses[r, :, 0].double().numpy()
        wrong = 1 - d2_absolute_error_score(numbers[r].numpy(), guess)
        assert score("rmae", guesses, numbers)[r] == pytest.approx(wrong, 1e-5)
        unexplained = 1 - d2_tweedie_score(shares[r].double().numpy(), np.exp(guess), power=1)
        assert score("relative_deviance", guesses, shares)[r] == pytest.approx(unexplained, 1e-5)


def test_a_constant_prediction_has_the_trivial_error_of_its_kind() -> None:
    constant = torch.zeros(3, 40, 1)
    assert score("relative_deviance", constant, CLASSES) == pytest.approx(np.ones(3))
    assert score("rmae", constant, CLASSES) == pytest.approx(np.ones(3))
    shares = np.array([0.5, 0.2, 0.2, 0.1])
    on = 1 - shares[:3] / np.cumsum(shares[::-1])[::-1][:3]
    outputs = torch.from_numpy(np.log(on / (1 - on))).expand(1, 10, 3)
    truth = torch.tensor([[0.0] * 5 + [1.0] * 2 + [2.0] * 2 + [3.0]])
    assert score("ranked_probability", outputs, truth) == pytest.approx([kinds["ordinal"]().trivial(shares)])
    assert kinds["ordinal"]().trivial(np.array([0.5, 0.5])) == pytest.approx(0.25)


def test_the_ranked_probability_score_is_the_energy_distance_and_briers_score_of_two_classes() -> None:
    """Gneiting, Raftery, JASA 2007: sum of squared distances of the distributions = E|X - y| - E|X - X'| / 2."""
    found = score("ranked_probability", OUTPUTS[..., :3], CLASSES)
    for r in range(3):
        known = ~HIDDEN[r]
        chance, truth, steps = chances(OUTPUTS[r, known, :3]), CODES[r, known].numpy(), np.arange(4)
        near = (chance * np.abs(steps - truth[:, None])).sum(1)
        apart = np.einsum("bi,bj,ij->b", chance, chance, np.abs(steps[:, None] - steps))
        assert found[r] == pytest.approx((near - apart / 2).mean() / 3, 1e-5)
        median = (np.cumsum(chance, 1) < 0.5).sum(1)
        assert score("steps_off", OUTPUTS[..., :3], CLASSES)[r] == pytest.approx(mean_absolute_error(truth, median))
    yes = (CODES > 1).float()
    chance = torch.sigmoid(OUTPUTS[0, :, 0].double()).numpy()
    expected = brier_score_loss(yes[0].numpy(), chance)
    assert score("ranked_probability", OUTPUTS[..., :1], yes)[0] == pytest.approx(expected, 1e-5)


@pytest.mark.parametrize("name", list(metrics))
def test_rows_without_a_label_do_not_count_and_no_label_at_all_is_unknown(name: str) -> None:
    outputs = OUTPUTS[..., : max(kinds[kind]().n_outputs(4) for kind in metrics[name].kinds)]
    targets = CLASSES.clone()
    targets[2] = torch.nan
    other = outputs.clone()
    other[torch.isnan(targets)] = 1e3
    np.testing.assert_array_equal(score(name, outputs, targets)[:2], score(name, other, targets)[:2])
    assert np.isnan(score(name, outputs, targets)[2])


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("with_head", [True, False])
def test_the_fused_trunk_has_autograds_numbers_and_gradients(activation: str, with_head: bool) -> None:
    random = torch.Generator().manual_seed(4)

    def leaf(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64).requires_grad_()

    inputs = leaf(2, 7, 3)
    hidden = [(leaf(2, 3, 5), leaf(2, 1, 5)), (leaf(2, 5, 5), leaf(2, 1, 5))]
    head = (leaf(2, 4, 5), leaf(2, 4, 1)) if with_head else None
    leaves = [inputs, *(each for layer in (*hidden, *([head] if head else [])) for each in layer)]
    bend = torch.relu if activation == "relu" else torch.tanh
    plain = inputs
    for weight, bias in hidden:
        plain = bend(plain @ weight + bias)
    plain = plain if head is None else plain @ head[0].transpose(1, 2) + head[1].transpose(1, 2)
    fused = chain(inputs, hidden, head, activation)
    torch.testing.assert_close(fused, plain)
    pull = torch.randn(plain.shape, generator=random, dtype=torch.float64)
    for mine, theirs in zip(
        torch.autograd.grad(fused, leaves, pull), torch.autograd.grad(plain, leaves, pull), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("name", list(kinds))
def test_the_slope_of_a_loss_is_autograds(name: str) -> None:
    kind = kinds[name]()
    size = kind.n_outputs(4)
    outputs = OUTPUTS[..., :size].double().clone().requires_grad_()
    targets = CODES if size > 1 else (CODES > 1).double()
    if kind.in_lists:
        lists = Lists((torch.arange(40) // 8).expand(3, 40), 8)
        found = kind.list_loss(outputs[:, :, None], targets[..., None], lists)
        loss, slope = found[0][:, :, 0], found[1][:, :, 0]
    elif kind.in_boxes:
        loss, slope = kind.box_loss(outputs, BOXES.double())
    else:
        loss, slope = kind.loss(outputs, targets)
    torch.testing.assert_close(slope, torch.autograd.grad(loss.sum(), outputs)[0])
    assert loss.shape == targets.shape


def test_losses_are_pytorchs() -> None:
    wide, narrow = OUTPUTS.reshape(-1, 4), OUTPUTS[..., 0].reshape(-1)
    codes, yes = CODES.reshape(-1), (CODES > 1).float().reshape(-1)
    losses = torch.nn.functional
    torch.testing.assert_close(
        kinds["multiclass"]().loss(wide, codes)[0], losses.cross_entropy(wide, codes.long(), reduction="none")
    )
    torch.testing.assert_close(
        kinds["binary"]().loss(narrow[:, None], yes)[0],
        losses.binary_cross_entropy_with_logits(narrow, yes, reduction="none"),
    )
    torch.testing.assert_close(
        kinds["regression"]().loss(narrow[:, None], yes)[0], losses.mse_loss(narrow, yes, reduction="none")
    )
    torch.testing.assert_close(
        kinds["median"]().loss(narrow[:, None], yes)[0], losses.l1_loss(narrow, yes, reduction="none")
    )
    far = 3 * narrow
    torch.testing.assert_close(
        kinds["huber"]().loss(far[:, None], yes)[0],
        2 * losses.huber_loss(far, yes, reduction="none", delta=1.345),
    )


def test_the_loss_of_counts_is_scikit_learns_poisson_deviance_and_never_negative() -> None:
    rows = OUTPUTS[..., 0].reshape(-1).double()
    counts = CODES.reshape(-1).double()
    loss, _ = kinds["count"]().loss(rows[:, None], counts)
    assert loss.mean().item() == pytest.approx(mean_poisson_deviance(counts.numpy(), rows.exp().numpy()), 1e-9)
    exact, _ = kinds["count"]().loss(torch.log(counts + 1)[:, None], counts + 1)
    torch.testing.assert_close(exact, torch.zeros_like(exact))


def test_the_loss_of_ordered_classes_is_the_surprise_at_the_true_one() -> None:
    rows, codes = OUTPUTS[..., :3].reshape(-1, 3), CODES.reshape(-1)
    loss, _ = kinds["ordinal"]().loss(rows, codes)
    assert loss.mean().item() == pytest.approx(log_loss(codes.numpy(), chances(rows), labels=range(4)), 1e-5)
