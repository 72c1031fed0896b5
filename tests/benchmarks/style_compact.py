"""Style and content loss of a compact style beside 500 iterations of Gatys' method.

Three photographs that no compact style was trained on, 256 pixels along the longer side: `china`,
and `chicago` and `stata` of `ROCKFALL_DATA`, which has the paintings too. L-BFGS minimises the loss
of the style's recipe from the photograph. A ratio of 1.2 is 20 % more than these iterations left.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from rockfall.kit import pictures
from rockfall.kit.downloads import data_folder
from rockfall.kit.resizing import within
from rockfall_style.bands import apply_style
from rockfall_style.compact.network import StrokeNetwork, read_network
from rockfall_style.compact.train import Recipe
from rockfall_style.features import Features, feature_network
from rockfall_style.lbfgs import Lbfgs
from rockfall_style.objective import Losses, Objective
from rockfall_style.picture_names import read_picture
from tests.benchmarks.report import Table, script

SIDE, ITERATIONS = 256, 500
TITLE = "Compact styles beside Gatys' method"


def held_out() -> Iterator[tuple[str, Tensor]]:
    """Photographs that are not among those of the training, (3, H, W) uint8, by name."""
    yield "china", within(read_picture("china", "photo"), SIDE)
    for name in ("chicago", "stata"):
        path = data_folder() / "images" / f"{name}.jpg"
        if path.exists():
            yield name, within(pictures.load(path), SIDE)


def objective(recipe: Recipe, features: Features, style: Tensor, photo: Tensor) -> Objective:
    """style, photo: (3, H, W) uint8. On the device of the features."""
    given, wanted = (
        picture[None].to(features.network.mean.device).float() / 255
        for picture in (photo, within(style, recipe.style_size))
    )
    return Objective(
        features,
        given,
        [wanted],
        [1.0],
        mask=None,
        style_weight=recipe.style_weight / features.style_weight,
        tv_weight=recipe.tv_weight,
    )


def optimised(loss: Objective, iterations: int) -> Tensor:
    """(1, 3, H, W) in 0 … 1: what L-BFGS makes of the photograph."""
    values = loss.content.clone().requires_grad_()
    optimizer = Lbfgs(values)

    def closure() -> Tensor:
        values.grad = None
        total = loss.losses(values).total
        total.backward()
        return total

    for _ in range(iterations):
        optimizer.step(closure)
    return values.detach().clamp(0, 1)


def rows(
    name: str,
    network: StrokeNetwork,
    recipe: Recipe,
    style: Tensor,
    features: Features,
    iterations: int = ITERATIONS,
) -> Iterator[list[str | float]]:
    """For each photograph the losses of both, and the ratios."""
    for photo, picture in held_out():
        loss = objective(recipe, features, style, picture)
        painted = apply_style(network, picture)[None].to(loss.content.device).float() / 255
        with torch.no_grad():
            ours: Losses = loss.losses(painted)
        theirs = loss.losses(optimised(loss, iterations))
        pairs = [(getattr(ours, part).item(), getattr(theirs, part).item()) for part in PARTS]
        yield [name, photo, *(value for a, b in pairs for value in (a, b, a / b))]


PARTS = ("style", "content", "total")
HEADERS = (
    *("style", "photograph"),
    *(f"{part}{what}" for part in PARTS for what in (" loss", ", optimised", ", ratio")),
)


def measure(given: argparse.Namespace) -> list[Table]:
    found: list[list[str | float]] = []
    recipe = Recipe(features=given.features, normalisation=given.normalisation or None)
    features = feature_network(recipe.features, recipe.normalisation)
    for file, picture in zip(given.files.split(","), given.pictures.split(","), strict=True):
        network, style = read_network(Path(file)), read_picture(picture, "style")
        found += rows(Path(file).stem, network, recipe, style, features)
    return [Table(TITLE, HEADERS, found)]


if __name__ == "__main__":
    script(__doc__, measure, files="", pictures="", features=Recipe.features, normalisation="")
