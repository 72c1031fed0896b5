"""The linear recurrence hₜ = aₜ ⊙ hₜ₋₁ + bₜ over all steps, without a loop over each.

The T steps are laid out as √T blocks of √T. The blocks are gone through side by side, each as if it
began at 0, and then, one after the other, each is given what the one before ended with, times the
product of its a. So there are 2 √T operations on long vectors in place of T on short ones, and
three times the arithmetic. The gradient is the same recurrence, backwards in time.

No |a| may exceed 1: then products of many can only vanish, as they should, and never overflow.
(Feng et al. 2024 and Heinsen 2023 compute it by sums of logarithms, which needs positive a and b.)
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def scan(a: Tensor, b: Tensor, state: Tensor | None = None) -> Tensor:
    """a, b: (N, T, U), real or complex → h, (N, T, U). state: h before the first step, (N, U)."""
    if state is not None:
        b = torch.cat((torch.addcmul(b[:, :1], a[:, :1], state[:, None]), b[:, 1:]), 1)
    result: Tensor = _Scan.apply(a, b)  # type: ignore[no-untyped-call]
    return result


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        h = _in_blocks(a, b)
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        a, h = ctx.saved_tensors
        later = F.pad(a[:, 1:], (0, 0, 0, 1)).conj()  # what the gradient of the next step comes by
        of_b = _in_blocks(later.flip(1), grads[0].flip(1)).flip(1)
        before = F.pad(h[:, :-1], (0, 0, 1, 0)).conj()
        return of_b * before, of_b


def _in_blocks(a: Tensor, b: Tensor) -> Tensor:
    count, steps, units = b.shape
    size = math.isqrt(steps - 1) + 1
    blocks = -(-steps // size)
    padding = (0, 0, 0, blocks * size - steps)
    # (size, blocks, N, units), so that what one operation goes through lies side by side.
    product, h = (
        F.pad(each, padding)
        .view(count, blocks, size, units)
        .permute(2, 1, 0, 3)
        .clone(memory_format=torch.contiguous_format)
        for each in (a, b)
    )
    for step in range(1, size):
        h[step].addcmul_(product[step], h[step - 1])
        product[step].mul_(product[step - 1])
    for block in range(1, blocks):
        h[:, block].addcmul_(product[:, block], h[-1, block - 1])
    return h.permute(2, 1, 0, 3).reshape(count, blocks * size, units)[:, :steps]
