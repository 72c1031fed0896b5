"""Muon: momentum whose steps turn all directions of a weight matrix by the same amount.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
https://kellerjordan.github.io/posts/muon. For a matrix W of loss L, at every step

    B ← μ B + ∇L(W)
    O ← orthogonalised (∇L(W) + μ B)          U Vᵀ, if U S Vᵀ is its singular value decomposition
    W ← (1 − η λ) W − η √max(1, rows / columns) O

A kernel (F, C, H, W) counts as a matrix of F rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

COEFFICIENTS = 3.4445, -4.7750, 2.0315
"""Of the quintic whose iteration takes singular values near 1 in the fewest rounds."""


class Muon(Optimizer):
    """For weights of two dimensions or more; biases, norms and outputs are another's."""

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        *,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        rounds: int = 3,
    ) -> None:
        """rounds: of the orthogonalisation; 5 are closer, and no better for small networks."""
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "rounds": rounds}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step. A closure is not called: nothing here needs the loss."""
        for group in self.param_groups:
            for weights in group["params"]:
                if weights.grad is not None:
                    self._turn(weights, weights.grad, group)

    def _turn(self, weights: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weights]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"].mul_(group["momentum"]).add_(gradient)
        ahead = gradient.add(momentum, alpha=group["momentum"]).flatten(1)
        rows, columns = ahead.shape
        weights.mul_(1 - group["lr"] * group["weight_decay"])
        turn = orthogonalised(ahead, group["rounds"]).view_as(weights)
        weights.add_(turn, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)


def orthogonalised(matrix: Tensor, rounds: int) -> Tensor:
    """(M, N) → roughly U Vᵀ of its U S Vᵀ: singular values from 0.7 to 1.2 after 5 rounds.

    Newton-Schulz: an odd polynomial of a matrix is that polynomial of its singular values. In
    bfloat16, whose error is smaller than what the coefficients leave.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / x.norm().clamp(min=1e-7)  # no singular value above 1
    for _ in range(rounds):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)
