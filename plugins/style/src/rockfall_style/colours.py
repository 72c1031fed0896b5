"""A style without its colours: Gatys, Bethge, Hertzmann and Shechtman 2016, "Preserving Color in
Neural Artistic Style Transfer".

Of the two ways there, that which transfers the style between luminances alone: it keeps every
colour as it is, where colours that are matched on the whole are still mixed anew. Pictures are
(N, 3, H, W) float in 0 … 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

LUMINANCE = (0.299, 0.587, 0.114)
"""Y of red, green and blue in YIQ."""


def luminance(pictures: Tensor) -> Tensor:
    """(N, 3, H, W) → (N, 1, H, W)."""
    shares = torch.tensor(LUMINANCE, device=pictures.device).view(3, 1, 1)
    return (pictures * shares).sum(1, keepdim=True)


def matched(style: Tensor, content: Tensor) -> Tensor:
    """A luminance (N, 1, H, W) brought to the mean and the deviation of another."""
    scale = content.std(correction=0) / style.std(correction=0).clamp(min=1e-6)
    return (style - style.mean()) * scale + content.mean()


def with_luminance(pictures: Tensor, wanted: Tensor) -> Tensor:
    """The colours of (N, 3, H, W), I and Q of YIQ, with luminance (N, 1, H, W).

    Y is in red, green and blue with factor 1, so that each changes by as much as it. What leaves
    0 … 1 is left to be cut off.
    """
    return pictures + (wanted - luminance(pictures))
