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

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from rockfall.kit.optimizers import uncompiled

NS_COEFFICIENTS = 3.4445, -4.7750, 2.0315
"""Of the quintic polynomial that brings singular values near 1 in the fewest iterations."""


@uncompiled
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
            if weights := [each for each in group["params"] if each.grad is not None]:
                self._update(weights, group)

    def _update(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        lr, momentum = group["lr"], group["momentum"]
        gradients = [each.grad for each in weights if each.grad is not None]
        means = [self._momentum(each) for each in weights]
        torch._foreach_mul_(means, momentum)
        torch._foreach_add_(means, gradients)
        nesterov = torch._foreach_add(gradients, means, alpha=momentum)
        torch._foreach_mul_(weights, 1 - lr * group["weight_decay"])
        for (rows, columns), alike in by_shape(weights).items():
            matrices = torch.stack([nesterov[index].flatten(1) for index in alike])
            updates = orthogonalise(matrices, group["rounds"])
            rate = -lr * max(1.0, rows / columns) ** 0.5
            for index, update in zip(alike, updates, strict=True):
                if isinstance(rate, Tensor):  # which a CUDA graph reads
                    weights[index].addcmul_(update.view_as(weights[index]), rate)
                else:
                    weights[index].add_(update.view_as(weights[index]), alpha=rate)

    def _momentum(self, weights: Tensor) -> Tensor:
        state = self.state[weights]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weights)
        momentum: Tensor = state["momentum"]
        return momentum


def by_shape(weights: Sequence[Tensor]) -> dict[tuple[int, int], list[int]]:
    """The rows and columns of some weights as matrices → which have so many."""
    found: dict[tuple[int, int], list[int]] = {}
    for index, each in enumerate(weights):
        found.setdefault((len(each), each[0].numel()), []).append(index)
    return found


def orthogonalise(matrices: Tensor, steps: int) -> Tensor:
    """(N, K, L) → of each roughly U Vᵀ of its U S Vᵀ: singular values from 0.7 to 1.2 after 5
    steps. Matrices of one shape are orthogonalised together, as a GPU would rather have it.

    Newton-Schulz: an odd polynomial of a matrix is that polynomial of its singular values. In
    bfloat16, whose rounding error is smaller than what the coefficients leave.
    """
    a, b, c = NS_COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).bfloat16()
    # No singular value above 1.
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)
