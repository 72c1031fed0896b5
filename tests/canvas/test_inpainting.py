"""Harmonic inpainting against a direct solution of its equations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import torch
from torch import Tensor

from rockfall_canvas.holdout import Pattern, holdout_mask
from rockfall_canvas.inpainting import harmonic_inpainting


def direct(picture: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """An equation a missing pixel: it is the mean of those beside it."""
    channels, height, width = picture.shape
    number = np.full((height, width), -1)
    number[missing] = np.arange(missing.sum())
    matrix = scipy.sparse.lil_matrix((missing.sum(), missing.sum()))
    right = np.zeros((missing.sum(), channels))
    for y, x in zip(*np.nonzero(missing), strict=True):
        here = number[y, x]
        for v, u in ((y, x + 1), (y + 1, x), (y, x - 1), (y - 1, x)):
            if not (0 <= v < height and 0 <= u < width):
                continue
            matrix[here, here] += 1
            if missing[v, u]:
                matrix[here, number[v, u]] -= 1
            else:
                right[here] += picture[:, v, u]
    filled = picture.astype(float).copy()
    filled[:, missing] = scipy.sparse.linalg.spsolve(matrix.tocsc(), right).T
    return filled


def picture(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 5, 6, generator=generator) * 255
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0].clamp(0, 255)


@pytest.mark.parametrize(
    ("height", "width", "share", "pattern"),
    [
        (33, 50, 0.1, "random"),
        (33, 50, 0.9, "random"),
        (33, 50, 0.5, "block"),
        (64, 40, 0.8, "block"),
        (7, 90, 0.4, "random"),
        (1, 40, 0.6, "random"),
    ],
)
def test_as_a_direct_solver(height: int, width: int, share: float, pattern: Pattern) -> None:
    true = picture(height, width)
    missing = holdout_mask(height, width, share, pattern).view(height, width)
    filled = harmonic_inpainting(true, missing)
    expected = direct(true.numpy(), missing.numpy())
    assert np.abs(filled.numpy() - expected).max() < 0.5  # levels of 255
    assert torch.equal(filled[:, ~missing], true[:, ~missing])


def test_a_plane_is_found_again() -> None:
    y, x = torch.meshgrid(torch.arange(30.0), torch.arange(40.0), indexing="ij")
    plane = torch.stack((x, 2 * y, x + y))
    missing = torch.zeros(30, 40, dtype=torch.bool)
    missing[5:25, 8:31] = True
    assert (harmonic_inpainting(plane, missing) - plane).abs().max() < 0.1


def test_what_is_missing_is_not_read() -> None:
    true = picture(20, 30)
    missing = holdout_mask(20, 30, 0.3, "random").view(20, 30)
    spoilt = true.clone()
    spoilt[:, missing] = float("nan")
    assert torch.equal(harmonic_inpainting(spoilt, missing), harmonic_inpainting(true, missing))


def test_one_known_pixel_is_all_there_is() -> None:
    missing = torch.ones(40, 40, dtype=torch.bool)
    missing[3, 30] = False
    filled = harmonic_inpainting(torch.full((3, 40, 40), 7.0), missing)
    assert torch.allclose(filled, torch.full_like(filled, 7.0))
