"""The same work written the usual way: plain PyTorch loops, scikit-learn, TorchJD, and the bare matrix products."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchjd import aggregation
from torchjd.autojac import jac_to_grad, mtl_backward

from benchmarks.work import BATCH, EVERY, N_HELD, N_INPUTS, N_TASKS, N_TRAIN, WIDTH, table

TORCHJD: dict[str, Callable[[], aggregation.Aggregator]] = {
    "aligned": aggregation.AlignedMTL,
    "cagrad": lambda: aggregation.CAGrad(c=0.5),
    "dualproj": aggregation.DualProj,
    "fairgrad": lambda: aggregation.FairGrad(alpha=1.0),
    "graddrop": aggregation.GradDrop,
    "gradvac": aggregation.GradVac,
    "imtl_g": aggregation.IMTLG,
    "mgda": aggregation.MGDA,
    "nash": lambda: aggregation.NashMTL(N_TASKS),
    "pcgrad": aggregation.PCGrad,
    "upgrad": aggregation.UPGrad,
}
"""TorchJD's aggregator for each of our gradient combinations that it has."""


class Shared(nn.Module):
    """Trunk 64-64 and a linear head for each task."""

    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Linear(N_INPUTS, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()]
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(N_TASKS))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        features = self.trunk(inputs)
        return torch.cat([head(features) for head in self.heads], -1)


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    prepared = table()
    return torch.from_numpy(prepared.inputs[0, :-1]), torch.from_numpy(prepared.targets[0, :-1])


def plain_loop(steps: int, loader: bool) -> None:
    """One shared network; batches from a DataLoader, or by index from tensors."""
    inputs, targets = rows()
    network = Shared()
    optimiser = torch.optim.Adam(network.parameters(), 0.005)
    data = DataLoader(TensorDataset(inputs[:N_TRAIN], targets[:N_TRAIN]), BATCH, shuffle=True, drop_last=True)
    step = 0
    while step < steps:
        order = torch.randperm(N_TRAIN)
        indexed = ((inputs[i], targets[i]) for i in order.split(BATCH) if len(i) == BATCH)
        for batch, wanted in data if loader else indexed:
            if step % EVERY == 0:
                with torch.no_grad():
                    ((network(inputs[N_TRAIN:]) - targets[N_TRAIN:]) ** 2).mean(0)
            optimiser.zero_grad()
            ((network(batch) - wanted) ** 2).mean(0).sum().backward()
            optimiser.step()
            step += 1
            if step == steps:
                return


def torchjd_loop(steps: int, name: str) -> None:
    """One shared network whose trunk follows TorchJD's aggregate of the tasks' gradients."""
    inputs, targets = rows()
    network = Shared()
    optimiser = torch.optim.Adam(network.parameters(), 0.005)
    aggregator = TORCHJD[name]()
    for _ in range(steps):
        index = torch.randint(N_TRAIN, (BATCH,))
        features = network.trunk(inputs[index])
        outputs = [head(features).squeeze(-1) for head in network.heads]
        losses = [((out - targets[index, t]) ** 2).mean() for t, out in enumerate(outputs)]
        optimiser.zero_grad()
        mtl_backward(losses, features=features)
        jac_to_grad(network.trunk.parameters(), aggregator)
        optimiser.step()


def scikit_learn(steps: int) -> None:
    """One `MLPRegressor` of the same shape, batch and number of steps."""
    inputs, targets = rows()
    epochs = max(steps * BATCH // N_TRAIN, 1)
    network = MLPRegressor(
        hidden_layer_sizes=(WIDTH, WIDTH),
        batch_size=BATCH,
        max_iter=epochs,
        learning_rate_init=0.005,
        n_iter_no_change=10**6,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(inputs[:N_TRAIN].numpy(), targets[:N_TRAIN].numpy())


class Products:
    """Nothing but the batched matrix products of `steps` training steps and their evaluations: the floor.

    The heads lie as the stack's do, an output a row: products with few columns take up to five times as long.
    """

    def __init__(self, n_replicas: int) -> None:
        draw = torch.randn
        self.first, self.middle = draw(n_replicas, N_INPUTS, WIDTH), draw(n_replicas, WIDTH, WIDTH)
        self.head = draw(n_replicas, N_TASKS, WIDTH)
        self.batch, self.held = draw(n_replicas, BATCH, N_INPUTS), draw(n_replicas, N_HELD, N_INPUTS)
        self.above = draw(n_replicas, BATCH, N_TASKS)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        low = torch.bmm(inputs, self.first)
        high = torch.bmm(low, self.middle)
        torch.bmm(self.head, high.transpose(1, 2))
        return low, high

    def run(self, steps: int) -> None:
        for step in range(steps):
            if step % EVERY == 0:
                self.forward(self.held)
            low, high = self.forward(self.batch)
            torch.bmm(self.above.transpose(1, 2), high)
            down = torch.bmm(self.above, self.head)
            torch.bmm(low.transpose(1, 2), down)
            down = torch.bmm(down, self.middle.transpose(1, 2))
            torch.bmm(self.batch.transpose(1, 2), down)
