"""PSNR and SSIM against plain NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rockfall_canvas import image_quality
from rockfall_canvas.image_quality import has_ssim, psnr, ssim


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def picture(height: int = 40, width: int = 57) -> Tensor:
    """Of smooth parts, edges and noise."""
    y, x = np.mgrid[:height, :width]
    planes = [127 + 100 * np.sin(x / 9 + k) * np.cos(y / 7) + 60 * (x > 30) for k in range(3)]
    grain = np.random.default_rng(0).normal(0, 6, (3, height, width))
    return torch.from_numpy((np.stack(planes) + grain).clip(0, 255).astype(np.uint8))


def reference(made: Tensor, true: Tensor) -> float:
    """Wang et al. 2004, equations 14 to 16 and 13 as they are written, window by window."""
    x, y = ((0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) for p in (made.double(), true.double()))
    offsets = np.arange(11) - 5
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    found = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a = x[top : top + 11, left : left + 11].numpy()
            b = y[top : top + 11, left : left + 11].numpy()
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a = (window * (a - mean_a) ** 2).sum()
            var_b = (window * (b - mean_b) ** 2).sum()
            both = (window * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            found.append(
                (2 * mean_a * mean_b + c1)
                * (2 * both + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            )
    return float(np.mean(found))


@pytest.mark.parametrize("spoilt", ["noise", "blurred", "darker", "negative", "other"])
@pytest.mark.parametrize("band", [256, 7])
def test_ssim_is_the_papers(spoilt: str, band: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_quality, "BAND", band)
    true = picture()
    made = {
        "noise": (true.float() + 20 * torch.randn(true.shape)).clamp(0, 255).byte(),
        "blurred": torch.nn.functional.avg_pool2d(true.float(), 5, 1, 2).byte(),
        "darker": (true.float() * 0.7).byte(),
        "negative": 255 - true,
        "other": noise(*true.shape),
    }[spoilt]
    assert ssim(made, true) == pytest.approx(reference(made, true), abs=1e-9)
    assert ssim(made, true) == pytest.approx(ssim(true, made), abs=1e-9)


def test_ssim_of_a_bright_flat_picture_is_not_rounding() -> None:
    true = torch.full((3, 40, 40), 250, dtype=torch.uint8)
    made = true.clone()
    made[:, ::2] = 252
    assert ssim(made, true) == pytest.approx(reference(made, true), abs=1e-9)
    assert ssim(true, true) == pytest.approx(1.0, abs=1e-9)


def test_the_smallest_picture_that_has_one() -> None:
    assert has_ssim(11, 11)
    assert not has_ssim(10, 11)
    assert ssim(noise(3, 11, 11), noise(3, 11, 11, seed=1)) == pytest.approx(
        reference(noise(3, 11, 11), noise(3, 11, 11, seed=1)), abs=1e-9
    )


def test_psnr() -> None:
    true = noise(3, 20, 30).clamp(10, 200)
    assert psnr(true + 5, true) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr(true, true + 5) == pytest.approx(20 * math.log10(255 / 5))  # no uint8 wrapped
    other = noise(3, 20, 30, seed=1)
    error = np.mean((true.numpy().astype(float) - other.numpy()) ** 2)
    assert psnr(true, other) == pytest.approx(10 * math.log10(255**2 / error))


def test_psnr_of_equal_pictures_is_finite_and_the_best() -> None:
    true = noise(3, 20, 30).clamp(max=254)
    almost = true.clone()
    almost[0, 0, 0] += 1
    assert psnr(true, true) == pytest.approx(psnr(almost, true))
    almost[0, 0, 1] += 1
    assert psnr(true, true) > psnr(almost, true) + 2
