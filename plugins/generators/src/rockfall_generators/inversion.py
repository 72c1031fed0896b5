"""Finding the noise that a generator makes an example of, for it has no way back of its own.

Zhu et al. 2016, "Generative Visual Manipulation on the Natural Image Manifold", projecting an image
onto the manifold: by gradients of the squared error, here from the best of many random starts.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

STARTS = 1000
"""Random noise of which the nearest is begun with."""
AT_ONCE = 100
"""Examples made at a time of the starts, for pictures may be large."""
STEPS = 200
LR = 0.05
PULL = 1e-3
"""Towards noise of the size that the generator knows: what it makes of other is anyone's guess."""


def inverted(
    generator: Callable[[Tensor], Tensor],
    wanted: Tensor,
    told: Tensor,
    drawn: Callable[[int], Tensor],
) -> Tensor:
    """Values (N, …) and conditions (N, K) → noise (N, latent) which gives about these values.

    drawn: so many noises (count, latent) from torch's global generator. The generator must be in
    its state of use, not of training.
    """
    noise = torch.cat(
        [_nearest(generator, *each, drawn) for each in zip(wanted, told, strict=True)]
    )
    expected = drawn(STARTS).square().mean()
    noise.requires_grad_()
    optimizer = torch.optim.Adam([noise], lr=LR)
    with torch.enable_grad():
        for _ in range(STEPS):
            made = generator(torch.cat((noise, told), 1))
            error = (made - wanted).square().flatten(1).mean(1).sum()
            size = (noise.square().mean(1) - expected).square().sum()
            (noise.grad,) = torch.autograd.grad(error + PULL * size, [noise])
            optimizer.step()
    return noise.detach()


def _nearest(
    generator: Callable[[Tensor], Tensor],
    wanted: Tensor,
    told: Tensor,
    drawn: Callable[[int], Tensor],
) -> Tensor:
    """Of STARTS random noises that whose example is nearest to one (…), as (1, latent)."""
    noise = drawn(STARTS)
    both = torch.cat((noise, told.expand(STARTS, -1)), 1)
    errors = [(generator(part) - wanted).square().flatten(1).sum(1) for part in both.split(AT_ONCE)]
    return noise[torch.cat(errors).argmin(keepdim=True)]
