"""How parameters move along the gradient, and how the step size changes over the budget."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mtl_core.lazy import torch
from mtl_core.registry import Method, Registry, knob


@dataclass(frozen=True)
class Optimiser(Method):
    """Moves every stacked parameter at once; elementwise, so replicas never mix."""

    learning_rate: float = knob(0.005, "Size of a step", low=1e-6, high=1e6, log=True, live=True)
    weight_decay: float = knob(0.0, "Pulls every weight towards 0", low=0.0, high=10.0, advanced=True)
    schedule: str = knob(
        "constant",
        "How the learning rate changes over the budget",
        choices=("constant", "cosine", "step"),
        advanced=True,
    )

    def build(self, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
        raise NotImplementedError

    def rate(self, step: int, steps: int) -> float:
        """Learning rate at a step of a budget: constant; a half cosine down to 0; or a tenth after each third."""
        factors = {"constant": 1.0, "cosine": 0.5 * (1 + math.cos(math.pi * min(step / max(steps, 1), 1.0)))}
        factors["step"] = 0.1 ** min(3 * step // max(steps, 1), 2)
        return self.learning_rate * factors[self.schedule]


optimisers: Registry[Optimiser] = Registry("optimiser")


@optimisers.register("adam", title="Adam")
@dataclass(frozen=True)
class Adam(Optimiser):
    """Steps scaled by running means of the gradient and its square.

    Reference: Kingma, Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    """

    def build(self, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
        rate = self.learning_rate
        return torch.optim.Adam(parameters, lr=rate, weight_decay=self.weight_decay, fused=True)


@optimisers.register("adamw", title="AdamW")
@dataclass(frozen=True)
class AdamW(Optimiser):
    """Adam with the weight decay taken out of the running means.

    Reference: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
    """

    def build(self, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
        rate = self.learning_rate
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=self.weight_decay, fused=True)


@optimisers.register("sgd", title="Gradient descent", term="SGD")
@dataclass(frozen=True)
class StochasticGradientDescent(Optimiser):
    """Plain steps along the gradient, with momentum.

    Reference: Robbins, Monro, "A Stochastic Approximation Method", Annals of Mathematical Statistics 1951.
    """

    momentum: float = knob(0.9, "Share of the last step that is kept", low=0.0, high=0.999, advanced=True)

    def build(self, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            parameters, lr=self.learning_rate, momentum=self.momentum, weight_decay=self.weight_decay, fused=True
        )
