"""Pictures in another light: brightness, contrast and saturation."""

from __future__ import annotations

import torch
from torch import Tensor

LUMINANCE = (0.299, 0.587, 0.114)
"""Of red, green and blue, by ITU-R BT.601, as Pillow has it."""


def colour_jitter(pictures: Tensor, amount: float) -> Tensor:
    """Vary brightness, then contrast, then saturation of each picture (N, 1 or 3, H, W), whose
    values are 0 … 255, each by a factor of its own from 1 − amount to 1 + amount.

    Howard 2013, "Some Improvements on Deep Convolutional Neural Network Based Image
    Classification", section 3, in an order that is always the same. A factor of 0 gives black, the
    picture's mean grey, or its grey levels; a grey picture has no saturation. Raises ValueError for
    an amount that is not from 0 to 1.
    """
    if not 0 <= amount <= 1:
        raise ValueError(f"amount must be from 0 to 1, not {amount}")
    exact = pictures.dtype if pictures.dtype == torch.float64 else torch.float32
    values = pictures.to(exact)
    for ground in (torch.zeros_like, _mean_grey, _grey):
        factor = 1 - amount + 2 * amount * torch.rand(len(values), device=values.device)
        plain = ground(values)
        values = plain + factor.to(exact).view(-1, 1, 1, 1) * (values - plain)
        values = values.clamp(0, 255)
    if not pictures.is_floating_point():
        values = values.round()
    return values.to(pictures.dtype)


def _grey(values: Tensor) -> Tensor:
    """(N, 1, H, W)."""
    if values.shape[1] == 1:
        return values
    weights = torch.tensor(LUMINANCE, dtype=values.dtype, device=values.device)
    return (values * weights.view(3, 1, 1)).sum(1, keepdim=True)


def _mean_grey(values: Tensor) -> Tensor:
    """(N, 1, 1, 1)."""
    return _grey(values).mean((2, 3), keepdim=True)
