"""The rasteriser against other ways to tell inside from outside, and against Pillow."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from torch import Tensor

from rockfall_canvas import polygons
from rockfall_canvas.polygons import (
    bounding_boxes,
    inside,
    over,
    pixel_centres,
    render,
    row_coverage,
)

CPU = torch.device("cpu")
SQUARE = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]


def drawn(*shape: int, seed: int = 0, reach: float = 0.3) -> Tensor:
    """Random values from −reach to 1 + reach."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator) * (1 + 2 * reach) - reach


def crossings_upwards(polygon: np.ndarray, x: float, y: float) -> int:
    """How often the ray from (x, y) straight up, not to the right, crosses the outline."""
    count = 0
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        if (x1 < x) != (x2 < x):
            count += y1 + (x - x1) / (x2 - x1) * (y2 - y1) < y
    return count


@pytest.mark.parametrize("count", [3, 4, 6, 9])
def test_inside_is_what_a_ray_in_another_direction_finds(count: int) -> None:
    shapes = drawn(20, count, 2, seed=count)
    masks = inside(shapes, pixel_centres(13, CPU), pixel_centres(17, CPU))
    assert masks.any() and not masks.all()
    for polygon, mask in zip(shapes.double().numpy(), masks, strict=True):
        for row, column in np.ndindex(13, 17):
            odd = crossings_upwards(polygon, (column + 0.5) / 17, (row + 0.5) / 13) % 2
            assert bool(mask[row, column]) == bool(odd)


def test_covers_what_pillow_fills() -> None:
    """Of convex polygons, on which all rules agree, up to the pixels that the outline crosses."""
    side = 400
    angles = torch.tensor([0.1, 1.3, 2.0, 3.5, 5.1])
    shape = 0.5 + 0.4 * torch.stack((angles.cos(), angles.sin()), -1)
    image = Image.new("1", (side, side))
    ImageDraw.Draw(image).polygon([tuple(p) for p in (shape * side).tolist()], fill=1)
    ours = inside(shape, pixel_centres(side, CPU), pixel_centres(side, CPU)).numpy()
    assert (ours != np.asarray(image)).mean() < 4 / side
    assert ours.mean() > 0.2


def test_a_star_is_hollow() -> None:
    angles = math.pi / 2 + torch.arange(5) * 4 * math.pi / 5
    star = 0.5 + 0.45 * torch.stack((angles.cos(), angles.sin()), -1)
    mask = inside(star, torch.tensor([0.5, 0.5 + 0.4]), torch.tensor([0.5]))
    assert mask.flatten().tolist() == [False, True]


def test_neighbours_share_no_pixel_and_leave_none() -> None:
    """Their common edges go through pixel centres."""
    first = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    second = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    both = inside(torch.stack((first, second)), pixel_centres(8, CPU), pixel_centres(8, CPU))
    assert both.sum(0).eq(1).all()


@pytest.mark.parametrize(
    "vertices",
    [
        [[0.5, 0.5]] * 4,
        [[0.1, 0.1], [0.9, 0.9], [0.5, 0.5], [0.3, 0.3]],
        [[0.1, 0.5], [0.9, 0.5], [0.4, 0.5], [0.2, 0.5]],
        [[1.5, 1.5], [1.9, 1.5], [1.9, 1.9], [1.5, 1.9]],
        [[-0.5, -0.5], [-0.1, -0.5], [-0.1, -0.1], [-0.5, -0.1]],
    ],
    ids=["a point", "a slanted line", "a level line", "beyond", "before"],
)
def test_what_has_no_area_in_the_picture_paints_nothing(vertices: list[list[float]]) -> None:
    polygon = torch.tensor([vertices])
    assert not inside(polygon, pixel_centres(10, CPU), pixel_centres(10, CPU)).any()
    picture = render(polygon, torch.ones(1, 4), torch.zeros(3), 10, 10)
    assert not picture.any()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-1, 2, width=32), st.floats(-1, 2, width=32)), min_size=3, max_size=7
    ),
    st.integers(0, 6),
)
def test_neither_the_first_vertex_nor_the_direction_matters(
    vertices: list[tuple[float, float]], turn: int
) -> None:
    """And a vertex named twice adds nothing."""
    shape = torch.tensor(vertices)
    # Off the vertices and edges, where rounding may decide.
    rows, columns = pixel_centres(7, CPU) + 0.01234567, pixel_centres(9, CPU) + 0.00765432
    mask = inside(shape, rows, columns)
    assert torch.equal(mask, inside(shape.roll(turn, 0), rows, columns))
    assert torch.equal(mask, inside(torch.cat((shape, shape[-1:])), rows, columns))
    flipped = inside(shape.flip(0), rows, columns)
    assert (mask != flipped).sum() <= 1  # an edge is computed from its other end


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (30, 1), (11, 23)])
def test_bounding_boxes_hold_all_that_is_inside(size: tuple[int, int]) -> None:
    shapes = drawn(40, 4, 2, seed=3, reach=0.8)
    masks = inside(shapes, pixel_centres(size[0], CPU), pixel_centres(size[1], CPU))
    boxes = bounding_boxes(shapes, *size).tolist()
    for mask, (left, upper, right, lower) in zip(masks, boxes, strict=True):
        kept = mask.clone()
        kept[max(upper, 0) : lower, max(left, 0) : right] = False
        assert not kept.any()
        assert right <= size[1] and lower <= size[0] and left >= 0 and upper >= 0


