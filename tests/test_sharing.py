"""Every sharing type is a stack of separate networks, and its limits are the types it generalises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import mtl_core.models  # noqa: F401 - fills the registry
from mtl_core.models import layers
from mtl_core.models.adapters import Adapters
from mtl_core.models.attention import MultiTaskAttention
from mtl_core.models.base import Parameters, Shape, Sharing, Trunk, sharings, slices
from mtl_core.models.experts import MultiGateMixtureOfExperts, OneGateMixtureOfExperts
from mtl_core.models.extraction import CustomisedGateControl, ProgressiveLayeredExtraction
from mtl_core.models.hard import Hard, Independent
from mtl_core.models.soft import Soft, SoftTrace
from mtl_core.models.stitch import CrossStitch, Sluice
from mtl_core.registry import InvalidInput

SEEDS = np.array([3, 14, 15, 92, 65])
SHAPES = {
    "equal heads": Shape(4, (1, 1, 1), Trunk(width=8, depth=3)),
    "mixed heads": Shape(4, (1, 3, 2), Trunk(width=8, depth=2, activation="tanh")),
    "one layer, two tasks": Shape(4, (2, 2), Trunk(width=8, depth=1)),
    "one task": Shape(4, (2,), Trunk(width=8, depth=2)),
    "pictures of 2 x 2": Shape(4, (1, 3), Trunk(width=8, depth=2, convolutions=1), image=(2, 2, 1)),
}


VARIANTS = [
    *(sharings[name]() for name in sharings),
    Hard(private_layers=1),
    CrossStitch(frozen=True),
    CustomisedGateControl(own_experts=0),
    ProgressiveLayeredExtraction(experts=1, own_experts=2),
    ProgressiveLayeredExtraction(own_experts=0),
]


@pytest.fixture(params=VARIANTS, ids=repr)
def sharing(request: pytest.FixtureRequest) -> Sharing:
    found: Sharing = request.param
    return found


@pytest.fixture(params=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


def rows(n_replicas: int = len(SEEDS), n_rows: int = 7) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(n_replicas, n_rows, 4))).float()


def begun(sharing: Sharing, shape: Shape, seeds: np.ndarray[tuple[int], np.dtype[np.int64]] = SEEDS) -> Parameters:
    return layers.start(sharing.layout(shape), seeds)


def losses(sharing: Sharing, parameters: Parameters, inputs: torch.Tensor, shape: Shape) -> torch.Tensor:
    """A squared error for each task [R, T]."""
    outputs = sharing.forward(parameters, inputs, shape)
    return torch.stack([(outputs[..., where] - 1).square().mean((1, 2)) for where in slices(shape)], 1)


def gradients(loss: torch.Tensor, parameters: Parameters) -> Parameters:
    found = torch.autograd.grad(loss.sum(), list(parameters.values()), retain_graph=True, allow_unused=True)
    pairs = zip(parameters.items(), found, strict=True)
    return {name: torch.zeros_like(value) if g is None else g for (name, value), g in pairs}


def trained(sharing: Sharing, shape: Shape, steps: int, rate: float = 0.05) -> Parameters:
    parameters, inputs = begun(sharing, shape), rows()
    targets = torch.arange(sum(shape.outputs)) - 1.0
    present = torch.ones(len(SEEDS), shape.n_tasks, dtype=torch.bool)
    optimiser = torch.optim.SGD(list(parameters.values()), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (sharing.forward(parameters, inputs, shape) - targets).square().mean(1).sum()
        pull = sharing.penalty(parameters, present, shape)
        (loss if pull is None else loss + pull.sum()).backward()
        optimiser.step()
    return parameters


# --- laws of every sharing type -----------------------------------------------------------------------------
def test_a_network_has_as_many_numbers_as_its_layout_counts(sharing: Sharing, shape: Shape) -> None:
    assert sum(value[0].numel() for value in begun(sharing, shape).values()) == sharing.count(shape)


def test_outputs_stand_side_by_side(sharing: Sharing, shape: Shape) -> None:
    outputs = sharing.forward(begun(sharing, shape), rows(), shape)
    assert outputs.shape == (len(SEEDS), 7, sum(shape.outputs))


def test_a_network_alone_computes_what_it_computes_in_the_stack(sharing: Sharing, shape: Shape) -> None:
    inputs = rows()
    stack, alone = begun(sharing, shape), begun(sharing, shape, SEEDS[2:3])
    in_stack = losses(sharing, stack, inputs, shape)
    by_itself = losses(sharing, alone, inputs[2:3], shape)
    torch.testing.assert_close(in_stack[2:3], by_itself, rtol=1e-5, atol=1e-6)
    together, separate = gradients(in_stack, stack), gradients(by_itself, alone)
    for name, value in separate.items():
        torch.testing.assert_close(together[name][2:3], value, rtol=1e-5, atol=1e-6)


def test_one_network_never_moves_another(sharing: Sharing, shape: Shape) -> None:
    parameters = begun(sharing, shape)
    for value in gradients(losses(sharing, parameters, rows(), shape)[1], parameters).values():
        assert not value[[0, 2, 3, 4]].any()


def test_rows_do_not_see_each_other(sharing: Sharing, shape: Shape) -> None:
    parameters, inputs = begun(sharing, shape), rows()
    whole = sharing.forward(parameters, inputs, shape)
    part = sharing.forward(parameters, inputs[:, 2:4], shape)
    torch.testing.assert_close(whole[:, 2:4], part, rtol=1e-5, atol=1e-6)


def test_heads_and_the_first_trunk_start_where_a_twin_alone_starts(sharing: Sharing, shape: Shape) -> None:
    ours, twin = begun(sharing, shape), begun(Independent(), shape)
    assert torch.equal(ours["head.weight"], twin["head.weight"])
    assert torch.equal(ours["head.bias"], twin["head.bias"])
    first = ours["trunk.0.weight"].reshape(len(SEEDS), -1, *shape.matrices[0])[:, 0]
    assert torch.equal(first, twin["trunk.0.weight"][:, 0])


@pytest.mark.parametrize("name", [name for name, each in SHAPES.items() if each.n_tasks > 1])
def test_a_private_number_is_moved_by_one_task_and_a_shared_tensor_by_several(sharing: Sharing, name: str) -> None:
    shape = SHAPES[name]
    parameters = begun(sharing, shape)
    each = losses(sharing, parameters, rows(), shape)
    moved = [gradients(each[:, t], parameters) for t in range(shape.n_tasks)]
    for key in parameters:
        movers = torch.stack([grads[key] != 0 for grads in moved]).sum(0)
        assert (movers.max() > 1) == (key in sharing.shared(shape)), key


def test_numbers_worth_seeing_lead_with_the_replicas(sharing: Sharing, shape: Shape) -> None:
    for value in sharing.inside(begun(sharing, shape), rows(), shape).values():
        assert len(value) == len(SEEDS)
        assert torch.isfinite(value).all()


def test_every_sharing_type_says_what_it_is(sharing: Sharing) -> None:
    assert sharing.title
    assert sharing.diagram
    assert sharing.summary().endswith(".")


# --- limits ---------------------------------------------------------------------------------------------------
LIMITS: dict[str, tuple[Sharing, Sharing]] = {
    "hard with every layer private is independent": (Hard(private_layers=8), Independent()),
    "soft without a pull is independent": (Soft(strength=0.0), Independent()),
    "cross-stitch, identity and frozen, is independent": (CrossStitch(own=1.0, frozen=True), Independent()),
    "soft without a trace norm is independent": (SoftTrace(strength=0.0), Independent()),
    "one expert is hard": (MultiGateMixtureOfExperts(experts=1), Hard()),
    "one expert behind one gate is hard": (OneGateMixtureOfExperts(experts=1), Hard()),
    "one shared expert and none of their own is hard": (CustomisedGateControl(experts=1, own_experts=0), Hard()),
    "the same in every level is hard": (ProgressiveLayeredExtraction(experts=1, own_experts=0), Hard()),
    "adapters of rank 0 are hard": (Adapters(rank=0), Hard()),
    "a sluice of one part and no price is cross-stitch": (Sluice(parts=1, orthogonality=0.0), CrossStitch()),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_exact_from_the_first_step_to_the_last(name: str, shape: Shape) -> None:
    general, special = LIMITS[name]
    for steps in (0, 8) if "sluice" not in name else (0,):  # its mixture of layers moves from the first step on
        ours = general.forward(trained(general, shape, steps), rows(), shape)
        theirs = special.forward(trained(special, shape, steps), rows(), shape)
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_cross_stitch_of_one_task_is_the_plain_network() -> None:
    shape = SHAPES["one task"]
    ours, plain = begun(CrossStitch(), shape), begun(Independent(), shape)
    torch.testing.assert_close(CrossStitch().forward(ours, rows(), shape), Independent().forward(plain, rows(), shape))


def test_a_strong_pull_makes_the_trunks_equal_and_a_weak_one_does_not() -> None:
    shape = SHAPES["mixed heads"]

    def spread(strength: float) -> float:
        found = trained(Soft(strength=strength), shape, 150, rate=0.004)["trunk.1.weight"]
        return float(found.detach().std(1).max())

    assert spread(100.0) < 0.02 * spread(0.0)


def test_the_pull_is_the_distance_to_the_mean_of_the_present_trunks() -> None:
    shape = Shape(4, (1, 1, 1), Trunk(width=8, depth=1))
    parameters = begun(Soft(), shape)
    moved = {name: value.detach().clone() for name, value in parameters.items()}
    moved["trunk.0.bias"][:, 0] += 2.0  # 8 units, 2 away: with the mean in the middle 8 * (1 + 1) = 16
    moved["trunk.0.weight"][:, 2] += 100.0  # absent: must not count
    present = torch.tensor([[True, True, False], [True, False, False]])
    two = {name: value[:2] for name, value in moved.items()}
    found = Soft(strength=0.5).penalty(two, present, shape)
    assert found is not None
    torch.testing.assert_close(found, torch.tensor([8.0, 0.0]), rtol=1e-5, atol=1e-5)


def test_the_pull_moves_trunks_towards_each_other_as_its_formula_says() -> None:
    """Gradient 2 * strength * (trunk - mean of the present trunks); nothing for an absent task."""
    shape = Shape(4, (1, 1, 1), Trunk(width=8, depth=1))
    parameters = {name: torch.randn_like(value).requires_grad_() for name, value in begun(Soft(), shape).items()}
    present = torch.tensor([[True, True, False]] * len(SEEDS))
    pull = Soft(strength=0.5).penalty(parameters, present, shape)
    assert pull is not None
    found = gradients(pull, parameters)["trunk.0.weight"]
    weight = parameters["trunk.0.weight"].detach()
    torch.testing.assert_close(found[:, :2], weight[:, :2] - weight[:, :2].mean(1, keepdim=True))
    assert not found[:, 2].any()


def test_stitches_start_near_the_identity_and_keep_the_size_of_activations() -> None:
    shape = SHAPES["equal heads"]
    seen = CrossStitch(own=0.8).inside(begun(CrossStitch(own=0.8), shape), rows(), shape)["stitch.0"]
    torch.testing.assert_close(seen.sum(2), torch.ones(len(SEEDS), 3))
    torch.testing.assert_close(seen[0], torch.full((3, 3), 0.1) + 0.7 * torch.eye(3))


def test_gates_share_out_one_whole() -> None:
    shape, sharing = SHAPES["mixed heads"], MultiGateMixtureOfExperts(experts=5)
    seen = sharing.inside(begun(sharing, shape), rows(), shape)["gates"]
    assert seen.shape == (len(SEEDS), 3, 5)
    torch.testing.assert_close(seen.sum(2), torch.ones(len(SEEDS), 3))


def test_a_mixture_of_experts_is_the_papers_formula() -> None:
    """Head of the mixed features, written out for one row, one task and one network."""
    shape, sharing = Shape(4, (1, 2), Trunk(width=8, depth=1)), MultiGateMixtureOfExperts(experts=3)
    parameters, inputs = begun(sharing, shape), rows()
    x, mine = inputs[1, 0], {name: value[1] for name, value in parameters.items()}
    experts = [torch.relu(x @ mine["trunk.0.weight"][e] + mine["trunk.0.bias"][e, 0]) for e in range(3)]
    gate = torch.softmax(mine["gate.weight"][3:6] @ x, 0)
    features = sum((gate[e] * experts[e] for e in range(3)), torch.zeros(8))
    wanted = mine["head.weight"][1:] @ features + mine["head.bias"][1:, 0]
    found = sharing.forward(parameters, inputs, shape)[1, 0, 1:]
    torch.testing.assert_close(found, wanted)


def test_one_level_of_extraction_is_customised_gate_control() -> None:
    shape = SHAPES["one layer, two tasks"]
    levels, flat = ProgressiveLayeredExtraction(), CustomisedGateControl()
    ours = levels.forward(trained(levels, shape, 8), rows(), shape)
    torch.testing.assert_close(ours, flat.forward(trained(flat, shape, 8), rows(), shape), rtol=1e-5, atol=1e-6)


def test_own_experts_speak_to_their_task_only() -> None:
    """The papers' formula, written out for one row, one task and one network."""
    shape, sharing = Shape(4, (1, 2), Trunk(width=8, depth=1)), CustomisedGateControl(experts=2, own_experts=1)
    parameters, inputs = begun(sharing, shape), rows()
    x, mine = inputs[1, 0], {name: value[1] for name, value in parameters.items()}
    heard = [(mine["trunk.0.weight"][e], mine["trunk.0.bias"][e, 0]) for e in range(2)]
    heard.append((mine["own.0.weight"][1], mine["own.0.bias"][1, 0]))
    gate = torch.softmax(mine["gate.0"][1] @ x, 0)
    features = sum((g * torch.relu(x @ w + b) for g, (w, b) in zip(gate, heard, strict=True)), torch.zeros(8))
    wanted = mine["head.weight"][1:] @ features + mine["head.bias"][1:, 0]
    torch.testing.assert_close(sharing.forward(parameters, inputs, shape)[1, 0, 1:], wanted)


