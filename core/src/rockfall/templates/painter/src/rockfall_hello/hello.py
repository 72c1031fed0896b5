"""A network that learns one picture: from a pixel's coordinates (x, y) to its colour.

Tancik et al. 2020, "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional
Domains": coordinates v enter a multilayer perceptron as γ(v) = (cos 2πBv, sin 2πBv), where the
entries of B are drawn from N(0, σ²), since from v itself it would learn a blur. The network is
smaller here than theirs, and learns from random pixels instead of all at once.
"""

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall.kit.optimizers import Adam


class Hello(nn.Module):
    class Config(rockfall.Config):
        steps: int = Field(500, ge=1, description="updates of Adam; a few seconds")
        batch_size: int = Field(2048, ge=1, description="pixels in each update, drawn at random")
        hidden: int = Field(64, ge=1, description="units in the hidden layer; more give detail")
        sigma: float = Field(4.0, gt=0, description="σ of the frequencies; larger ones are sharper")
        lr: float = Field(0.005, gt=0, description="learning rate of Adam; larger ones overshoot")

    presets: ClassVar = {"tiny": {"steps": 20, "batch_size": 256, "hidden": 8}}
    frequencies: Tensor

    def __init__(self, config: Config, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.config = config
        hidden = config.hidden
        self.register_buffer("frequencies", config.sigma * torch.randn(2, hidden))
        self.layers = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.ReLU(), nn.Linear(hidden, 3))

    def fit(self, picture: rockfall.Picture, run: rockfall.Run) -> None:
        colours = picture.pixels.flatten(1).T / 255
        coordinates = grid(*picture.pixels.shape[1:]).flatten(0, 1).to(run.device)
        optimizer = Adam(self.parameters(), lr=self.config.lr)
        run.keep(optimizer=optimizer)
        for _ in run.steps(self.config.steps):
            rows = torch.randint(len(colours), (self.config.batch_size,), device=run.device)
            loss = nn.functional.mse_loss(self.colours(coordinates[rows]), colours[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log(loss=loss)

    def colours(self, coordinates: Tensor) -> Tensor:
        """Coordinates (N, 2), 0 … 1 → colours (N, 3), 0 … 1."""
        angles = 2 * math.pi * coordinates @ self.frequencies
        outputs: Tensor = self.layers(torch.cat((angles.cos(), angles.sin()), 1))
        return outputs.sigmoid()

    @torch.no_grad()
    def paint(self, height: int, width: int) -> Tensor:
        """(3, height, width) uint8: the picture at any size, row by row to save memory."""
        rows = grid(height, width).to(self.frequencies.device)
        painting = torch.stack([self.colours(row) for row in rows])
        return (painting * 255).round().byte().permute(2, 0, 1)


def grid(height: int, width: int) -> Tensor:
    """The centres (y, x) of all pixels, (height, width, 2), 0 … 1."""
    y = (torch.arange(height) + 0.5) / height
    x = (torch.arange(width) + 0.5) / width
    return torch.stack(torch.meshgrid(y, x, indexing="ij"), 2)
