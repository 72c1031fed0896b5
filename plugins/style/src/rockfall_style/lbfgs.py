"""L-BFGS for one large tensor, with one evaluation of the loss a step.

Liu and Nocedal 1989, "On the Limited Memory BFGS Method for Large Scale Optimization". It departs
from the paper in two ways:

- The direction is computed by the compact representation of Byrd, Nocedal and Schnabel 1994,
  "Representations of Quasi-Newton Matrices and their Use in Limited Memory Methods" (section 3),
  and not by the two-loop recursion. The history of a picture is larger than any cache, and two
  matrix-vector products read it twice, where the recursion reads it four times. The result is the
  same up to rounding.
- There is no line search, as a step of length 1 nearly always lowers the loss. One that raises it
  is undone and a shorter one tried (backtracking). No step is longer than a given root mean square.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

HISTORY = 10
"""Correction pairs that are kept, each of which takes the memory of two pictures."""
FIRST_STEP_RMS = 0.01
"""Root mean square of the first step, for which no curvature is known."""
MAX_STEP_RMS = 0.1
"""Root mean square of a step, at most; values are between 0 and 1."""
BACKTRACKING_FACTOR = 0.25
"""By which a step that raised the loss is shortened."""
MIN_CURVATURE_COSINE = 1e-6
"""Cosine between a step and the gradient's change below which the pair is skipped: the curvature
condition.
"""


class Lbfgs:
    """Minimises a loss by changing `values` in place."""

    def __init__(self, values: Tensor, history: int = HISTORY) -> None:
        """values: a leaf that requires a gradient. history: how many correction pairs are kept."""
        size = values.numel()
        self.values = values
        self.history = history
        self.memory = values.new_zeros(2 * history, size)
        """The correction pairs: steps S, and below these the changes Y of the gradient."""
        self.products = torch.zeros(2 * history, history, dtype=torch.float64)
        """The inner products SYᵀ, and below these YYᵀ."""
        self.known = 0
        """How many pairs were ever stored; pair k is in row k modulo the history."""
        self.best = values.new_zeros(2, size)
        """The values of the least loss, and the gradient there."""
        self.loss: float | None = None
        """The least loss."""
        self.direction = values.new_zeros(size)
        self.length = 0.0
        """Of the last step, in units of the direction."""

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """One step; returns the loss before it.

        closure: computes the loss, and its gradient in `values.grad`.
        """
        found = closure()
        assert self.values.grad is not None
        loss = found.item()
        gradient = self.values.grad.detach().flatten()
        here = self.values.detach().view(-1)
        if self.loss is not None and not loss <= self.loss:  # or not a number
            self.length *= BACKTRACKING_FACTOR
        else:
            if self.loss is not None:
                self._store_pair(here - self.best[0], gradient - self.best[1])
            self.best[0], self.best[1], self.loss = here, gradient, loss
            self._update_direction()
        torch.add(self.best[0], self.direction, alpha=self.length, out=here)
        return found

    def _store_pair(self, step: Tensor, change: Tensor) -> None:
        """Unless the curvature along the step is not positive."""
        curvature = step.dot(change)
        if not curvature > MIN_CURVATURE_COSINE * step.norm() * change.norm():
            return
        row = self.known % self.history
        self.memory[row], self.memory[self.history + row] = step, change
        self.known += 1
        # The new pair's column of both products, and its step's row of the first; the second is
        # symmetric.
        self.products[:, row] = (self.memory @ change).double().cpu()
        self.products[row] = (self.memory[self.history :] @ step).double().cpu()
        self.products[self.history + row] = self.products[self.history :, row]

    def _update_direction(self) -> None:
        """Compute the quasi-Newton direction from the best values, and the next step's length.

        Byrd, Nocedal and Schnabel 1994, section 3, with γ the scale of the initial inverse Hessian.
        """
        gradient = self.best[1]
        if not self.known:
            torch.neg(gradient, out=self.direction)
            tiny = torch.finfo(torch.float32).tiny
            self.length = FIRST_STEP_RMS / max(self._direction_rms(), tiny)
            return
        first = max(0, self.known - self.history)
        order = [k % self.history for k in range(first, self.known)]
        rows = torch.tensor([*order, *(self.history + k for k in order)])
        count = len(order)
        products = self.products[rows][:, order]
        upper = products[:count].triu()  # R: each step with the changes of its own and later steps
        diagonal = upper.diagonal()
        gamma = diagonal[-1] / products[-1, -1]
        projected = (self.memory @ gradient).double().cpu()[rows]
        solved = torch.linalg.solve_triangular(upper, projected[:count, None], upper=True)
        inner = diagonal[:, None] * solved + gamma * (
            products[count:] @ solved - projected[count:, None]
        )
        of_steps = torch.linalg.solve_triangular(upper.mT, inner, upper=False)
        weights = torch.zeros(2 * self.history, dtype=torch.float64)
        weights[rows] = torch.cat((of_steps, -gamma * solved)).squeeze(1)
        torch.mv(self.memory.mT, weights.to(gradient), out=self.direction)
        self.direction.add_(gradient, alpha=float(gamma)).neg_()
        self.length = min(1.0, MAX_STEP_RMS / max(self._direction_rms(), MAX_STEP_RMS))

    def _direction_rms(self) -> float:
        return float(self.direction.norm()) / math.sqrt(self.direction.numel())

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in STATE}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in STATE:
            value = state[name]
            setattr(
                self, name, value.to(getattr(self, name)) if isinstance(value, Tensor) else value
            )


STATE = ("memory", "products", "known", "best", "loss", "direction", "length")
