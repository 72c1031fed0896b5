"""The evolutionary painter: PSNR by CPU seconds, of it and of simpler ones, and candidates judged.

All paint one picture with as many polygons of as many corners, judged at the same size by the mean
squared error, one thread, taking turns; PSNR is that of the finished picture at its own size, to
which it is painted with smooth edges:

- (1 + λ) and (μ + λ): the model's own generations, as `rockfall train evolve` runs them;
- hill climbing: Alsing's, one polygon changed at a time by the same moves, or its colour, the whole
  picture painted anew for it, the change kept if the picture is not worse;
- random search: whole paintings drawn anew, the best of them kept.

The last two judge a batch of candidates at once too, or they would mostly wait for PyTorch.

The second table judges offspring of one polygon in a stack that has evolved, by what is composed
once (`stack.py`), and by painting each child's whole stack plainly, and counts how many a second.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rockfall.kit.randomness import seed_everything
from rockfall.kit.resizing import within
from rockfall.sources.opening import open_source
from rockfall.sources.picture import Picture
from rockfall_canvas import variation
from rockfall_canvas.evolve import OPACITIES, Evolve, EvolveConfig
from rockfall_canvas.image_quality import psnr
from rockfall_canvas.polygons import inside, over, pixel_centres, render
from tests.benchmarks.report import Table, script

MOMENTS = (10, 30, 60)
"""CPU seconds."""
BATCH = 16
"""Candidates of the two that judge whole pictures."""


class Moment(NamedTuple):
    """A painting as it is by now, and how many candidates were judged so far."""

    vertices: Tensor
    colours: Tensor
    judged: int


def plain(vertices: Tensor, colours: Tensor, background: Tensor, size: tuple[int, int]) -> Tensor:
    """Stacks (N, K, V, 2), (N, K, 4) → (N, 3, H, W): every polygon over the whole picture."""
    picture = background[:, None, None].expand(len(vertices), 3, *size)
    rows, columns = (pixel_centres(side, vertices.device) for side in size)
    for polygon, colour in zip(vertices.unbind(1), colours.unbind(1), strict=True):
        picture = over(picture, inside(polygon, rows, columns).float(), colour)
    return picture


def errors(vertices: Tensor, colours: Tensor, target: Tensor) -> Tensor:
    """The mean squared error (N,) of stacks, painted plainly over the target's mean colour."""
    size = (target.shape[1], target.shape[2])
    made = plain(vertices, colours, target.mean((1, 2)), size)
    return (made - target).square().mean((1, 2, 3))


def drawn(count: int, config: EvolveConfig, aspect: Tensor) -> tuple[Tensor, Tensor]:
    """Random paintings."""
    anywhere = torch.ones(64, 64)
    polygons = variation.random_polygons(anywhere, aspect, count * config.polygons, config.vertices)
    colours = torch.rand(count, config.polygons, 4)
    colours[..., 3] = colours[..., 3].clamp(*OPACITIES)
    return polygons.view(count, config.polygons, config.vertices, 2), colours


def search(model: Evolve, target: Tensor) -> Iterator[Moment]:
    """Random search."""
    aspect = torch.tensor(model.aspect)
    best, least, judged = None, math.inf, 0
    while True:
        vertices, colours = drawn(BATCH, model.config, aspect)
        found = errors(vertices, colours, target)
        judged += BATCH
        if best is None or found.min() < least:
            least = float(found.min())
            best = vertices[found.argmin()], colours[found.argmin()]
        yield Moment(*best, judged)


def climb(model: Evolve, target: Tensor) -> Iterator[Moment]:
    """Hill climbing."""
    config, aspect = model.config, torch.tensor(model.aspect)
    vertices, colours = (part[0] for part in drawn(1, config, aspect))
    colours[:, 3] = OPACITIES[0]  # nearly the mean colour
    least, judged = float(errors(vertices[None], colours[None], target)), 0
    each = torch.arange(BATCH)
    while True:
        shapes, paint = vertices.repeat(BATCH, 1, 1, 1), colours.repeat(BATCH, 1, 1)
        which = torch.randint(config.polygons, (BATCH,))
        step = torch.full((BATCH,), 0.01).mul_(torch.randn(BATCH).exp())
        moves = variation.mutate(shapes[each, which], step, aspect, 3)
        shapes[each, which] = moves[each, torch.randint(3, (BATCH,))]
        recoloured = paint[each, which] + 0.05 * torch.randn(BATCH, 4)
        recoloured = recoloured.clamp(0, 1)
        recoloured[:, 3].clamp_(*OPACITIES)
        paint[each, which] = torch.where(torch.rand(BATCH, 1) < 0.5, recoloured, paint[each, which])
        found = errors(shapes, paint, target)
        judged += BATCH
        if found.min() <= least:
            least = float(found.min())
            vertices, colours = shapes[found.argmin()], paint[found.argmin()]
        yield Moment(vertices, colours, judged)


