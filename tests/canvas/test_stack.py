"""Incremental compositing against compositing anew, polygon by polygon."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rockfall_canvas.polygons import inside, over, pixel_centres
from rockfall_canvas.stack import Stack

BACKGROUND = torch.tensor([0.3, 0.5, 0.4])
OPACITIES = (0.1, 0.9)


def random(*shape: int, seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def plain(vertices: Tensor, colours: Tensor, height: int, width: int) -> Tensor:
    """(K, V, 2), (K, 4) → (3, H, W): every polygon over the whole picture, from the bottom up."""
    picture = BACKGROUND[:, None, None].expand(3, height, width)
    rows, columns = pixel_centres(height, vertices.device), pixel_centres(width, vertices.device)
    for polygon, colour in zip(vertices, colours, strict=True):
        picture = over(picture, inside(polygon, rows, columns).float(), colour)
    return picture


def population(
    paintings: int = 3,
    polygons: int = 6,
    size: tuple[int, int] = (12, 17),
    opacity: float | None = None,
) -> tuple[Stack, Tensor, Tensor]:
    """A stack, and of each polygon 7 children and their colours, the parent last."""
    low, high = OPACITIES if opacity is None else (opacity, opacity)
    vertices = random(paintings, polygons, 4, 2, seed=1)
    colours = random(paintings, polygons, 4, seed=2)
    colours[..., 3] = colours[..., 3].clamp(low, high)
    target = random(3, *size, seed=3)
    near = vertices[:, :, None] + 0.3 * (random(paintings, polygons, 7, 4, 2, seed=4) - 0.5)
    drawn = random(paintings, polygons, 7, 4, seed=5)
    drawn[..., 3] = drawn[..., 3].clamp(low, high)
    stack = Stack(vertices.clone(), colours.clone(), BACKGROUND, target)
    return (
        stack,
        torch.cat((near.clamp(0, 1), vertices[:, :, None]), 2),
        torch.cat((drawn, colours[:, :, None]), 2),
    )


def plain_residual(stack: Stack, target: Tensor) -> Tensor:
    """The residual (M, 3, P) of the stack's paintings, each composited anew."""
    made = [
        plain(v, c, *target.shape[1:]) for v, c in zip(stack.vertices, stack.colours, strict=True)
    ]
    return (target - torch.stack(made)).flatten(2)


@pytest.mark.parametrize("size", [(12, 17), (1, 1), (1, 9), (9, 1)])
def test_the_residual_of_a_new_stack_is_the_plain_pictures(size: tuple[int, int]) -> None:
    stack, _, _ = population(size=size)
    torch.testing.assert_close(stack.residual, plain_residual(stack, random(3, *size, seed=3)))
    torch.testing.assert_close(
        stack.errors, plain_residual(stack, random(3, *size, seed=3)).square().mean((1, 2))
    )


@pytest.mark.parametrize("size", [(12, 17), (1, 1), (1, 9), (9, 1)])
def test_after_every_visit_the_residual_is_the_plain_pictures(size: tuple[int, int]) -> None:
    target = random(3, *size, seed=3)
    stack, children, colours = population(size=size)
    corners, sizes = stack.windows(children)
    moved = 0
    for k, window in enumerate(sizes):
        visit = stack.visit(k, children[:, k], colours[:, k], corners[k], window, OPACITIES)
        moved += int((visit.chosen < 7).sum())
        wanted = plain_residual(stack, target)
        torch.testing.assert_close(stack.residual, wanted, atol=1e-5, rtol=1e-5)
    assert moved


def test_the_child_that_is_kept_is_the_best_of_all_painted_plainly() -> None:
    """All of one opacity, so that the best colour of each is known."""
    opacity, target = 0.5, random(3, 12, 17, seed=3)
    stack, children, colours = population(opacity=opacity)
    corners, sizes = stack.windows(children)
    for k, window in enumerate(sizes):
        before = stack.vertices.clone(), stack.colours.clone()
        visit = stack.visit(k, children[:, k], colours[:, k], corners[k], window, (opacity,) * 2)
        for m, chosen in enumerate(visit.chosen.tolist()):
            errors = []
            for child in children[m, k]:
                vertices, paint = before[0][m].clone(), before[1][m].clone()
                vertices[k] = child
                errors.append(least_error(vertices, paint, k, target))
            assert errors[chosen] == pytest.approx(min(errors), rel=1e-5)
            better = sum(error < errors[-1] * (1 - 1e-6) for error in errors) / len(errors)
            assert float(visit.success_rate[m]) == pytest.approx(better, abs=1e-6)
            made = plain(stack.vertices[m], stack.colours[m], 12, 17)
            assert float((target - made).square().sum()) == pytest.approx(min(errors), rel=1e-5)


def least_error(vertices: Tensor, colours: Tensor, index: int, target: Tensor) -> float:
    """The squared error when polygon `index` has the best colour, of the opacity that it has.

    The picture is affine in that colour, so black and white tell it for every other.
    """
    paint = colours.clone()
    paint[index, :3] = 0
    black = plain(vertices, paint, *target.shape[1:])
    paint[index, :3] = 1
    slope = plain(vertices, paint, *target.shape[1:]) - black
    rest = target - black
    share = slope.square().sum((1, 2)).clamp(min=1e-12)
    level = ((slope * rest).sum((1, 2)) / share).clamp(0, 1)
    return float((rest - level[:, None, None] * slope).square().sum())


def test_never_worse() -> None:
    stack, children, colours = population(paintings=4, polygons=12)
    corners, sizes = stack.windows(children)
    before = stack.errors
    for k, window in enumerate(sizes):
        stack.visit(k, children[:, k], colours[:, k], corners[k], window, OPACITIES)
        assert (stack.errors <= before * (1 + 1e-6)).all()
        before = stack.errors


def test_paintings_do_not_mix() -> None:
    """Of three at once each becomes what it becomes alone."""
    together, children, colours = population()
    corners, sizes = together.windows(children)
    for k, window in enumerate(sizes):
        together.visit(k, children[:, k], colours[:, k], corners[k], window, OPACITIES)
    for m in range(3):
        alone, _, _ = population()
        alone.take(torch.tensor([m]))
        corners, sizes = alone.windows(children[m : m + 1])
        for k, window in enumerate(sizes):
            alone.visit(
                k, children[m : m + 1, k], colours[m : m + 1, k], corners[k], window, OPACITIES
            )
        torch.testing.assert_close(alone.vertices[0], together.vertices[m])
        torch.testing.assert_close(alone.colours[0], together.colours[m], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shift", [0.0, 0.8, -0.8, 2.0, -2.0])
def test_windows_hold_all_children(shift: float) -> None:
    """Also of those that lie beyond the picture."""
    stack, children, _ = population()
    children = children + shift
    corners, sizes = stack.windows(children)
    for k, (width, height) in enumerate(sizes):
        for m, (x, y) in enumerate(corners[k].tolist()):
            assert 0 <= x <= 17 - width and 0 <= y <= 12 - height
            masks = inside(children[m, k], stack.rows, stack.columns)
            masks[:, y : y + height, x : x + width] = False
            assert not masks.any()
