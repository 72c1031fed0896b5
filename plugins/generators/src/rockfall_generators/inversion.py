"""Inversion of a generator, which has no encoder: the noise that it makes an example of.

Zhu et al. 2016, "Generative Visual Manipulation on the Natural Image Manifold",
projecting an image onto the manifold by optimisation. It differs from the paper: Adam minimises the
squared error of the values alone, not one of a network's features by L-BFGS, and starts from the
best of many random noises, not from an encoder's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rockfall.kit.optimizers import Adam

STARTS = 1000
"""Random noises of which the best is the start."""
CHUNK = 100
"""Examples of random noises that are generated at a time, for pictures may be large."""
STEPS = 200
LR = 0.05
NORM_PENALTY = 1e-3
"""Coefficient by which noise is kept at the norm that the generator was trained on."""

Generator = Callable[[Tensor], Tensor]
"""Noise and conditions (N, latent + K) → values (N, …)."""
NoiseSampler = Callable[[int], Tensor]
"""How many → noise (count, latent), from torch's global generator."""


def invert(
    generator: Generator, targets: Tensor, conditions: Tensor, sample_noise: NoiseSampler
) -> Tensor:
    """Values (N, …) and conditions (N, K) → noise (N, latent) that generates about these values.

    The generator must be in its evaluation mode.
    """
    noise = torch.cat(
        [
            _best_start(generator, *each, sample_noise)
            for each in zip(targets, conditions, strict=True)
        ]
    )
    expected = sample_noise(STARTS).square().mean()
    noise.requires_grad_()
    optimizer = Adam([noise], lr=LR)
    with torch.enable_grad():
        for _ in range(STEPS):
            generated = generator(torch.cat((noise, conditions), 1))
            error = (generated - targets).square().flatten(1).mean(1).sum()
            norm_error = (noise.square().mean(1) - expected).square().sum()
            (noise.grad,) = torch.autograd.grad(error + NORM_PENALTY * norm_error, [noise])
            optimizer.step()
    return noise.detach()


def _best_start(
    generator: Generator, target: Tensor, condition: Tensor, sample_noise: NoiseSampler
) -> Tensor:
    """Of STARTS random noises the one whose example is nearest to a target (…), as (1, latent)."""
    noise = sample_noise(STARTS)
    latents = torch.cat((noise, condition.expand(STARTS, -1)), 1)
    errors = [
        (generator(part) - target).square().flatten(1).sum(1) for part in latents.split(CHUNK)
    ]
    return noise[torch.cat(errors).argmin(keepdim=True)]
