"""Weighted sums of latents, and paths from one to another.

In many dimensions Gaussian noise lies about a sphere of radius √D, and its sums would come to lie
inside it, where a generator has never been. Of such latents a sum is brought back to the radius,
and a path goes along the sphere: Shoemake 1985, "Animating rotation with quaternion curves"; White
2016, "Sampling Generative Networks", arXiv 1609.04468, section 2.1.
"""

from __future__ import annotations

import torch
from torch import Tensor

ALIKE = 1e-3
"""Sine of the angle between two directions below which they are as good as one line."""


def mixed(latents: Tensor, weights: Tensor, *, spherical: bool) -> Tensor:
    """The sums (…, D) of latents (K, D) by weights (…, K) of any sign.

    spherical: each sum is brought to the mean of the latents' norms, weighted by how large each
    weight is. A sum of nothing stays what it is.
    """
    sums: Tensor = weights @ latents
    if not spherical:
        return sums
    shares = weights.abs() / weights.abs().sum(-1, keepdim=True).clamp(min=1e-12)
    radii = shares @ latents.norm(dim=1)
    brought: Tensor = sums * (radii / sums.norm(dim=-1).clamp(min=1e-12))[..., None]
    return brought


def path(first: Tensor, last: Tensor, steps: int, *, spherical: bool) -> Tensor:
    """(steps, D) from one latent (D,) to another in even steps, both among them.

    spherical: even in the angle too, while the norm goes evenly from the one's to the other's.
    """
    ends = torch.stack((first, last))
    share = torch.linspace(0, 1, steps, dtype=first.dtype, device=first.device)
    even = torch.stack((1 - share, share), 1)
    if not spherical:
        return mixed(ends, even, spherical=False)
    norms = ends.norm(dim=1)
    directions = ends / norms.clamp(min=1e-12)[:, None]
    angle = (directions[0] @ directions[1]).clamp(-1, 1).acos()
    if angle.sin() < ALIKE:
        return mixed(ends, even, spherical=False)
    turned = (even * angle).sin() / angle.sin() @ directions
    on_sphere: Tensor = turned * (even @ norms)[:, None]
    return on_sphere
