"""A small VGG that was never trained: its weights are drawn, always the same.

He, Wang and Hopcroft 2016, "A Powerful Generative Model Using Random Weights for the Deep Image
Representation": much of what a network tells apart needs no training.
"""

from __future__ import annotations

import torch
from torch import nn

from rockfall_style.vgg import vgg

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYERS = ("relu2_1",)
MEAN = 0.2
"""How much of its mean a filter keeps. With all of it, activations tell little but how light it is
around; with none, a picture loses the colours of the style.
"""


def random_vgg() -> dict[str, nn.Module]:
    """Its layers by name, in order, one convolution a block."""
    return vgg((32, 64, 64, 64, 64), (1, 1, 1, 1, 1))


def draw_weights(network: nn.Module) -> None:
    """Normally distributed, with which activations stay as large as they are (He et al. 2015)."""
    generator = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            drawn = torch.randn(layer.weight.shape, generator=generator)
            drawn -= (1 - MEAN) * drawn.mean((1, 2, 3), keepdim=True)
            drawn *= (2 / drawn[0].numel()) ** 0.5 / drawn.std()
            layer.weight.data.copy_(drawn)
            nn.init.zeros_(layer.bias)
