"""The classical way to fill gaps: each missing value is the mean of those beside it.

Such a filling is harmonic: it solves Laplace's equation with the known pixels as boundary values,
and no slope across the picture's edge. It is the smoothest that there is, in that it has the least
sum of squared differences between neighbours.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

CLOSE = 1e-4
"""Of the equations' residual, by what it is with nothing filled in."""
COARSE = 16
"""Pixels along the shorter side below which a picture is not made smaller."""


def harmonic(picture: Tensor, missing: Tensor) -> Tensor:
    """Values (C, H, W) with the missing (H, W) bool ones filled in, float32.

    What is missing is not read; at least one pixel must be known. By conjugate gradients, which
    begin at what a picture of half the size was filled with, since they carry a value only one
    pixel further a step.
    """
    known = picture.float().masked_fill(missing, 0.0)
    return _solve(_guess(known, missing), missing)


def _guess(known: Tensor, missing: Tensor) -> Tensor:
    """The missing ones by the filling of a picture of half the size, or else by the mean."""
    _, height, width = known.shape
    there = (~missing).float()
    if min(height, width) < COARSE:
        filling = (known.sum((1, 2)) / there.sum())[:, None, None]
        return torch.where(missing, filling, known)
    share = functional.avg_pool2d(there[None], 2, ceil_mode=True)  # of each four that is known
    small = functional.avg_pool2d(known, 2, ceil_mode=True) / share.clamp(min=1e-6)
    filled = harmonic(small, share[0] == 0)
    large = filled.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, :height, :width]
    return torch.where(missing, large, known)


def _solve(values: Tensor, missing: Tensor) -> Tensor:
    """Conjugate gradients (Hestenes and Stiefel 1952), each channel with steps of its own."""
    filled = values.clone()
    free = missing.float()
    residual = -free * _differences(filled)
    least = CLOSE**2 * _power(free * _differences(filled * (1 - free)))
    direction, power = residual, _power(residual)
    for _ in range(values.shape[1] * values.shape[2]):
        if bool((power <= least).all()):
            break
        moved = free * _differences(direction)
        step = power / (direction * moved).sum((1, 2), keepdim=True).clamp(min=1e-30)
        filled += step * direction
        residual = residual - step * moved
        before, power = power, _power(residual)
        direction = residual + power / before.clamp(min=1e-30) * direction
    return filled


def _power(values: Tensor) -> Tensor:
    return values.square().sum((1, 2), keepdim=True)


def _differences(values: Tensor) -> Tensor:
    """For each pixel (C, H, W) the sum of its differences to those beside it."""
    down, across = values.diff(dim=1), values.diff(dim=2)
    zero = functional.pad
    return (
        zero(down, (0, 0, 1, 0))
        - zero(down, (0, 0, 0, 1))
        + zero(across, (1, 0))
        - zero(across, (0, 1))
    )
