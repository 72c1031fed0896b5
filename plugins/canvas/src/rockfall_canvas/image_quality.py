"""Full-reference image quality: PSNR and SSIM.

Wang, Bovik, Sheikh and Simoncelli 2004, "Image Quality Assessment: From Error Visibility to
Structural Similarity".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

WINDOW, SIGMA = 11, 1.5
"""Pixels across the Gaussian window, and its standard deviation (Wang et al. 2004, section III.B).
"""
K1, K2 = 0.01, 0.03
PEAK = 255.0
BAND = 256
"""Rows processed at a time, which bounds the memory."""
LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue: ITU-R BT.601."""


def psnr(reconstruction: Tensor, reference: Tensor) -> float:
    """Peak signal-to-noise ratio, 10 log₁₀ (255² / mean squared error), dB, of uint8 tensors of one
    shape.

    Of equal ones it is that of a single value that is off by one, so that it is finite.
    """
    error = (
        (reconstruction.cpu().float() - reference.cpu().float())
        .square()
        .mean(dtype=torch.float64)
        .item()
    )
    return 10 * math.log10(PEAK**2 / max(error, 1 / reference.numel()))


def has_ssim(height: int, width: int) -> bool:
    """Whether SSIM's window fits into a picture."""
    return min(height, width) >= WINDOW


def ssim(reconstruction: Tensor, reference: Tensor) -> float:
    """Structural similarity: the mean of the SSIM map (equation 13) of the luminance of two
    (3, H, W) uint8 pictures, for which `has_ssim`.

    The map has a value where the whole window lies in the picture, as in the authors' program. It
    differs from that in not scaling large pictures down first.
    """
    height, width = (side - WINDOW + 1 for side in reference.shape[1:])
    total = 0.0
    for top in range(0, height, BAND):
        rows = slice(top, top + BAND + WINDOW - 1)
        band = luminance(reconstruction[:, rows]), luminance(reference[:, rows])
        total += float(_ssim_map(*band).sum())
    return total / (height * width)


def _ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """Luminance (H, W) of both → (H − 10, W − 10)."""
    # All local means, variances and the covariance follow from the local means of these five.
    local = gaussian_filter(torch.stack((x, y, x * x, y * y, x * y)))
    mean_x, mean_y = local[0], local[1]
    variances = local[2] - mean_x.square() + local[3] - mean_y.square()
    covariance = local[4] - mean_x * mean_y
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    numerator = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return numerator / ((mean_x.square() + mean_y.square() + c1) * (variances + c2))


def luminance(picture: Tensor) -> Tensor:
    """(3, H, W) uint8 → (H, W) float64, 0 … 255, on the CPU: variances are small differences of
    large numbers, and not every accelerator has float64.
    """
    weights = torch.tensor(LUMINANCE, dtype=torch.float64)
    return (picture.cpu() * weights[:, None, None]).sum(0)


def gaussian_filter(planes: Tensor) -> Tensor:
    """(N, H, W) → (N, H − 10, W − 10): means under the Gaussian window."""
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
