"""Variation operators of the evolution: mutation, initialisation, reordering and crossover.

Lengths are relative to the picture's longer side; `aspect` (2,) converts them to shares of width
and height.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOG_OPACITY_STD = 0.3
"""Standard deviation of the logarithm of the offspring's opacities about their parent's."""
RADII = (0.02, 0.2)
"""Range of the radii of new polygons, which are log-uniform."""
NEW_OPACITIES = (0.3, 0.9)
BOUNDS = (-0.1, 1.1)
"""Where vertices may lie: beyond the picture too, so that a polygon can run over its edge."""


def mutate(vertices: Tensor, steps: Tensor, aspect: Tensor, offspring: int) -> Tensor:
    """Polygons (…, V, 2) and mutation step sizes σ (…,) → offspring (…, C, V, 2).

    By turns one vertex is moved by Gaussian noise of deviation σ, the whole polygon is translated
    so, or every vertex is moved by half as much.
    """
    count = vertices.shape[-2]
    parents = vertices.unsqueeze(-3).expand(*vertices.shape[:-2], offspring, count, 2)
    noise = torch.randn_like(parents)
    which = torch.randint(count, parents.shape[:-2], device=vertices.device)
    single = (which[..., None] == torch.arange(count, device=which.device))[..., None] * noise
    translation = noise[..., :1, :].expand_as(noise)
    kind = torch.arange(offspring, device=vertices.device)[:, None, None] % 3
    moves = torch.where(kind == 0, single, torch.where(kind == 1, translation, noise / 2))
    return (parents + steps[..., None, None, None] * aspect * moves).clamp(*BOUNDS)


def random_polygons(errors: Tensor, aspect: Tensor, polygons: int, count: int) -> Tensor:
    """Random polygons (N, V, 2) about pixels drawn with probability proportional to their squared
    errors (H, W).

    The vertices are sorted by their angle about a centre, so that most polygons are simple.
    """
    height, width = errors.shape
    pixels = torch.multinomial(errors.flatten() + 1e-12, polygons, replacement=True)
    x, y = pixels % width, pixels // width
    size = torch.tensor((width, height), device=errors.device)
    centre = (torch.stack((x, y), -1) + 0.5) / size
    log_radius = torch.empty(polygons, 1, device=errors.device)
    radius = log_radius.uniform_(math.log(RADII[0]), math.log(RADII[1])).exp()
    shape = (polygons, count)
    angles = (torch.rand(shape, device=errors.device) * math.tau).sort(-1).values
    lengths = radius * (0.5 + torch.rand(shape, device=errors.device))
    offsets = lengths[..., None] * torch.stack((angles.cos(), angles.sin()), -1)
    return (centre[:, None] + aspect * offsets).clamp(*BOUNDS)


def reorder(polygons: int, paintings: int, device: torch.device) -> Tensor:
    """Insertion mutation of the order of `polygons` polygons: (M, K) int64 permutations, in each of
    which one polygon is taken out and inserted elsewhere.
    """
    positions = torch.arange(polygons, device=device).expand(paintings, -1)
    taken, inserted = torch.randint(polygons, (2, paintings, 1), device=device)
    # Above the polygon at its new position if it comes from below, and else below that.
    offset = torch.where(inserted > taken, 0.5, -0.5)
    keys = torch.where(positions == taken, inserted + offset, positions.to(offset.dtype))
    return keys.argsort(1)


def crossover(vertices: Tensor, aspect: Tensor, children: int) -> Tensor:
    """Spatial crossover of M > 1 paintings (M, K, V, 2), with `children` children of each: from
    which painting each child has each of its polygons, (children · M, K) int64.

    The first parent gives the polygons on one side of a random line through the picture and the
    second those on the other, so that neighbouring polygons are inherited together. The paintings
    are related, so polygons at one position of the order are similar in all of them.
    """
    paintings = len(vertices)
    device = vertices.device
    first = torch.arange(paintings, device=device).repeat(children)[:, None]
    second = (first + torch.randint(1, paintings, first.shape, device=device)) % paintings
    angle = torch.rand(first.shape, device=device) * math.tau
    normal = torch.cat((angle.cos(), angle.sin()), 1) / aspect
    offsets = vertices.mean(2)[first[:, 0]] - torch.rand(len(first), 1, 2, device=device)
    return torch.where((offsets * normal[:, None]).sum(2) < 0, first, second)
