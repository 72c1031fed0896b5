"""Differentiable augmentation (DiffAugment) of the discriminator's inputs, real and generated.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", section 3.2, with
the strengths of the authors' code. With few real pictures a discriminator memorises them; augmented
ones are never twice alike. If only the real ones were augmented, the generator would learn the
augmentation.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from rockfall.kit.augmentation import cutout, shift

Name = Literal["shift", "cutout", "colour"]

SHIFT_DIVISOR = 8
"""A picture is translated by up to one in so many of its pixels, each way."""


def augment(pictures: Tensor, names: tuple[Name, ...]) -> Tensor:
    """Pictures (N, C, H, W) float from −1 to 1, each augmented at random, in the given order."""
    side = min(pictures.shape[2:])
    for name in names:
        if name == "shift":
            pixels = max(1, side // SHIFT_DIVISOR)
            pictures = shift(pictures + 1, pixels, border="zero") - 1  # −1 is padded
        elif name == "cutout":
            pictures = cutout(pictures, side // 2)
        else:
            pictures = colour(pictures)
    return pictures


def colour(pictures: Tensor) -> Tensor:
    """Pictures (N, C, H, W), each with random brightness (± 0.5), saturation (0 … 2) and contrast
    (0.5 … 1.5).
    """
    brightness, saturation, contrast = torch.rand(
        3, len(pictures), 1, 1, 1, device=pictures.device
    ).unbind()
    pictures = pictures + brightness - 0.5
    grey = pictures.mean(1, keepdim=True)
    pictures = grey + (pictures - grey) * 2 * saturation
    mean = pictures.mean((1, 2, 3), keepdim=True)
    return mean + (pictures - mean) * (contrast + 0.5)
