"""Translucent polygons: which points lie inside, what they cover, and a picture of them.

Vertices are (…, V, 2), x and y as shares of the picture's width and height, 0, 0 at the upper left;
colours are (…, 4), red, green, blue and opacity from 0 to 1. Polygons lie in a stack, the first at
the bottom, over a background of one colour.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SUPERSAMPLED = 4
"""Rows of a pixel that is painted; along a row, what is covered is known exactly."""
AT_ONCE = 2**20
"""Pixels that are painted in one go, which bounds the memory of a large painting."""


def centres(count: int, device: torch.device, first: int = 0, of: int = 0) -> Tensor:
    """The middles (count,) of pixels from `first` on, of a side that has `of`, by default `count`,
    as shares of it.
    """
    return (torch.arange(first, first + count, device=device) + 0.5) / (of or count)


def inside(vertices: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Polygons (…, V, 2), y of rows (…, H) and x of columns (…, W) → (…, H, W) bool.

    By the even-odd rule: a point lies inside if a ray from it to the right crosses the outline an
    odd number of times.
    """
    columns = columns[..., None, :]
    first, *others = crossings(vertices, rows)[..., None].unbind(-3)
    odd = first > columns
    for crossing in others:
        odd = odd ^ (crossing > columns)
    return odd


def covered(vertices: Tensor, rows: Tensor, first: int, last: int, width: int) -> Tensor:
    """Polygons (…, V, 2), y of rows (…, H) → (…, H, last − first): of each row the share that lies
    inside of the pixels from `first` on, of `width` that a row has.
    """
    where = crossings(vertices, rows).sort(-2, descending=True).values * width
    lefts = torch.arange(first, last, device=vertices.device)
    share = where.new_zeros((*where.shape[:-2], where.shape[-1], last - first))
    # What lies left of the last crossing, less what lies left of the one before it, and so on.
    for index, crossing in enumerate(where[..., None].unbind(-3)):
        share.add_((crossing - lefts).clamp_(0, 1), alpha=1 - 2 * (index % 2))
    return share


def crossings(vertices: Tensor, rows: Tensor) -> Tensor:
    """Polygons (…, V, 2), y of rows (…, H) → x (…, V, H) where each edge crosses each row; −∞ where
    it does not.

    An edge has its upper end and not its lower one, so that a row through a vertex counts once
    what it crosses once; a polygon without area covers nothing.
    """
    x, y = vertices[..., None].unbind(-2)  # (…, V, 1)
    next_x, next_y = x.roll(-1, -2), y.roll(-1, -2)
    rows = rows[..., None, :]
    crossed = (y <= rows) != (next_y <= rows)
    slope = (next_x - x) / (next_y - y)  # not a number where the edge is level, and not crossed
    return torch.where(crossed, x + (rows - y) * slope, -math.inf)


def over(below: Tensor, coverage: Tensor, colour: Tensor) -> Tensor:
    """Pictures (…, 3, H, W) with a polygon of colour (…, 4) above them, where it covers: (…, H, W)
    from 0 to 1. Porter and Duff 1984, "Compositing Digital Images", operator over.
    """
    opacity = (coverage * colour[..., 3, None, None])[..., None, :, :]
    return below + opacity * (colour[..., :3, None, None] - below)


def painted(
    vertices: Tensor, colours: Tensor, background: Tensor, height: int, width: int
) -> Tensor:
    """A stack (K, V, 2), (K, 4) over a background (3,) as (3, height, width) uint8."""
    side = SUPERSAMPLED
    bounds = spans(vertices, height, width).tolist()
    picture = background.new_empty(3, height, width)
    picture[:] = background[:, None, None]
    deep = max(1, AT_ONCE // width)
    for top in range(0, height, deep):
        for polygon, colour, (left, upper, right, lower) in zip(
            vertices, colours, bounds, strict=True
        ):
            first, last = max(upper, top), min(lower, top + deep)
            if first >= last or left >= right:
                continue
            count = last - first
            rows = centres(count * side, vertices.device, first * side, height * side)
            shares = covered(polygon, rows, left, right, width)
            coverage = shares.view(count, side, right - left).mean(1)
            window = picture[:, first:last, left:right]
            window.copy_(over(window, coverage, colour))
    return (picture * 255).round().to(torch.uint8)


def spans(vertices: Tensor, height: int, width: int) -> Tensor:
    """Polygons (…, V, 2) → the pixels (…, 4) int64 that hold them: left, upper, right and lower,
    the last two excluded. Nothing lies outside the picture.
    """
    size = torch.tensor((width, height), device=vertices.device)
    least = (vertices.amin(-2) * size).floor().long()
    most = (vertices.amax(-2) * size).floor().long() + 1
    return torch.cat((least.clamp(min=0), torch.minimum(most, size)), -1)
