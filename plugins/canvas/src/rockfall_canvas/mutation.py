"""What evolution tries: polygons moved, drawn anew, and put in another order.

Sides are of a picture whose longer one is 1; `stretch` (2,) brings such lengths to shares of width
and height.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

OPACITY_SPREAD = 0.3
"""Deviation of the logarithm of the children's opacities about their parent's."""
RADII = (0.02, 0.2)
"""Of new polygons, drawn evenly by their logarithm."""
NEW_OPACITIES = (0.3, 0.9)
WITHIN = (-0.1, 1.1)
"""Where vertices may lie: beyond the picture too, so that a polygon can run over its edge."""


def moved(vertices: Tensor, steps: Tensor, stretch: Tensor, children: int) -> Tensor:
    """Polygons (…, V, 2) and step sizes (…,) → children (…, C, V, 2).

    In turn one vertex is moved, the whole shifted, or every vertex moved half as far.
    """
    count = vertices.shape[-2]
    parents = vertices.unsqueeze(-3).expand(*vertices.shape[:-2], children, count, 2)
    noise = torch.randn_like(parents)
    which = torch.randint(count, parents.shape[:-2], device=vertices.device)
    one = F.one_hot(which, count)[..., None] * noise
    whole = noise[..., :1, :].expand_as(noise)
    kind = torch.arange(children, device=vertices.device)[:, None, None] % 3
    way = torch.where(kind == 0, one, torch.where(kind == 1, whole, noise / 2))
    return (parents + steps[..., None, None, None] * stretch * way).clamp(*WITHIN)


def new(errors: Tensor, stretch: Tensor, polygons: int, count: int) -> Tensor:
    """Squared errors (H, W) of a painting → polygons (N, V, 2) about places where they are large.

    Their vertices go round a centre, so that most are simple ones.
    """
    height, width = errors.shape
    places = torch.multinomial(errors.flatten() + 1e-12, polygons, replacement=True)
    x, y = places % width, places // width
    size = torch.tensor((width, height), device=errors.device)
    centre = (torch.stack((x, y), -1) + 0.5) / size
    draw = torch.empty(polygons, 1, device=errors.device)
    radius = draw.uniform_(math.log(RADII[0]), math.log(RADII[1])).exp()
    shape = (polygons, count)
    angles = (torch.rand(shape, device=errors.device) * math.tau).sort(-1).values
    lengths = radius * (0.5 + torch.rand(shape, device=errors.device))
    around = lengths[..., None] * torch.stack((angles.cos(), angles.sin()), -1)
    return (centre[:, None] + stretch * around).clamp(*WITHIN)


def restacked(order: int, paintings: int, device: torch.device) -> Tensor:
    """A random order (M, K) of each stack of `order` polygons: one is taken out and put back
    elsewhere.
    """
    places = torch.arange(order, device=device).expand(paintings, -1)
    taken, put = torch.randint(order, (2, paintings, 1), device=device)
    # Beyond its new place if it comes from below, before it if from above.
    beyond = torch.where(put > taken, 0.5, -0.5)
    return torch.where(places == taken, put + beyond, places.to(beyond.dtype)).argsort(1)


def mates(vertices: Tensor, stretch: Tensor, litter: int) -> Tensor:
    """Of M > 1 paintings (M, K, V, 2), for `litter` children of each, from which painting each of
    their polygons is: (litter · M, K) int64.

    The first of a child's two parents gives those on one side of a line through the picture and
    the other the rest, so that what fits together stays together. The paintings are relatives, so
    a place in one's stack is much the same polygon as in another's.
    """
    paintings = len(vertices)
    device = vertices.device
    first = torch.arange(paintings, device=device).repeat(litter)[:, None]
    other = (first + torch.randint(1, paintings, first.shape, device=device)) % paintings
    angle = torch.rand(first.shape, device=device) * math.tau
    normal = torch.cat((angle.cos(), angle.sin()), 1) / stretch
    middles = vertices.mean(2)[first[:, 0]] - torch.rand(len(first), 1, 2, device=device)
    return torch.where((middles * normal[:, None]).sum(2) < 0, first, other)
