"""L-BFGS for one large tensor, an evaluation a step: Liu and Nocedal 1989, "On the Limited Memory
BFGS Method for Large Scale Optimization".

Written for pictures, of which a history is larger than any cache: the direction is found by Byrd,
Nocedal and Schnabel 1994, "Representations of Quasi-Newton Matrices and their Use in Limited Memory
Methods", whose products with the whole history are two, where the usual recursion goes
through it vector by vector four times. There is no line search, as a step of length 1 nearly always
lowers the loss; one that raises it is taken back, and a shorter one tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

HISTORY = 10
"""Steps that are remembered, of which each costs as much memory as two pictures."""
FIRST = 0.01
"""Root mean square of the first step, for which no curvature is known."""
LONGEST = 0.1
"""That of any step: pictures lie between 0 and 1."""
SHORTER = 0.25
"""What a step that raised the loss is multiplied by."""
CURVED = 1e-6
"""The least cosine between a step and the change of the gradient along it that is trusted."""


class Lbfgs:
    """Lowers a loss by changing `values` in place."""

    def __init__(self, values: Tensor, history: int = HISTORY) -> None:
        """values: a leaf that requires a gradient. history: how many steps are remembered."""
        size = values.numel()
        self.values = values
        self.history = history
        self.memory = values.new_zeros(2 * history, size)  # steps, and what they did to the slope
        self.products = torch.zeros(2 * history, history, dtype=torch.float64)  # with those below
        self.known = 0
        """How many pairs were ever kept; pair k lies in row k modulo the history."""
        self.best = values.new_zeros(2, size)  # the best values, and their gradient
        self.loss: float | None = None
        self.direction = values.new_zeros(size)
        self.length = 0.0

    def step(self, evaluate: Callable[[], Tensor]) -> Tensor:
        """Move once; returns the loss before.

        evaluate: gives the loss, with its gradient left in `values.grad`.
        """
        found = evaluate()
        assert self.values.grad is not None
        loss = found.item()
        gradient = self.values.grad.detach().flatten()
        here = self.values.detach().view(-1)
        if self.loss is not None and not loss <= self.loss:  # or not a number
            self.length *= SHORTER
        else:
            if self.loss is not None:
                self._remember(here - self.best[0], gradient - self.best[1])
            self.best[0], self.best[1], self.loss = here, gradient, loss
            self._turn()
        torch.add(self.best[0], self.direction, alpha=self.length, out=here)
        return found

    def _remember(self, step: Tensor, change: Tensor) -> None:
        slope = step.dot(change)
        if not slope > CURVED * step.norm() * change.norm():
            return
        row = self.known % self.history
        self.memory[row], self.memory[self.history + row] = step, change
        self.known += 1
        # Columns of SᵀY over YᵀY; and the row that the new step adds to the former.
        self.products[:, row] = (self.memory @ change).double().cpu()
        self.products[row] = (self.memory[self.history :] @ step).double().cpu()
        self.products[self.history + row] = self.products[self.history :, row]

    def _turn(self) -> None:
        """Find the direction from the best values and the length of the next step."""
        gradient = self.best[1]
        if not self.known:
            torch.neg(gradient, out=self.direction)
            self.length = FIRST / max(self._size(), torch.finfo(torch.float32).tiny)
            return
        first = max(0, self.known - self.history)
        order = [k % self.history for k in range(first, self.known)]
        rows = torch.tensor([*order, *(self.history + k for k in order)])
        count = len(order)
        products = self.products[rows][:, order]
        upper = products[:count].triu()  # R: a step with the changes since
        diagonal = upper.diagonal()
        scale = diagonal[-1] / products[-1, -1]
        sought = (self.memory @ gradient).double().cpu()[rows]
        solved = torch.linalg.solve_triangular(upper, sought[:count, None], upper=True)
        inner = diagonal[:, None] * solved + scale * (
            products[count:] @ solved - sought[count:, None]
        )
        of_steps = torch.linalg.solve_triangular(upper.mT, inner, upper=False)
        weights = torch.zeros(2 * self.history, dtype=torch.float64)
        weights[rows] = torch.cat((of_steps, -scale * solved)).squeeze(1)
        torch.mv(self.memory.mT, weights.to(gradient), out=self.direction)
        self.direction.add_(gradient, alpha=float(scale)).neg_()
        self.length = min(1.0, LONGEST / max(self._size(), LONGEST))

    def _size(self) -> float:
        """The root mean square of the direction."""
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
