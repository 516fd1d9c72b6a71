"""The best step of every replica on its validation rows; early stopping and divergence are decided here.

A shared network is one network: its best step is where the mean validation loss over its tasks is lowest.
Where tasks share nothing (`Sharing.separable`) each keeps its own. Test scores are carried along, never looked at.
Sizes: R replicas, T tasks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mtl_core.devices import lying
from mtl_core.lazy import torch
from mtl_core.models.base import Parameters, Shape


@dataclass
class Best:
    """What is kept of each replica's best step; grows from the first evaluation, which is always the best so far."""

    present: torch.Tensor
    separable: bool
    shape: Shape
    criterion: torch.Tensor = field(init=False)
    step: torch.Tensor = field(init=False)
    waited: torch.Tensor = field(init=False)
    stopped: torch.Tensor = field(init=False)
    diverged: torch.Tensor = field(init=False)
    parameters: Parameters = field(init=False, default_factory=dict)
    test_error: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        shape, n_replicas, device = self.present.shape, len(self.present), self.present.device
        self.criterion = torch.full(shape, torch.inf, device=device)
        self.step = torch.zeros(shape, dtype=torch.long, device=device)
        self.test_error = torch.full(shape, torch.nan, device=device)
        self.waited = torch.zeros(n_replicas, dtype=torch.long, device=device)
        self.stopped = torch.zeros(n_replicas, dtype=torch.bool, device=device)
        self.diverged = torch.zeros(n_replicas, dtype=torch.bool, device=device)

    def look(
        self, step: int, validation: torch.Tensor, test_error: torch.Tensor, parameters: Parameters, patience: int
    ) -> torch.Tensor:
        """Take an evaluation in; returns the replicas that stop now [R].

        validation [R, T]: losses, 0 where absent. test_error [R, T]: carried along with the best step.
        """
        broken = ~torch.isfinite(torch.where(self.present, validation, 0.0)).all(1)
        criterion = self._criterion(validation)
        better = (criterion <= self.criterion) & ~(self.stopped | broken)[:, None]
        self.criterion = torch.where(better, criterion, self.criterion)
        self.step = torch.where(better, step, self.step)
        self.test_error = torch.where(better, test_error, self.test_error)
        self._keep(better, parameters)
        self.waited = torch.where(better.any(1), 0, self.waited + 1)
        tired = (self.waited >= patience) if patience else torch.zeros_like(broken)
        stopping = (tired | broken) & ~self.stopped
        self.diverged |= broken & ~self.stopped
        self.stopped |= stopping
        return stopping

    def restore(self, parameters: Parameters) -> None:
        """Put stopped replicas back to their best step: momentum and decay would still move them."""
        with torch.no_grad():
            for name, parameter in parameters.items():
                mask = self.stopped.view(-1, *[1] * (parameter.dim() - 1))
                parameter.copy_(torch.where(mask, self.parameters[name], parameter))

    def _criterion(self, validation: torch.Tensor) -> torch.Tensor:
        if self.separable:
            return validation
        count = self.present.sum(1, keepdim=True)
        return (validation.sum(1, keepdim=True) / count).expand_as(validation)

    def _keep(self, better: torch.Tensor, parameters: Parameters) -> None:
        outputs = torch.tensor(self.shape.outputs, device=self.present.device)
        for name, now in parameters.items():
            mask = better[:, 0]
            if self.separable:
                mask = better.repeat_interleave(outputs, 1) if name.startswith("head.") else better
            mask = mask.view(*mask.shape, *[1] * (now.dim() - mask.dim()))
            self.parameters[name] = torch.where(mask, now.detach(), self.parameters.get(name, now.detach()))

    def state(self) -> dict[str, object]:
        names = ("criterion", "step", "waited", "stopped", "diverged", "parameters", "test_error")
        return {name: getattr(self, name) for name in names}

    def load(self, state: dict[str, object]) -> None:
        for name, value in state.items():
            setattr(self, name, lying(value, self.present.device))
