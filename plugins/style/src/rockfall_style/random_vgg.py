"""A small VGG with random weights, always the same ones.

He, Wang and Hopcroft 2016, "A Powerful Generative Model Using Random Weights for the Deep Image
Representation": untrained networks can represent style and content too. It departs from the paper
in its architecture, one convolution a block and at most 64 channels, and in taking most of their
mean from the filters (`MEAN_SHARE`).
"""

from __future__ import annotations

import torch
from torch import nn

from rockfall_style.vgg import vgg

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYERS = ("relu2_1",)
MEAN_SHARE = 0.2
"""Share of its mean that a filter keeps. With all of it, activations are mostly local brightness;
with none, a picture does not take on the colours of the style.
"""


def random_vgg() -> dict[str, nn.Module]:
    """Its layers by name, in order: one convolution a block."""
    return vgg((32, 64, 64, 64, 64), (1, 1, 1, 1, 1))


def init_weights(network: nn.Module) -> None:
    """Normally distributed weights, with the variance that preserves the scale of activations (He
    et al. 2015, "Delving Deep into Rectifiers").
    """
    generator = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            weight = torch.randn(layer.weight.shape, generator=generator)
            weight -= (1 - MEAN_SHARE) * weight.mean((1, 2, 3), keepdim=True)
            weight *= (2 / weight[0].numel()) ** 0.5 / weight.std()
            layer.weight.data.copy_(weight)
            nn.init.zeros_(layer.bias)
