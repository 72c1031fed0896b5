"""Weighted sums of latents, and paths from one to another.

In many dimensions Gaussian noise lies about a sphere of radius √D, and its sums would come to lie
inside it, where a generator has never been. Of such latents a sum is brought back to the radius,
and a path goes along the sphere: Shoemake 1985, "Animating rotation with quaternion curves"; White
2016, "Sampling Generative Networks", arXiv 1609.04468, section 2.1.
"""

from __future__ import annotations

import torch
from torch import Tensor

MIN_SINE = 1e-3
"""Sine of the angle between two directions below which the path is straight: the spherical one
would divide by it.
"""


def weighted_sums(latents: Tensor, weights: Tensor, *, spherical: bool) -> Tensor:
    """The sums (…, D) of latents (K, D) by weights (…, K) of any sign.

    spherical: each sum is brought to the mean of the latents' norms, weighted by how large each
    weight is. A sum of zero weights stays 0.
    """
    sums: Tensor = weights @ latents
    if not spherical:
        return sums
    shares = weights.abs() / weights.abs().sum(-1, keepdim=True).clamp(min=1e-12)
    radii = shares @ latents.norm(dim=1)
    rescaled: Tensor = sums * (radii / sums.norm(dim=-1).clamp(min=1e-12))[..., None]
    return rescaled


def interpolate(first: Tensor, last: Tensor, steps: int, *, spherical: bool) -> Tensor:
    """(steps, D) from one latent (D,) to another in even steps, both among them.

    spherical: even in the angle too, while the norm goes evenly from the one's to the other's.
    """
    ends = torch.stack((first, last))
    share = torch.linspace(0, 1, steps, dtype=first.dtype, device=first.device)
    weights = torch.stack((1 - share, share), 1)
    if not spherical:
        return weighted_sums(ends, weights, spherical=False)
    norms = ends.norm(dim=1)
    directions = ends / norms.clamp(min=1e-12)[:, None]
    angle = (directions[0] @ directions[1]).clamp(-1, 1).acos()
    if angle.sin() < MIN_SINE:
        return weighted_sums(ends, weights, spherical=False)
    turned = (weights * angle).sin() / angle.sin() @ directions
    on_sphere: Tensor = turned * (weights @ norms)[:, None]
    return on_sphere


def bilinear_weights(side: int) -> Tensor:
    """The weights (side², 4) of a square's corners at each point of a grid in it, row by row.

    The corners are the upper left, the upper right, the lower left and the lower right.
    """
    share = torch.linspace(0, 1, side)
    ends = torch.stack((1 - share, share), 1)  # (side, 2)
    return torch.einsum("ya,xb->yxab", ends, ends).reshape(-1, 4)
