"""What the discriminator sees of pictures, real and made alike, with gradients to those made.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", section 3.2, with
the strengths of their code: with few real pictures a discriminator learns them by heart; what it
never sees twice alike, it can't. Augmenting the real ones alone would teach the generator the
augmentation.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from rockfall.kit.augmentation import cutout, shift

Name = Literal["shift", "cutout", "colour"]

FARTHEST = 8
"""A picture is moved by up to one in so many of its pixels, each way."""


def augmented(pictures: Tensor, names: tuple[Name, ...]) -> Tensor:
    """Pictures (N, C, H, W) float, −1 for empty, each changed by chance."""
    side = min(pictures.shape[2:])
    for name in names:
        if name == "shift":
            pixels = max(1, side // FARTHEST)
            pictures = shift(pictures + 1, pixels, border="zero") - 1  # empty comes in
        elif name == "cutout":
            pictures = cutout(pictures, side // 2)
        else:
            pictures = colour(pictures)
    return pictures


def colour(pictures: Tensor) -> Tensor:
    """Brightness by ±0.5, saturation by 0 … 2, contrast by 0.5 … 1.5, each picture by itself."""
    brightness, saturation, contrast = torch.rand(
        3, len(pictures), 1, 1, 1, device=pictures.device
    ).unbind()
    pictures = pictures + brightness - 0.5
    grey = pictures.mean(1, keepdim=True)
    pictures = grey + (pictures - grey) * 2 * saturation
    middle = pictures.mean((1, 2, 3), keepdim=True)
    return middle + (pictures - middle) * (contrast + 0.5)
