"""An implicit neural representation of one picture: a network f(x, y) → (red, green, blue).

The network is trained by Adam on mini-batches of pixels to minimise the mean squared error of their
colours. The picture is then in its weights, and can be rendered at any size. How the coordinates
enter the network decides which frequencies it can learn (`network`):

    relu      raw coordinates into a ReLU MLP, which learns low frequencies first
    shallow   the same with a single hidden layer and as many parameters
    fourier   random Fourier features (Tancik et al. 2020)
    siren     sine activations (Sitzmann et al. 2020)
    grid      a multiresolution feature grid (after Müller et al. 2022)

Each network's file says where it departs from its paper. All of them differ from their papers in
the training: colours are scaled to -1 … 1, the learning rate is annealed to 0 by a cosine, Adam has
β₂ = 0.99 as in Müller et al., and on hardware that is fast at it, all layers but that which takes
the coordinates are computed in bf16.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

import rockfall
from rockfall import Picture, Split, eval_mode
from rockfall.kit.devices import threads_that_pay
from rockfall.kit.memory import require_memory, unallocated
from rockfall.kit.optimizers import Adam
from rockfall.kit.progress import counted
from rockfall.kit.schedules import lr_factor, set_lr
from rockfall_canvas import networks
from rockfall_canvas.coordinates import Extent
from rockfall_canvas.copies import quality
from rockfall_canvas.holdout import Pattern, holdout_mask

VALIDATIONS = 6
"""Times at most that image quality is measured, the last of them after the last step."""
EPOCHS_A_VALIDATION = 6
"""To render the whole picture takes as long as a third of an epoch, and may be a twentieth of a
training; a shorter one is measured in the end alone.
"""
BETAS = (0.9, 0.99)
"""Adam's β₁ and β₂, as in Müller et al. 2022: trainings are too short for averages over 1,000
steps.
"""
MAX_ACTIVATIONS = 1_000_000
"""Activations of a layer, at most, in one forward pass when rendering: few enough for a processor's
cache.
"""


class PainterConfig(rockfall.Config):
    network: networks.Name = Field(
        "siren",
        description="architecture, by how coordinates enter it; siren renders well at any size",
    )
    epochs: int | None = Field(
        None,
        ge=1,
        description="passes over all pixels; none: half a minute for flower, "
        f"{networks.defaults_of('epochs')}, and of a small picture what makes "
        f"{networks.MIN_STEPS:,} steps",
    )
    layers: int | None = Field(
        None, ge=1, le=64, description=f"hidden layers; none: {networks.defaults_of('layers')}"
    )
    hidden: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description=f"units in each hidden layer; none: {networks.defaults_of('hidden')}",
    )
    omega_0: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description="frequency factor ω₀ of SIREN's first layer; finer detail needs more; none: "
        f"{networks.defaults_of('omega_0')}",
    )
    sigma: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description="standard deviation σ of the Fourier features' frequencies; finer detail needs "
        f"more; none: {networks.defaults_of('sigma')}",
    )
    levels: int | None = Field(
        None,
        ge=1,
        le=32,
        description="resolution levels of the feature grid; none: "
        f"{networks.defaults_of('levels')}",
    )
    finest_spacing: float | None = Field(
        None,
        ge=0.5,
        description="pixels between vertices of the finest grid; none: "
        f"{networks.defaults_of('finest_spacing')}",
    )
    batch_size: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description=f"mini-batch size, in pixels; none: {networks.defaults_of('batch_size')}",
    )
    lr: float | None = Field(
        None,
        gt=0,
        description="initial learning rate of Adam, annealed to 0 by a cosine; none: "
        f"{networks.defaults_of('lr')}",
    )
    holdout: float = Field(
        0.0, ge=0, le=0.9, description="share of the pixels held out, to measure generalisation"
    )
    holdout_pattern: Pattern = Field(
        "random", description="which pixels are held out: at random, or one block in the middle"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        networks.check_settings(self.network, self.model_dump())
        return self


class Painter(nn.Module):
    """An implicit neural representation, of any of the architectures in `networks.py`.

    Raises ValueError for a picture of one pixel and a holdout that leaves nothing to learn or to
    measure, and RockfallError for a network that does not fit the memory.
    """

    Config = PainterConfig
    parallel: ClassVar[str] = "batches"
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
        self.hyperparameters = networks.resolve(config.network, config.model_dump())
        self.sides = height, width
        self.extent = Extent.of(height, width)
        self.held_out = holdout_mask(height, width, config.holdout, config.holdout_pattern)
        with unallocated():
            self.check_memory(self.build())
        self.network = self.build()

    @property
    def threads(self) -> int:
        """A second one gained 60 to 70 % with siren and fourier, and 2 to 10 % with grid, which
        looks most up in a table.
        """
        if self.config.network == "grid":
            return 1
        weights = sum(each.numel() for each in self.network.parameters())
        batch = min(self.hyperparameters["batch_size"], len(self.held_out))
        return threads_that_pay(batch * weights)

    def build(self) -> nn.Module:
        """A network from coordinates (N, 2) to colours (N, 3), -1 for black and 1 for white."""
        return networks.build(
            self.config.network, self.hyperparameters, self.extent, max(self.sides)
        )

    # Training -------------------------------------------------------------------------------

    def fit(self, picture: Picture, run: rockfall.Run) -> None:
        lr, batch_size = self.hyperparameters["lr"], self.hyperparameters["batch_size"]
        optimizer = Adam(self.parameters(), lr=lr, betas=BETAS, fused=True)
        run.keep(optimizer=optimizer)
        pixels = self.training_pixels(picture)
        epochs = self.config.epochs or networks.default_epochs(
            self.config.network, len(pixels), batch_size
        )
        steps = epochs * -(-len(pixels) // batch_size)
        count = min(VALIDATIONS, epochs // EPOCHS_A_VALIDATION)
        validations = quadratically_spaced(steps, max(1, count))

        def step(colours: Tensor, indices: Tensor) -> Tensor:
            with run.autocast():
                output = self.network(self.extent.coordinates(indices, *self.sides))
            loss = nn.functional.mse_loss(output.float(), normalise(colours))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        captured_step = run.capture(step, optimizer)
        for epoch in run.epochs(epochs):
            for batch in epoch.batches(pixels, batch_size):
                if run.step in validations:
                    run.log(**self.quality(picture, run))
                set_lr(optimizer, lr * lr_factor(run.step / steps, "cosine"))
                run.log(loss=captured_step(*batch))
        run.log(**self.quality(picture, run))

    def training_pixels(self, picture: Picture) -> Split:
        """The pixels that are not held out: colours (N, 3) uint8 and row-major indices (N,)."""
        indices = (~self.held_out).nonzero()[:, 0].to(picture.pixels.device)
        return Split(picture.pixels.flatten(1).T[indices], indices)

    def quality(self, picture: Picture, run: rockfall.Run) -> dict[str, float]:
        """PSNR and SSIM of the picture rendered with the present weights."""
        with run.autocast(), eval_mode(self):
            return quality(self.paint(*self.sides), picture.pixels, self.held_out)

    # Rendering ------------------------------------------------------------------------------

    @torch.no_grad()
    def paint(self, height: int, width: int) -> Tensor:
        """(3, height, width) uint8, the whole picture, stretched to another aspect ratio."""
        chunks = [self.colours(indices, height, width) for indices in self.chunks(height * width)]
        return torch.cat(chunks).T.view(3, height, width)

    def colours(self, indices: Tensor, height: int, width: int) -> Tensor:
        """Colours (N, 3) uint8 of pixels (N,) of a rendering of height × width."""
        output: Tensor = self.network(self.extent.coordinates(indices, height, width))
        return ((output.float() + 1) * 127.5).round().clamp(0, 255).byte()

    def chunks(self, count: int) -> Iterator[Tensor]:
        """The indices of `count` pixels, in chunks that fit a processor's cache."""
        device = next(self.parameters()).device
        size = max(1, MAX_ACTIVATIONS // max(layer_widths(self.network)))
        starts = range(0, count, size)
        for start in counted(starts, len(starts), "rendering, in chunks"):
            yield torch.arange(start, min(start + size, count), device=device)

    def check_memory(self, network: nn.Module) -> None:
        """Raise RockfallError if there is not enough for a network and one step of its training."""
        weights = sum(each.numel() for each in network.parameters())
        batch = min(self.hyperparameters["batch_size"], len(self.held_out))
        require_memory(
            torch.device("cpu"),
            # Weights, gradients and Adam's two moments; activations and their gradients.
            16 * weights + 12 * batch * sum(layer_widths(network)),
            f"a network of {weights:,} parameters",
            "take fewer layers, hidden units or pixels a step (batch_size)",
        )


def quadratically_spaced(steps: int, count: int) -> set[int]:
    """All but the last of `count` places among the steps and after them: closer together at first,
    when most changes.
    """
    return {steps * k * k // (count - 1) ** 2 for k in range(count - 1)}


def normalise(colours: Tensor) -> Tensor:
    """(N, 3) uint8 → float32, -1 … 1."""
    return colours.float() / 127.5 - 1


def layer_widths(network: nn.Module) -> list[int]:
    """The inputs of each linear layer for one pixel, and the outputs of the last."""
    layers = [each for each in network.modules() if isinstance(each, nn.Linear)]
    return [*(layer.in_features for layer in layers), layers[-1].out_features]
