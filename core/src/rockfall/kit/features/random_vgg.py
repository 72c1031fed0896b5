"""A small VGG with random weights, always the same ones.

He, Wang and Hopcroft 2016, "A Powerful Generative Model Using Random Weights for the Deep Image
Representation": untrained networks can represent style and content too. It departs from the paper
in its architecture, one convolution a block and at most 64 channels, and in taking most of their
mean from the filters (`MEAN_SHARE`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rockfall.kit.features.vgg import vgg
from rockfall.kit.randomness import fork_rng

MEAN_SHARE = 0.2
"""Share of its mean that a filter keeps. With all of it, activations are mostly local brightness;
with none, a picture does not take on the colours of the style.
"""


def random_vgg() -> dict[str, nn.Module]:
    """Its layers by name, in order: one convolution a block."""
    return vgg((32, 64, 64, 64, 64), (1, 1, 1, 1, 1))


def random_weights() -> dict[str, Tensor]:
    """Normally distributed weights, with the variance that preserves the scale of activations (He
    et al. 2015, "Delving Deep into Rectifiers"), by the names that they have in a file.
    """
    generator = torch.Generator().manual_seed(0)
    weights: dict[str, Tensor] = {}
    with fork_rng():
        layers = random_vgg()
    for place, layer in enumerate(layers.values()):
        if isinstance(layer, nn.Conv2d):
            weight = torch.randn(layer.weight.shape, generator=generator)
            weight -= (1 - MEAN_SHARE) * weight.mean((1, 2, 3), keepdim=True)
            weight *= (2 / weight[0].numel()) ** 0.5 / weight.std()
            weights[f"features.{place}.weight"] = weight
            weights[f"features.{place}.bias"] = torch.zeros(len(weight))
    return weights
