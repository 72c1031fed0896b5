"""Distances by sorting, against SciPy's; what they see of pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from rockfall_generators.sliced import (
    colour_distance,
    patch_distances,
    patches,
    pyramid,
    sliced_wasserstein,
    wasserstein,
)


@pytest.mark.parametrize(("count", "other"), [(7, 7), (5, 8), (8, 3), (1, 4)])
def test_columns_are_scipys(count: int, other: int) -> None:
    generator = torch.Generator().manual_seed(count)
    a, b = (torch.randn(n, 3, generator=generator).double() for n in (count, other))
    expected = [wasserstein_distance(a[:, k], b[:, k]) for k in range(3)]
    np.testing.assert_allclose(wasserstein(a, b), expected, rtol=1e-12)


def test_a_translation_is_as_far_as_its_projections() -> None:
    """In two dimensions the mean of |cos| is 2/π."""
    points = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    moved = points + torch.tensor([3.0, 4.0])
    assert sliced_wasserstein(points, points) == 0
    assert sliced_wasserstein(points, moved) == pytest.approx(5 * 2 / np.pi, rel=0.1)
    assert sliced_wasserstein(points, moved) == sliced_wasserstein(points, moved)
    with pytest.raises(ValueError, match="empty"):
        sliced_wasserstein(points, points[:0])


def test_levels_add_up_to_the_picture() -> None:
    pictures = torch.rand(2, 3, 32, 20) * 255
    levels = pyramid(pictures)
    assert list(levels) == [20, 10]
    enlarged = torch.nn.functional.interpolate(levels[10], (32, 20), mode="bilinear")
    torch.testing.assert_close(levels[20] + enlarged, pictures)
    assert list(pyramid(torch.zeros(1, 1, 5, 9))) == [5]
    assert patches(torch.zeros(3, 1, 5, 9)).shape[1] == 5 * 7


def test_brightness_is_a_colours_distance() -> None:
    pictures = torch.randint(0, 200, (20, 3, 8, 8)).byte()
    brighter = pictures + torch.tensor([30, 0, 0]).view(3, 1, 1).byte()
    assert colour_distance(pictures, brighter) == pytest.approx(10)
    assert colour_distance(pictures, pictures.flip(3)) == 0
    ((side, distance),) = patch_distances(pictures, brighter).items()
    assert side == 8 and distance > 0
