"""Sliced Wasserstein distance: of two sets of points, the mean over random directions of that
between their projections, which is found by sorting.

Rabin et al. 2012, "Wasserstein Barycenter and its Application to Texture Mixing". Of pictures it is
taken of their patches, at each level of a Laplacian pyramid (Karras et al. 2018, "Progressive
Growing of GANs for Improved Quality, Stability, and Variation", section 5), so that it sees whether
shapes, textures and noise are the data's, whatever the pictures show.

It differs from Karras et al.: levels go down to 8 pixels, not 16, and patches keep their contrast
and their mean, since brightness should count.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

DIRECTIONS = 128
PATCH = 7
"""Pixels a side of a patch; all of a smaller picture."""
PATCHES = 4096
"""Patches of a set, at most, at each level."""
SMALLEST = 8
"""Pixels a side below which a picture is not halved to."""


def sliced_wasserstein(first: Tensor, second: Tensor) -> float:
    """Mean Wasserstein-1 distance between projections of (N, D) and (M, D); in their units.

    The directions are always the same, so that distances of the same dimension compare. Raises
    ValueError for an empty set.
    """
    if not len(first) or not len(second):
        raise ValueError("an empty set has no distance to another")
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(first.shape[1], DIRECTIONS, generator=generator, dtype=torch.float64)
    directions = directions / directions.norm(dim=0)
    projected = [values.cpu().double() @ directions for values in (first, second)]
    return float(wasserstein(*projected).mean())


def wasserstein(first: Tensor, second: Tensor) -> Tensor:
    """Wasserstein-1 distances (K,) between columns of (N, K) and of (M, K), exactly: the area
    between the two quantile functions.
    """
    a, b = first.sort(0).values, second.sort(0).values
    if len(a) == len(b):
        return (a - b).abs().mean(0)
    steps = [torch.arange(1, len(each) + 1, dtype=torch.float64) / len(each) for each in (a, b)]
    edges = torch.cat(steps).sort().values
    widths = torch.diff(edges, prepend=edges.new_zeros(1))
    middles = edges - widths / 2
    rows = [(middles * len(each)).long().clamp(max=len(each) - 1) for each in (a, b)]
    return (widths[:, None] * (a[rows[0]] - b[rows[1]]).abs()).sum(0)


def patch_distances(first: Tensor, second: Tensor) -> dict[int, float]:
    """Pictures (N, C, H, W) and (M, C, H, W) uint8 → the distance of their patches at each level of
    a Laplacian pyramid, by its shorter side, in grey levels.
    """
    of_first, of_second = pyramid(first.cpu().float()), pyramid(second.cpu().float())
    return {
        side: sliced_wasserstein(patches(of_first[side]), patches(of_second[side]))
        for side in of_first
    }


def pyramid(pictures: Tensor) -> dict[int, Tensor]:
    """Pictures (N, C, H, W) float → by its shorter side, what each level adds to the next smaller
    one; the smallest as it is.
    """
    levels: dict[int, Tensor] = {}
    while min(pictures.shape[2:]) >= 2 * SMALLEST:
        smaller = F.avg_pool2d(pictures, 2)
        enlarged = F.interpolate(smaller, pictures.shape[2:], mode="bilinear")
        levels[min(pictures.shape[2:])] = pictures - enlarged
        pictures = smaller
    levels[min(pictures.shape[2:])] = pictures
    return levels


def patches(pictures: Tensor) -> Tensor:
    """Pictures (N, C, H, W) float → patches (K, D), at places that are always the same ones."""
    count, _, height, width = pictures.shape
    tall, wide = min(PATCH, height), min(PATCH, width)
    each = max(1, min(PATCHES // count, (height - tall + 1) * (width - wide + 1)))
    generator = torch.Generator().manual_seed(0)
    rows, columns = (
        torch.randint(most + 1, (each,), generator=generator).tolist()
        for most in (height - tall, width - wide)
    )
    found = [
        pictures[:, :, row : row + tall, column : column + wide].flatten(1)
        for row, column in zip(rows, columns, strict=True)
    ]
    return torch.cat(found)


def colour_distance(first: Tensor, second: Tensor) -> float:
    """Wasserstein-1 distance between the histograms of each channel of (N, C, H, W) and
    (M, C, H, W) uint8, in grey levels: the mean over channels.
    """
    histograms = [
        torch.stack([plane.flatten().bincount(minlength=256) for plane in each.cpu().unbind(1)])
        for each in (first.int(), second.int())
    ]
    shares = [counts.double() / counts.sum(1, keepdim=True) for counts in histograms]
    return float((shares[0].cumsum(1) - shares[1].cumsum(1)).abs().sum(1).mean())