@pytest.mark.parametrize("count", [3, 4, 5, 8])
def test_coverage_is_the_mean_of_many_points_inside(count: int) -> None:
    """Also of outlines that cross themselves, and run over the picture's edge."""
    shapes, fine = drawn(20, count, 2, seed=count), 1000
    rows = pixel_centres(6, CPU)
    points = inside(shapes, rows, pixel_centres(9 * fine, CPU)).view(20, 6, 9, fine)
    wanted = points.float().mean(-1)
    found = row_coverage(shapes, rows, 0, 9, 9)
    torch.testing.assert_close(found, wanted, atol=count / fine, rtol=0)
    assert torch.equal(row_coverage(shapes, rows, 2, 5, 9), found[..., 2:5])
    assert ((wanted > 0) & (wanted < 1)).any()


def test_over_is_what_a_loop_over_pixels_makes() -> None:
    below, coverage = drawn(3, 4, 5, reach=0), drawn(4, 5, seed=1, reach=0)
    colour = torch.tensor([0.1, 0.9, 0.4, 0.3])
    made = over(below, coverage, colour)
    for channel, y, x in np.ndindex(3, 4, 5):
        share = float(colour[3] * coverage[y, x])
        wanted = (1 - share) * float(below[channel, y, x]) + share * float(colour[channel])
        assert float(made[channel, y, x]) == pytest.approx(wanted, abs=1e-6)


def test_paints_the_background_and_above_it_the_last_on_top() -> None:
    red, green = [1.0, 0, 0, 1.0], [0, 1.0, 0, 0.5]
    stack = torch.tensor([SQUARE, SQUARE])
    picture = render(stack, torch.tensor([red, green]), torch.tensor([0.0, 0, 1.0]), 4, 8)
    assert picture[:, 0, 0].tolist() == [0, 0, 255]
    assert picture[:, 1, 3].tolist() == [128, 128, 0]
    other = render(stack, torch.tensor([green, red]), torch.tensor([0.0, 0, 1.0]), 4, 8)
    assert other[:, 1, 3].tolist() == [255, 0, 0]


def test_an_edge_is_as_bright_as_what_it_covers() -> None:
    """A pixel of which a quarter is covered, and a slanted edge in the mean of its pixels."""
    quarter = torch.tensor([[[0.0, 0.0], [0.125, 0.0], [0.125, 0.5], [0.0, 0.5]]])
    picture = render(quarter, torch.ones(1, 4), torch.zeros(3), 1, 4)
    assert picture[0].tolist() == [[64, 0, 0, 0]]
    half = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    picture = render(half, torch.ones(1, 4), torch.zeros(3), 50, 30)
    assert picture.float().mean() / 255 == pytest.approx(0.5, abs=0.01)


def test_larger_and_smaller_paintings_are_of_one_picture() -> None:
    stack, colours = drawn(30, 5, 2, seed=4), drawn(30, 4, seed=5, reach=0)
    small = render(stack, colours, torch.full((3,), 0.5), 30, 40).float()
    large = render(stack, colours, torch.full((3,), 0.5), 120, 160).float()
    mean = torch.nn.functional.avg_pool2d(large, 4)
    assert (mean - small).abs().mean() < 2  # of 255
    assert small.std() > 10


def test_bands_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    stack, colours = drawn(10, 5, 2, seed=6), drawn(10, 4, seed=7, reach=0)
    whole = render(stack, colours, torch.zeros(3), 37, 20)
    monkeypatch.setattr(polygons, "BAND_PIXELS", 1)  # a band a row
    assert torch.equal(render(stack, colours, torch.zeros(3), 37, 20), whole)
