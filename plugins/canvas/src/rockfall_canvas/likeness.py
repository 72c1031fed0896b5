"""How alike two pictures are: PSNR, and SSIM.

Wang, Bovik, Sheikh and Simoncelli 2004, "Image Quality Assessment: From Error Visibility to
Structural Similarity".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

WINDOW, SIGMA = 11, 1.5
"""Pixels across the Gaussian window, and its deviation (Wang et al. 2004, section III.B)."""
K1, K2 = 0.01, 0.03
WHITE = 255.0
BAND = 256
"""Rows at a time, so that what lies in memory is bounded."""
LUMINANCE = (0.299, 0.587, 0.114)
"""Of red, green and blue: ITU-R BT.601."""


def psnr(made: Tensor, true: Tensor) -> float:
    """10 log₁₀ (255² / mean squared error), dB, of uint8 values of one shape.

    Equal ones get what they would if one value of them were off by one, so that it is finite.
    """
    error = (made.cpu().float() - true.cpu().float()).square().mean(dtype=torch.float64).item()
    return 10 * math.log10(WHITE**2 / max(error, 1 / true.numel()))


def can_compare(height: int, width: int) -> bool:
    """Whether SSIM's window fits into a picture."""
    return min(height, width) >= WINDOW


def ssim(made: Tensor, true: Tensor) -> float:
    """The mean of SSIM's map (equation 13) of the luminance of two (3, H, W) uint8 pictures.

    The map has a value where the whole window lies in the picture, as in the authors' own
    program; see `can_compare`.
    """
    height, width = (side - WINDOW + 1 for side in true.shape[1:])
    total = 0.0
    for top in range(0, height, BAND):
        rows = slice(top, top + BAND + WINDOW - 1)
        total += float(_map(luminance(made[:, rows]), luminance(true[:, rows])).sum())
    return total / (height * width)


def _map(x: Tensor, y: Tensor) -> Tensor:
    """(H, W) each → (H − 10, W − 10)."""
    # The weighted means of these five tell all means, variances and the covariance.
    local = blurred(torch.stack((x, y, x * x, y * y, x * y)))
    mean_x, mean_y = local[0], local[1]
    variances = local[2] - mean_x.square() + local[3] - mean_y.square()
    covariance = local[4] - mean_x * mean_y
    c1, c2 = (K1 * WHITE) ** 2, (K2 * WHITE) ** 2
    alike = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return alike / ((mean_x.square() + mean_y.square() + c1) * (variances + c2))


def luminance(picture: Tensor) -> Tensor:
    """(3, H, W) uint8 → (H, W) float64, 0 … 255, on the CPU: variances are small differences of
    large numbers, and not every GPU has such.
    """
    shares = torch.tensor(LUMINANCE, dtype=torch.float64)
    return (picture.cpu() * shares[:, None, None]).sum(0)


def blurred(planes: Tensor) -> Tensor:
    """(N, H, W) → (N, H − 10, W − 10): weighted means in the window."""
    offsets = torch.arange(WINDOW, dtype=planes.dtype) - WINDOW // 2
    weights = torch.exp(-offsets.square() / (2 * SIGMA**2))
    weights /= weights.sum()
    _, height, width = (side - WINDOW + 1 for side in planes.shape)
    down = torch.zeros_like(planes[:, :height])
    for k, weight in enumerate(weights):
        down += weight * planes[:, k : k + height]
    across = torch.zeros_like(down[:, :, :width])
    for k, weight in enumerate(weights):
        across += weight * down[:, :, k : k + width]
    return across
