"""Harmonic inpainting: the classical baseline for held-out pixels.

Each missing value is the mean of its neighbours, so the filling solves Laplace's equation with the
known pixels as boundary values and no slope across the picture's edge. It is the smoothest filling,
in that it has the least sum of squared differences between neighbours.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

TOLERANCE = 1e-4
"""Norm of the residual at which the solver stops, relative to that with the missing values at 0."""
COARSEST_SIDE = 16
"""Pixels along the shorter side below which a picture is not coarsened further."""


def harmonic_inpainting(picture: Tensor, missing: Tensor) -> Tensor:
    """Values (C, H, W) with those at the missing (H, W) bool pixels filled in, float32.

    Missing values are not read; at least one pixel must be known. The solver is the conjugate
    gradient method, which carries a value only one pixel further a step; so it starts from the
    filling of the picture at half the size (nested iteration).
    """
    known = picture.float().masked_fill(missing, 0.0)
    return _solve(_initial_guess(known, missing), missing)


def _initial_guess(known: Tensor, missing: Tensor) -> Tensor:
    """Missing values from the filling of the picture at half the size, or else their mean."""
    _, height, width = known.shape
    weight = (~missing).float()
    if min(height, width) < COARSEST_SIDE:
        filling = (known.sum((1, 2)) / weight.sum())[:, None, None]
        return torch.where(missing, filling, known)
    share = functional.avg_pool2d(weight[None], 2, ceil_mode=True)  # of each 2 × 2 that is known
    coarse = functional.avg_pool2d(known, 2, ceil_mode=True) / share.clamp(min=1e-6)
    filled = harmonic_inpainting(coarse, share[0] == 0)
    fine = filled.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, :height, :width]
    return torch.where(missing, fine, known)


def _solve(values: Tensor, missing: Tensor) -> Tensor:
    """Conjugate gradients (Hestenes and Stiefel 1952), with step lengths of each channel's own."""
    solution = values.clone()
    free = missing.float()
    residual = -free * _laplacian(solution)
    tolerance = TOLERANCE**2 * _squared_norm(free * _laplacian(solution * (1 - free)))
    direction, norm = residual, _squared_norm(residual)
    for _ in range(values.shape[1] * values.shape[2]):
        if bool((norm <= tolerance).all()):
            break
        product = free * _laplacian(direction)
        step = norm / (direction * product).sum((1, 2), keepdim=True).clamp(min=1e-30)
        solution += step * direction
        residual = residual - step * product
        previous, norm = norm, _squared_norm(residual)
        direction = residual + norm / previous.clamp(min=1e-30) * direction
    return solution


def _squared_norm(values: Tensor) -> Tensor:
    return values.square().sum((1, 2), keepdim=True)


def _laplacian(values: Tensor) -> Tensor:
    """The graph Laplacian of (C, H, W): for each pixel the sum of its differences to neighbours."""
    down, across = values.diff(dim=1), values.diff(dim=2)
    pad = functional.pad
    return (
        pad(down, (0, 0, 1, 0))
        - pad(down, (0, 0, 0, 1))
        + pad(across, (1, 0))
        - pad(across, (0, 1))
    )