def test_attention_masks_lie_between_0_and_1_and_let_features_through() -> None:
    """z_0 = sigmoid(A_0 h_0) h_0 and z_1 = sigmoid(A_1 [h_1; z_0]) h_1, for one row, one task and one network."""
    shape, sharing = Shape(4, (1, 2), Trunk(width=8, depth=2)), MultiTaskAttention()
    parameters, inputs = begun(sharing, shape), rows()
    seen, mine = inputs[1, 0], {name: value[1] for name, value in parameters.items()}
    z = torch.zeros(0)
    for i in range(2):
        seen = torch.relu(seen @ mine[f"trunk.{i}.weight"] + mine[f"trunk.{i}.bias"][0])
        asked = torch.cat([seen, z]) @ mine[f"attention.{i}.weight"][1] + mine[f"attention.{i}.bias"][1, 0]
        z = torch.sigmoid(asked) * seen
    wanted = mine["head.weight"][1:] @ z + mine["head.bias"][1:, 0]
    torch.testing.assert_close(sharing.forward(parameters, inputs, shape)[1, 0, 1:], wanted)
    masks = sharing.inside(parameters, inputs, shape)["masks"]
    assert masks.shape == (len(SEEDS), 2, 2)
    assert ((masks > 0) & (masks < 1)).all()


