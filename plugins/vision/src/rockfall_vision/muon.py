"""Muon: momentum orthogonalised by Newton-Schulz iteration, for matrices and kernels.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
https://kellerjordan.github.io/posts/muon. For a weight matrix W, the loss L, learning rate η,
momentum μ and weight decay λ, at every step

    B ← μ B + ∇L(W)
    O ← orthogonalise(∇L(W) + μ B)            U Vᵀ, if U S Vᵀ is its singular value decomposition
    W ← (1 − η λ) W − η √max(1, rows / columns) O

A kernel (F, C, H, W) counts as a matrix of F rows and C · H · W columns.

It differs from the post: 3 Newton-Schulz iterations by default, as in the author's airbench, not 5.
It differs from airbench, which rescales each kernel to a fixed norm before a step: here are weight
decay and the factor √max(1, rows / columns) instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

NS_COEFFICIENTS = 3.4445, -4.7750, 2.0315
"""Of the quintic polynomial that brings singular values near 1 in the fewest iterations."""


class Muon(Optimizer):
    """For weights of two dimensions or more; biases, norms and the output layer need another."""

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        *,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        ns_steps: int = 3,
    ) -> None:
        """ns_steps: Newton-Schulz iterations; 5 are closer, and no better for small networks."""
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "rounds": ns_steps,  # its name in the checkpoints
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step. A closure is not called, since the loss is not needed."""
        for group in self.param_groups:
            for weights in group["params"]:
                if weights.grad is not None:
                    self._update(weights, weights.grad, group)

    def _update(self, weights: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weights]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"].mul_(group["momentum"]).add_(gradient)
        nesterov = gradient.add(momentum, alpha=group["momentum"]).flatten(1)
        rows, columns = nesterov.shape
        weights.mul_(1 - group["lr"] * group["weight_decay"])
        update = orthogonalise(nesterov, group["rounds"]).view_as(weights)
        weights.add_(update, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)


def orthogonalise(matrix: Tensor, steps: int) -> Tensor:
    """(M, N) → roughly U Vᵀ of its U S Vᵀ: singular values from 0.7 to 1.2 after 5 steps.

    Newton-Schulz: an odd polynomial of a matrix is that polynomial of its singular values. In
    bfloat16, whose rounding error is smaller than what the coefficients leave.
    """
    a, b, c = NS_COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / x.norm().clamp(min=1e-7)  # no singular value above 1
    for _ in range(steps):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)
