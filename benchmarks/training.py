"""Cost of a network-step: stacks against plain loops, peers, and the bare matrix products."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks import peers, products
from benchmarks.work import EVERY, Row, fastest, replicas, stack, timed, trained
from mtl_core.models.base import sharings
from mtl_core.training.engine import calm, run
from mtl_core.weighting.base import weightings

STEPS, SEEDS = 640, 5


def measure() -> list[Row]:
    calm()
    networks, one = replicas(SEEDS), replicas(1, alone=False)
    floor = peers.Products(len(networks))
    found = fastest(
        {
            "stack": lambda: trained(stack(networks, steps=STEPS)),
            "one": lambda: trained(stack(one, steps=STEPS)),
            "loader": timed(lambda: peers.plain_loop(STEPS, loader=True)),
            "indexed": timed(lambda: peers.plain_loop(STEPS, loader=False)),
            "scikit-learn": timed(lambda: peers.scikit_learn(STEPS)),
            "floor": timed(lambda: floor.run(STEPS)),
        },
        repeats=5,
    )
    each = {name: 1000 * seconds / STEPS for name, seconds in found.items()}
    network = each["stack"] / len(networks)
    return [
        Row("20 networks: one step of all", each["stack"], "ms"),
        Row("bare matrix products of that step", each["floor"], "ms"),
        Row("plain PyTorch loop, DataLoader: one step of one network", each["loader"], "ms"),
        Row("plain PyTorch loop, pre-batched: one step of one network", each["indexed"], "ms"),
        Row("scikit-learn MLPRegressor: one step of one network", each["scikit-learn"], "ms"),
        Row("one network alone: one step", each["one"], "ms"),
        Row("network-step in the stack / DataLoader loop", network / each["loader"], "ratio", 1 / 16),
        Row("network-step in the stack / pre-batched loop", network / each["indexed"], "ratio", 1 / 8),
        Row("stack / bare matrix products", each["stack"] / each["floor"], "ratio", 2.0),
        Row("one network alone / pre-batched loop", each["one"] / each["indexed"], "ratio", 1.0),
    ]


def measure_weightings() -> list[Row]:
    """Every weighting over 20 networks against equal weights, and TorchJD's loop against its plain loop."""
    calm()
    networks, steps = replicas(SEEDS), 192

    def ours(name: str) -> float:
        return trained(stack(networks, steps=steps, weighting=name))

    works: dict[str, Callable[[], float]] = {name: partial(ours, name) for name in weightings}
    works |= {f"TorchJD {name}": timed(partial(peers.torchjd_loop, 64, name)) for name in peers.TORCHJD}
    works |= {"plain": timed(partial(peers.plain_loop, 64, loader=False))}
    found = fastest(works, repeats=4)
    rows = []
    for name in weightings:
        limit = 3.0 if weightings[name].needs_gramian else 1.3
        rows.append(Row(f"{weightings[name].label()} / equal weights", found[name] / found["equal"], "ratio", limit))
    plain = found["plain"]
    theirs = {name: found[f"TorchJD {name}"] / plain for name in peers.TORCHJD}
    return rows + [
        Row(f"TorchJD's {weightings[name].term or name}, one network / its plain loop", value, "ratio")
        for name, value in theirs.items()
    ]


def measure_sharings() -> list[Row]:
    """Every sharing type over 20 networks against the matrix products that it makes.

    In short stretches, an evaluation and the steps up to the next, so that some of them meet no busy moment.
    """
    calm()
    networks, stretches = replicas(SEEDS), 30
    stacks = {name: stack(networks, steps=EVERY * (stretches + 1), sharing=name) for name in sharings}
    floors = {name: products.floor(stack(networks, steps=EVERY, sharing=name)) for name in sharings}
    works = {name: timed(partial(run, built, max_steps=EVERY)) for name, built in stacks.items()}
    works |= {f"floor {name}": timed(partial(floor, EVERY)) for name, floor in floors.items()}
    each = {name: 1000 * seconds / EVERY for name, seconds in fastest(works, stretches).items()}
    rows = []
    for name in sharings:
        label = f"{sharings[name].label()}: one step of 20 networks"
        rows.append(Row(label, each[name], "ms", 1.5 * each[f"floor {name}"] + 1))
    return rows
