"""Rasterisation of translucent polygons.

Vertices are (…, V, 2), x and y as shares of the picture's width and height, from 0, 0 at the upper
left; colours are (…, 4): red, green, blue and opacity, from 0 to 1. Polygons are composited in
order, the first at the bottom, over a background of one colour.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SUPERSAMPLING = 4
"""Scanlines for each row of pixels of a rendering; along a scanline, coverage is exact."""
BAND_PIXELS = 2**20
"""Pixels rendered at a time, which bounds the memory of a large rendering."""


def pixel_centres(count: int, device: torch.device, first: int = 0, of: int = 0) -> Tensor:
    """The centres (count,) of pixels from `first` on, as shares of a side of `of` pixels (default:
    `count`).
    """
    return (torch.arange(first, first + count, device=device) + 0.5) / (of or count)


def inside(vertices: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Polygons (…, V, 2), y of rows (…, H) and x of columns (…, W) → (…, H, W) bool.

    By the even-odd rule: a point is inside if a ray from it to the right crosses the outline an odd
    number of times.
    """
    columns = columns[..., None, :]
    first, *others = crossings(vertices, rows)[..., None].unbind(-3)
    odd = first > columns
    for crossing in others:
        odd = odd ^ (crossing > columns)
    return odd


def row_coverage(vertices: Tensor, rows: Tensor, first: int, last: int, width: int) -> Tensor:
    """Polygons (…, V, 2), y of scanlines (…, H) → coverage (…, H, last − first), 0 … 1: the share
    of each pixel's extent on the scanline that is inside, for pixels from `first` on of `width` in
    a row.
    """
    crossed = crossings(vertices, rows).sort(-2, descending=True).values * width
    lefts = torch.arange(first, last, device=vertices.device)
    coverage = crossed.new_zeros((*crossed.shape[:-2], crossed.shape[-1], last - first))
    # The part left of the last crossing, minus the part left of the one before it, and so on.
    for index, crossing in enumerate(crossed[..., None].unbind(-3)):
        coverage.add_((crossing - lefts).clamp_(0, 1), alpha=1 - 2 * (index % 2))
    return coverage


def crossings(vertices: Tensor, rows: Tensor) -> Tensor:
    """Polygons (…, V, 2), y of scanlines (…, H) → x (…, V, H) at which each edge crosses each
    scanline; −∞ where it does not.

    An edge includes its upper end and not its lower one, so that a scanline through a vertex
    crosses the outline once there; a polygon without area covers nothing.
    """
    x, y = vertices[..., None].unbind(-2)  # (…, V, 1)
    next_x, next_y = x.roll(-1, -2), y.roll(-1, -2)
    rows = rows[..., None, :]
    crossed = (y <= rows) != (next_y <= rows)
    slope = (next_x - x) / (next_y - y)  # not a number of a horizontal edge, which is not crossed
    return torch.where(crossed, x + (rows - y) * slope, -math.inf)


def over(backdrop: Tensor, coverage: Tensor, colour: Tensor) -> Tensor:
    """A polygon of colour (…, 4), which covers (…, H, W), 0 … 1, over pictures (…, 3, H, W).

    Porter and Duff 1984, "Compositing Digital Images", the operator "over".
    """
    opacity = (coverage * colour[..., 3, None, None])[..., None, :, :]
    return backdrop + opacity * (colour[..., :3, None, None] - backdrop)


def render(
    vertices: Tensor, colours: Tensor, background: Tensor, height: int, width: int
) -> Tensor:
    """Polygons (K, V, 2), (K, 4) over a background (3,) → (3, height, width) uint8, with
    anti-aliased edges.
    """
    scanlines = SUPERSAMPLING
    boxes = bounding_boxes(vertices, height, width).tolist()
    picture = background.new_empty(3, height, width)
    picture[:] = background[:, None, None]
    band = max(1, BAND_PIXELS // width)
    for top in range(0, height, band):
        for polygon, colour, (left, upper, right, lower) in zip(
            vertices, colours, boxes, strict=True
        ):
            first, last = max(upper, top), min(lower, top + band)
            if first >= last or left >= right:
                continue
            count = last - first
            rows = pixel_centres(
                count * scanlines, vertices.device, first * scanlines, height * scanlines
            )
            coverage = row_coverage(polygon, rows, left, right, width)
            coverage = coverage.view(count, scanlines, right - left).mean(1)
            window = picture[:, first:last, left:right]
            window.copy_(over(window, coverage, colour))
    return (picture * 255).round().to(torch.uint8)


def bounding_boxes(vertices: Tensor, height: int, width: int) -> Tensor:
    """Polygons (…, V, 2) → bounding boxes (…, 4) int64 in pixels, clipped to the picture: left,
    upper, right and lower, the last two excluded.
    """
    size = torch.tensor((width, height), device=vertices.device)
    near_corner = (vertices.amin(-2) * size).floor().long()
    far_corner = (vertices.amax(-2) * size).floor().long() + 1
    return torch.cat((near_corner.clamp(min=0), torch.minimum(far_corner, size)), -1)