def test_adapters_begin_as_one_trunk_for_all(shape: Shape) -> None:
    ours = Adapters(rank=3).forward(begun(Adapters(rank=3), shape), rows(), shape)
    torch.testing.assert_close(ours, Hard().forward(begun(Hard(), shape), rows(), shape), rtol=1e-5, atol=1e-6)


def test_the_trace_norm_and_its_slope_are_those_of_the_singular_values() -> None:
    shape = Shape(4, (1, 1, 1), Trunk(width=8, depth=2))
    parameters = {name: torch.randn_like(value).requires_grad_() for name, value in begun(Soft(), shape).items()}
    present = torch.tensor([[True, True, True], [True, False, True]] + [[True] * 3] * 3)
    found = SoftTrace(strength=0.5).penalty(parameters, present, shape)
    weights = [parameters[f"trunk.{i}.weight"].flatten(2) * present[:, :, None] for i in range(2)]
    wanted = sum((0.5 * torch.linalg.svdvals(each).sum(1) for each in weights), torch.zeros(len(SEEDS)))
    assert found is not None
    torch.testing.assert_close(found, wanted)
    ours, theirs = gradients(found, parameters), gradients(wanted, parameters)
    for name in parameters:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-3, atol=1e-5)


def test_a_trace_norm_of_a_diverged_network_does_not_stop_the_others() -> None:
    shape = Shape(4, (1, 1), Trunk(width=8, depth=1))
    parameters = {name: value.detach().clone() for name, value in begun(Soft(), shape).items()}
    parameters["trunk.0.weight"][0] = torch.nan
    found = SoftTrace().penalty(parameters, torch.ones(len(SEEDS), 2, dtype=torch.bool), shape)
    assert found is not None
    assert torch.isfinite(found[1:]).all()


