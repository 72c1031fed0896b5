"""Style transfer that preserves the content's colours: luminance-only transfer.

Gatys, Bethge, Hertzmann and Shechtman 2016, "Preserving Color in Neural Artistic Style Transfer".
Of the paper's two methods this is the luminance-only one: the style is transferred between
luminance channels, and every pixel keeps the content's chrominance. The other, colour histogram
matching, keeps the distribution of colours and not where they are. Pictures are (N, 3, H, W) float
in 0 … 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in Y of YIQ."""


def luminance(pictures: Tensor) -> Tensor:
    """(N, 3, H, W) → (N, 1, H, W)."""
    weights = torch.tensor(LUMINANCE, device=pictures.device).view(3, 1, 1)
    return (pictures * weights).sum(1, keepdim=True)


def match_mean_and_std(style: Tensor, content: Tensor) -> Tensor:
    """The style's luminance (N, 1, H, W) with the mean and standard deviation of the content's."""
    scale = content.std(correction=0) / style.std(correction=0).clamp(min=1e-6)
    return (style - style.mean()) * scale + content.mean()


def replace_luminance(pictures: Tensor, wanted: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) with luminance (N, 1, H, W) and their own chrominance, I and Q of YIQ.

    Y has a factor of 1 in red, green and blue, so each changes by as much as it. Values may leave
    0 … 1.
    """
    return pictures + (wanted - luminance(pictures))
