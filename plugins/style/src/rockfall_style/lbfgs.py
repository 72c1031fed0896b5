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

Nothing here is read: whether the loss rose, whether a pair is kept and how many there are stay on
the device of the values, so that a GPU is not waited for.
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
        size, device = values.numel(), values.device
        self.values = values
        self.history = history
        self.precise = torch.float32 if device.type == "mps" else torch.float64  # MPS lacks it
        self.memory = values.new_zeros(2 * history, size)
        """The correction pairs: steps S, and below these the changes Y of the gradient."""
        self.products = torch.zeros(2 * history, history, dtype=self.precise, device=device)
        """The inner products SYᵀ, and below these YYᵀ."""
        self.known = torch.zeros((), dtype=torch.int64, device=device)
        """How many pairs were ever stored; pair k is in row k modulo the history."""
        self.best = values.new_zeros(2, size)
        """The values of the least loss, and the gradient there."""
        self.loss = values.new_full((), math.inf)
        """The least loss; infinite before the first step."""
        self.direction = values.new_zeros(size)
        self.length = torch.zeros((), dtype=self.precise, device=device)
        """Of the last step, in units of the direction."""

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """One step; returns the loss before it.

        closure: computes the loss, and its gradient in `values.grad`.
        """
        found = closure()
        assert self.values.grad is not None
        gradient = self.values.grad.detach().flatten()
        here = self.values.detach().view(-1)
        lower = found.detach() <= self.loss  # not so if it is not a number
        self._store_pair(here - self.best[0], gradient - self.best[1], lower & self.loss.isfinite())
        present = here, gradient, found.detach().to(self.loss.dtype)
        for kept, new in zip((*self.best, self.loss), present, strict=True):
            torch.where(lower, new, kept, out=kept)
        direction, length = self._quasi_newton()
        torch.where(lower, direction, self.direction, out=self.direction)
        torch.where(lower, length, self.length * BACKTRACKING_FACTOR, out=self.length)
        torch.addcmul(self.best[0], self.direction, self.length.to(here.dtype), out=here)
        return found

    def _store_pair(self, step: Tensor, change: Tensor, known: Tensor) -> None:
        """Unless it is not known, or the curvature along the step is not positive."""
        curvature = step.dot(change)
        stored = known & (curvature > MIN_CURVATURE_COSINE * step.norm() * change.norm())
        row = (self.known % self.history)[None]
        rows = torch.cat((row, self.history + row))
        pair = torch.where(stored, torch.stack((step, change)), self.memory.index_select(0, rows))
        self.memory.index_copy_(0, rows, pair)
        self.known += stored
        # The new pair's column of both products, and its step's row of the first; the second is
        # symmetric.
        column = (self.memory @ change).to(self.precise)
        of_step = (self.memory[self.history :] @ step).to(self.precise)
        products = self.products.index_copy(1, row, column[:, None])
        products.index_copy_(0, row, of_step[None])
        below = products[self.history :].index_select(1, row).mT
        products.index_copy_(0, self.history + row, below)
        torch.where(stored, products, self.products, out=self.products)

    def _quasi_newton(self) -> tuple[Tensor, Tensor]:
        """The direction from the best values, and the length of the next step.

        Byrd, Nocedal and Schnabel 1994, section 3, with γ the scale of the initial inverse Hessian.
        """
        gradient = self.best[1]
        count = self._system_size()
        places = torch.arange(-count, 0, device=gradient.device) + self.known  # from the oldest on
        order = places % self.history
        rows = torch.cat((order, self.history + order))
        products = self.products.index_select(0, rows).index_select(1, order)
        # R: each step with the changes of its own and later steps. A pair that is not there yet is
        # a row of 1 on the diagonal, which changes nothing.
        upper = products[:count].triu() + (places < 0).to(self.precise).diag()
        diagonal = upper.diagonal()
        gamma = torch.where(self.known > 0, diagonal[-1] / products[-1, -1], 1.0)
        projected = (self.memory @ gradient).to(self.precise).index_select(0, rows)
        solved = torch.linalg.solve_triangular(upper, projected[:count, None], upper=True)
        inner = diagonal[:, None] * solved + gamma * (
            products[count:] @ solved - projected[count:, None]
        )
        of_steps = torch.linalg.solve_triangular(upper.mT, inner, upper=False)
        shares = torch.cat((of_steps, -gamma * solved)).squeeze(1)
        weights = shares.new_zeros(2 * self.history).index_copy_(0, rows, shares)
        direction = torch.mv(self.memory.mT, weights.to(gradient.dtype))
        direction.addcmul_(gradient, gamma.to(gradient.dtype)).neg_()
        rms = direction.norm().to(self.precise) / math.sqrt(direction.numel())
        first = FIRST_STEP_RMS / rms.clamp(min=torch.finfo(torch.float32).tiny)
        later = (MAX_STEP_RMS / rms.clamp(min=MAX_STEP_RMS)).clamp(max=1.0)
        return direction, torch.where(self.known > 0, later, first)

    def _system_size(self) -> int:
        """How many pairs the small system is solved for: those that are known, where to read their
        number costs nothing, and elsewhere all.
        """
        if self.known.device.type == "cpu":
            return min(max(int(self.known), 1), self.history)
        return self.history

    def state_dict(self) -> dict[str, Any]:
        loss = float(self.loss)
        return {
            **{name: getattr(self, name) for name in LARGE},
            "known": int(self.known),
            "loss": loss if math.isfinite(loss) else None,
            "length": float(self.length),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in LARGE:
            getattr(self, name).copy_(state[name])
        self.known.fill_(state["known"])
        self.loss.fill_(math.inf if state["loss"] is None else state["loss"])
        self.length.fill_(state["length"])


LARGE = ("memory", "products", "best", "direction")
"""The tensors of the state; the others are numbers."""
