"""The linear recurrence hₜ = aₜ ⊙ hₜ₋₁ + bₜ over all steps, in few operations.

The T steps are laid out as so many blocks. These are gone through side by side, each as if it began
at 0, and then, one after the other, each is given what the one before ended with, times the product
of its a. With √T blocks there are 2 √T operations on long vectors in place of T on short ones, but
three times the arithmetic. So on the CPU there are the fewer blocks, the more numbers a single step
has, down to one, which is the plain loop, in place. The gradient is the same recurrence, backwards
in time.

No |a| may exceed 1: then products of many can only vanish, as they should, and never overflow.
(Feng et al. 2024 and Heinsen 2023 compute it by sums of logarithms, which needs positive a and b.)
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

WORTH_AN_OPERATION = 8_192
"""Numbers in an operation on the CPU, from which on one of more takes as much longer."""


def scan(a: Tensor, b: Tensor, state: Tensor | None = None) -> Tensor:
    """a, b: (N, T, U), real or complex → h, (N, T, U). state: h before the first step, (N, U)."""
    if state is not None:
        b = torch.cat((torch.addcmul(b[:, :1], a[:, :1], state[:, None]), b[:, 1:]), 1)
    result: Tensor = _Scan.apply(a, b)  # type: ignore[no-untyped-call]
    return result


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        h = _recur(a, b, blocks_for(b))
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        a, h = ctx.saved_tensors
        # What the gradient of the next step comes by.
        later = F.pad(a[:, 1:], (0, 0, 0, 1)).conj().resolve_conj()
        of_b = _recur(later, grads[0], blocks_for(h), backwards=True)
        of_a = torch.empty_like(h)
        of_a[:, 0] = 0
        torch.mul(of_b[:, 1:], h[:, :-1].conj(), out=of_a[:, 1:])
        return of_a, of_b


def blocks_for(values: Tensor) -> int:
    """In how many blocks the steps of (N, T, U) are laid out."""
    count, steps, units = values.shape
    most = math.isqrt(steps - 1) + 1
    if values.device.type != "cpu":  # where an operation takes as long, whatever is in it
        return most
    return max(1, min(most, WORTH_AN_OPERATION // max(1, count * units)))


def _recur(a: Tensor, b: Tensor, blocks: int, backwards: bool = False) -> Tensor:
    """h, (N, T, U); backwards, it begins at the last step."""
    count, steps, units = b.shape
    size = -(-steps // blocks)
    shape = (count, blocks, size, units)
    order = slice(None, None, -1 if backwards else 1)
    h = _copied(b, blocks * size)
    if blocks == 1:
        each = h.unbind(1)[order]
        for factor, before, now in zip(a.unbind(1)[order][1:], each, each[1:], strict=False):
            now.addcmul_(factor, before)
        return h
    of_step = h.view(shape).unbind(2)[order]
    product = _copied(a, blocks * size).view(shape)
    factors = product.unbind(2)[order]
    for step in range(1, size):
        of_step[step].addcmul_(factors[step], of_step[step - 1])
        factors[step].mul_(factors[step - 1])
    of_block, products = h.view(shape).unbind(1)[order], product.unbind(1)[order]
    last = 0 if backwards else size - 1
    for block in range(1, blocks):
        of_block[block].addcmul_(products[block], of_block[block - 1][:, last : last + 1])
    return h[:, :steps]


def _copied(values: Tensor, steps: int) -> Tensor:
    """With zeros after them, up to so many steps."""
    if missing := steps - values.shape[1]:
        return F.pad(values, (0, 0, 0, missing))
    return values.clone(memory_format=torch.contiguous_format)