def test_sluice_prices_parts_that_do_the_same() -> None:
    """Both halves equal to W: the price is orthogonality * |W' W|^2; halves at right angles cost nothing."""
    shape, sharing = Shape(4, (1, 1), Trunk(width=4, depth=1)), Sluice(parts=2, orthogonality=0.5)
    parameters = {name: value.detach().clone() for name, value in begun(sharing, shape).items()}
    half = torch.tensor([[1.0, 2.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    parameters["trunk.0.weight"][:, 0] = torch.cat([half, half], 1)
    parameters["trunk.0.weight"][:, 1] = torch.cat([half, half.flip(0)], 1)
    found = sharing.penalty(parameters, torch.ones(len(SEEDS), 2, dtype=torch.bool), shape)
    assert found is not None
    torch.testing.assert_close(found, torch.full((len(SEEDS),), 0.5 * float((half.T @ half).square().sum())))


def test_the_price_of_parts_pulls_as_its_formula_says() -> None:
    shape, sharing = Shape(4, (1, 1, 2), Trunk(width=12, depth=2)), Sluice(parts=3, orthogonality=0.5)
    parameters = begun(sharing, shape)
    present = torch.tensor([[True, True, True], [True, False, True]] + [[False, True, True]] * 3)
    found = sharing.penalty(parameters, present, shape)
    wanted = torch.zeros(len(SEEDS))
    for i in range(2):
        a, b, c = (parameters[f"trunk.{i}.weight"] * present[:, :, None, None]).chunk(3, 3)
        for one, other in ((a, b), (a, c), (b, c)):
            wanted = wanted + 0.5 * (one.mT @ other).square().sum((1, 2, 3))
    assert found is not None
    torch.testing.assert_close(found, wanted)
    ours, theirs = gradients(found, parameters), gradients(wanted, parameters)
    for name in parameters:
        torch.testing.assert_close(ours[name], theirs[name])


def test_sluice_refuses_a_width_that_its_parts_do_not_divide() -> None:
    with pytest.raises(InvalidInput, match="3 parts do not divide a width of 8"):
        Sluice(parts=3).layout(SHAPES["equal heads"])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_hard_sharing_counts_shared_layers_once_and_private_ones_for_each_task(depth: int) -> None:
    shape = Shape(4, (1, 1), Trunk(width=8, depth=3))
    shared = sum(n_in * 8 + 8 for n_in in (4, 8, 8)[: 3 - depth])
    private = sum(n_in * 8 + 8 for n_in in (4, 8, 8)[3 - depth :])
    assert Hard(private_layers=depth).count(shape) == shared + 2 * private + 2 * 9
    assert len(Hard(private_layers=depth).shared(shape)) == 2 * (3 - depth)


def test_wider_trunks_start_with_other_numbers_but_the_same_seed_gives_the_same_start() -> None:
    shape = SHAPES["equal heads"]
    wide = replace(shape, trunk=replace(shape.trunk, width=16))
    assert torch.equal(begun(Hard(), wide)["trunk.0.weight"], begun(Hard(), wide)["trunk.0.weight"])
    weight = begun(Hard(), wide)["trunk.1.weight"]
    assert float(weight.detach().abs().max()) <= 0.25
    assert float(weight.detach().abs().mean()) == pytest.approx(0.125, rel=0.05)