def evolve(model: Evolve, target: Tensor) -> Iterator[Moment]:
    """The model's own generations."""
    model.background.copy_(target.mean((1, 2)))
    config, judged, sweep = model.config, 0, 0
    while True:
        stack = model.select(target, sweep)
        model.sweep(stack)
        model.keep(stack)
        sweep += 1
        judged += config.parents * config.polygons * config.offspring
        yield Moment(model.vertices[0], model.colours[0], judged)


def timed(painter: Iterator[Moment], picture: Picture, background: Tensor) -> list[Any]:
    """PSNR at each of the moments, and thousands of candidates a CPU second."""
    used, found = 0.0, []
    for seconds in MOMENTS:
        while used < seconds:
            begun = time.process_time()
            moment = next(painter)
            used += time.process_time() - begun
        made = render(moment.vertices, moment.colours, background, *picture.info.shape[1:])
        found.append(psnr(made, picture.pixels))
    return [*found, moment.judged / used / 1e3]


def painters(picture: Picture, size: int) -> Table:
    rivals: dict[str, tuple[Callable[[Evolve, Tensor], Iterator[Moment]], dict[str, Any]]] = {
        "(1 + 64)": (evolve, {}),
        "(4 + 64)": (evolve, {"parents": 4}),
        "hill climbing": (climb, {}),
        "random search": (search, {}),
    }
    rows = []
    for name, (method, settings) in rivals.items():
        config = EvolveConfig(size=size, **settings)
        target = within(picture.pixels, size).float() / 255
        seed_everything(0)
        model = Evolve(config, picture.info)
        rows.append([name, *timed(method(model, target), picture, target.mean((1, 2)))])
    headers = ["", *(f"dB at {s} CPU s" for s in MOMENTS), "1,000 candidates a CPU s"]
    note = (
        f"{config.polygons} polygons of {config.vertices} corners, judged at {size} pixels; PSNR "
        f"of the picture at its own size, {picture.info.shape[2]} × {picture.info.shape[1]}."
    )
    return Table(f"Painting {Path(picture.info.name).stem} by evolution", headers, rows, note)


def judging(picture: Picture, size: int, repeats: int) -> Table:
    """Children of one polygon, judged by what is composed once and plainly."""
    target = within(picture.pixels, size).float() / 255
    seed_everything(0)
    model = Evolve(EvolveConfig(size=size), picture.info)
    painter = evolve(model, target)
    for _ in range(5):
        next(painter)
    offspring, polygons = model.config.offspring, model.config.polygons
    once, plainly = [], []
    for _ in range(repeats):
        stack = model.select(target, 1)
        begun = time.process_time()
        model.sweep(stack)
        once.append((time.process_time() - begun) / polygons / offspring)
        vertices, colours, _ = model.mutants(stack)
        index = int(torch.randint(polygons, (1,)))
        shapes = stack.vertices.repeat(offspring, 1, 1, 1)
        paint = stack.colours.repeat(offspring, 1, 1)
        begun = time.process_time()
        shapes[:, index], paint[:, index] = vertices[0, index, :-1], colours[0, index, :-1]
        errors(shapes, paint, target).argmin()
        plainly.append((time.process_time() - begun) / offspring)
        model.keep(stack)
    ratio = statistics.median(b / a for a, b in zip(once, plainly, strict=True))
    rows = [
        ["composed once", statistics.median(once) * 1e6, ""],
        ["painted plainly", statistics.median(plainly) * 1e6, f"{ratio:,.0f} ×"],
    ]
    headers = ["a child", "CPU µs", "of the time when composed once"]
    return Table("Judging a child that differs in one polygon", headers, rows)


def measure(options: argparse.Namespace) -> list[Table]:
    picture = open_source(options.picture)
    assert isinstance(picture, Picture)
    return [
        painters(picture, options.size),
        judging(picture, options.size, options.repeats),
    ]


if __name__ == "__main__":
    default = EvolveConfig.model_fields["size"].default
    script(__doc__, measure, picture="flower", size=default, repeats=9)
