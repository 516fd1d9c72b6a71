"""How parameters move along the gradient, and how the step size changes over the budget.

Memory goes in and comes out as lists of tensors beside the parameters, every one leading with R: a replica's
moments can be cut, cleared and shipped with it. The updates are torch's own fused kernels, called directly,
because `torch.optim.Optimizer.step` spends more time around the kernel than in it at these sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from mtl_core.lazy import torch
from mtl_core.registry import Method, Registry, knob

Tensors = list["torch.Tensor"]
Memory = dict[str, Tensors]


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

    def start(self, parameters: Tensors) -> Memory:
        """Memory before the first step; tensors of the parameters' shapes (and "count", a number)."""
        raise NotImplementedError

    def move(self, parameters: Tensors, gradients: Tensors, memory: Memory, rate: float) -> None:
        """One step, in place on parameters and memory; all contiguous, since the kernels read them as flat rows."""
        raise NotImplementedError

    def rate(self, step: int, steps: int) -> float:
        """Learning rate at a step of a budget: constant; a half cosine down to 0; or a tenth after each third."""
        if self.schedule == "constant":
            return self.learning_rate
        if self.schedule == "cosine":
            return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0)))
        return self.learning_rate * 0.1 ** min(3 * step // steps, 2)


optimisers: Registry[Optimiser] = Registry("optimiser")


@optimisers.register("adam", title="Adam")
@dataclass(frozen=True)
class Adam(Optimiser):
    """Steps scaled by running means of the gradient and its square.

    parameter -= rate * m / (sqrt(v) + 1e-8), m and v the running means of g and g^2 with 0.9 and 0.999, both divided
    by 1 - 0.9^step and 1 - 0.999^step. Weight decay d adds d * parameter to g, so it is felt less where g is large.
    Reference: Kingma, Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015. Differs from the paper: no.
    """

    def start(self, parameters: Tensors) -> Memory:
        zeros = [[torch.zeros_like(each) for each in parameters] for _ in range(2)]
        return {"mean": zeros[0], "square": zeros[1], "count": [parameters[0].new_zeros(())]}

    def move(self, parameters: Tensors, gradients: Tensors, memory: Memory, rate: float) -> None:
        memory["count"][0] += 1
        self._kernel()(
            parameters,
            gradients,
            memory["mean"],
            memory["square"],
            [],
            memory["count"] * len(parameters),
            lr=rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=self.weight_decay,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )

    def _kernel(self) -> Callable[..., None]:
        return torch._fused_adam_


@optimisers.register("adamw", title="AdamW")
@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with the weight decay taken out of the running means.

    Every step first multiplies the parameter by 1 - rate * weight decay. Without weight decay this is Adam.
    Reference: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", ICLR 2019. Differs from the paper: no.
    """

    def _kernel(self) -> Callable[..., None]:
        return torch._fused_adamw_


@optimisers.register("sgd", title="Gradient descent", term="SGD")
@dataclass(frozen=True)
class StochasticGradientDescent(Optimiser):
    """Plain steps along the gradient, with momentum.

    b = momentum * b + g and parameter -= rate * b, so that a steady gradient moves 1 / (1 - momentum) times as far.
    Reference: Robbins, Monro, "A Stochastic Approximation Method", Annals of Mathematical Statistics 1951; momentum:
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    Differs from the paper: a constant rate unless a schedule is chosen.
    """

    momentum: float = knob(0.9, "Share of the last step that is kept", low=0.0, high=0.999, advanced=True)

    def start(self, parameters: Tensors) -> Memory:
        return {"momentum": [torch.zeros_like(each) for each in parameters] if self.momentum else []}

    def move(self, parameters: Tensors, gradients: Tensors, memory: Memory, rate: float) -> None:
        torch._fused_sgd_(
            parameters,
            gradients,
            memory["momentum"],
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )
