"""A network that learns the colour of every place of one picture: (x, y) → (r, g, b).

All that it ever sees is pixels, in random order, each with its place; what it knows of the picture
is in its weights, so that it can be asked for any place between. How it is told of a place decides
what it can learn (`network`):

    relu      x and y themselves; paints softly, for it learns what is coarse first
    shallow   the same with a single hidden layer, of as many parameters
    fourier   random waves across the picture (Tancik et al. 2020)
    siren     every unit a wave (Sitzmann et al. 2020)
    grid      learned features at the corners of grids (after Müller et al. 2022)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

import rockfall
from rockfall.evaluation import eval_mode
from rockfall.kit import memory
from rockfall.kit.progress import counted
from rockfall.kit.schedules import rate
from rockfall.sources.dataset import Split
from rockfall.sources.picture import Picture
from rockfall_canvas import networks
from rockfall_canvas.coordinates import Canvas
from rockfall_canvas.copies import likeness
from rockfall_canvas.holdout import Shape, held_out

MEASURED = 5
"""Times on the way that the painting is measured, since to paint takes as long as a third of an
epoch.
"""
BETAS = (0.9, 0.99)
"""Adam's, as Müller et al. 2022: trainings are too short for averages over 1,000 steps."""
NUMBERS = 1_000_000
"""A layer's, at most, that are painted with at a time: few enough for a processor's cache."""


class PainterConfig(rockfall.Config):
    network: networks.Name = Field(
        "siren", description="how it is told of a place; siren paints well at any size"
    )
    epochs: int = Field(8, ge=1, description="passes over all pixels; half a minute for flower")
    layers: int | None = Field(
        None, ge=1, le=64, description=f"hidden ones; none: {networks.own('layers')}"
    )
    hidden: int | None = Field(
        None, ge=1, le=1_000_000, description=f"units of each; none: {networks.own('hidden')}"
    )
    omega: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description=f"ω₀ of the first layer: how fine it begins; none: {networks.own('omega')}",
    )
    sigma: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description=f"how fine the waves are that it is made of; none: {networks.own('sigma')}",
    )
    levels: int | None = Field(
        None, ge=1, le=32, description=f"how many grids; none: {networks.own('levels')}"
    )
    finest: float | None = Field(
        None,
        ge=0.5,
        description="pixels from corner to corner of the finest grid; none: "
        f"{networks.own('finest')}",
    )
    batch_size: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description=f"pixels a step; none: {networks.own('batch_size')}",
    )
    lr: float | None = Field(
        None,
        gt=0,
        description="Adam's first step size, which falls to 0 by a cosine; none: "
        f"{networks.own('lr')}",
    )
    holdout: float = Field(
        0.0, ge=0, le=0.9, description="share of the pixels that it never sees, to be measured by"
    )
    holdout_as: Shape = Field("random", description="those pixels: anywhere, or one block of them")

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        networks.check_belong(self.network, self.model_dump())
        return self


class Painter(nn.Module):
    """Raises ValueError for a picture of one pixel and a holdout that leaves nothing to learn or to
    measure, and RockfallError for a network that does not fit the memory.
    """

    Config = PainterConfig
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"hidden": 16, "layers": 2, "batch_size": 16384, "epochs": 1, "holdout": 0.1},
    }

    def __init__(self, config: PainterConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        _, height, width = info.shape
        if height * width == 1:
            raise ValueError("a picture of one pixel is one colour: there is nothing to learn")
        self.config = config
        self.chosen = networks.chosen(config.network, config.model_dump())
        self.sides = height, width
        self.canvas = Canvas.of(height, width)
        self.held_out = held_out(height, width, config.holdout, config.holdout_as)
        with torch.device("meta"):  # takes no memory
            self.check_memory(self.build())
        self.network = self.build()

    def build(self) -> nn.Module:
        """Places (N, 2) → colours (N, 3), of which -1 is none and 1 is all."""
        return networks.build(self.config.network, self.chosen, self.canvas, max(self.sides))

    # Learning -------------------------------------------------------------------------------

    def fit(self, picture: Picture, run: rockfall.Run) -> None:
        lr, batch_size = self.chosen["lr"], self.chosen["batch_size"]
        optimizer = torch.optim.Adam(self.parameters(), lr=lr, betas=BETAS, fused=True)
        run.keep(optimizer=optimizer)
        known = self.known(picture)
        steps = self.config.epochs * -(-len(known) // batch_size)
        measured = early(steps, MEASURED)
        for epoch in run.epochs(self.config.epochs):
            for colours, numbers in epoch.batches(known, batch_size):
                if run.step in measured:
                    run.log(**self.likeness(picture, run))
                optimizer.param_groups[0]["lr"] = lr * rate(run.step / steps, "cosine")
                with run.autocast():
                    painted = self.network(self.canvas.places(numbers, *self.sides))
                loss = nn.functional.mse_loss(painted.float(), scaled(colours))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(loss=loss)
        run.log(**self.likeness(picture, run))

    def known(self, picture: Picture) -> Split:
        """The pixels that are learned from: their colours (N, 3) uint8 and their numbers (N,)."""
        numbers = (~self.held_out).nonzero()[:, 0].to(picture.pixels.device)
        return Split(picture.pixels.flatten(1).T[numbers], numbers)

    def likeness(self, picture: Picture, run: rockfall.Run) -> dict[str, float]:
        """What is measured of the painting as it is by now."""
        with run.autocast(), eval_mode(self):
            return likeness(self.paint(*self.sides), picture.pixels, self.held_out)

    # What it can do -------------------------------------------------------------------------

    @torch.no_grad()
    def paint(self, height: int, width: int) -> Tensor:
        """(3, height, width) uint8, the whole picture drawn to these sides."""
        parts = [self.colours(numbers, height, width) for numbers in self.parts(height * width)]
        return torch.cat(parts).T.view(3, height, width)

    def colours(self, numbers: Tensor, height: int, width: int) -> Tensor:
        """Of pixels (N,) of a painting of these sides: (N, 3) uint8."""
        painted: Tensor = self.network(self.canvas.places(numbers, height, width))
        return ((painted.float() + 1) * 127.5).round().clamp(0, 255).byte()

    def parts(self, count: int) -> Iterator[Tensor]:
        """The numbers of so many pixels, some at a time."""
        device = next(self.parameters()).device
        most = max(1, NUMBERS // max(widths(self.network)))
        starts = range(0, count, most)
        for start in counted(starts, len(starts), "painting, part by part"):
            yield torch.arange(start, min(start + most, count), device=device)

    def check_memory(self, network: nn.Module) -> None:
        """Raise RockfallError if there is not enough for a network and one step of its training."""
        weights = sum(each.numel() for each in network.parameters())
        step = min(self.chosen["batch_size"], len(self.held_out)) * sum(widths(network))
        memory.require(
            torch.device("cpu"),
            16 * weights + 12 * step,  # with gradients and Adam's two averages
            f"a network of {weights:,} parameters",
            "take fewer layers, hidden units or pixels a step (batch_size)",
        )


def early(steps: int, times: int) -> set[int]:
    """So many of the steps, closer together at first, when most happens."""
    return {steps * k * k // times**2 for k in range(times)}


def scaled(colours: Tensor) -> Tensor:
    """(N, 3) uint8 → float32, -1 … 1."""
    return colours.float() / 127.5 - 1


def widths(network: nn.Module) -> list[int]:
    """What each linear layer takes in for a pixel, and what the last gives."""
    layers = [each for each in network.modules() if isinstance(each, nn.Linear)]
    return [*(layer.in_features for layer in layers), layers[-1].out_features]
