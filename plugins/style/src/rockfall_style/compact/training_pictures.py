"""The pictures on which compact styles are trained: photographs, CIFAR-10 and drawn scenes.

A photograph is seen at many sizes and in many lights, for there are few. Enlarged pictures of
CIFAR-10 are soft, as skies, water and skin are; drawn scenes have large plain areas, straight edges
and every colour. In what is trained on photographs of textures alone, plain areas come out poor.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

SHARES = {"photographs": 0.6, "small": 0.2, "scenes": 0.2}
"""Probability of each kind."""


class TrainingPictures:
    """photographs: (3, H, W) uint8 of any size. small: (N, 3, h, w) uint8, such as CIFAR-10's."""

    def __init__(self, photographs: Sequence[Tensor], small: Tensor, side: int) -> None:
        self.photographs, self.small, self.side = photographs, small, side

    def batch(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, 3, side, side) uint8."""
        return torch.stack([self._one(generator) for _ in range(count)])

    def _one(self, generator: torch.Generator) -> Tensor:
        drawn = uniform(generator)
        if drawn < SHARES["photographs"]:
            values = self._crop(generator)
        elif drawn < SHARES["photographs"] + SHARES["small"]:
            index = int(torch.randint(len(self.small), (), generator=generator))
            values = resized(self.small[index].float(), self.side)
        else:
            values = scene(self.side, generator)
        values = relit(values, generator)
        if uniform(generator) < 0.5:
            values = values.flip(2)
        return values.round_().clamp_(0, 255).to(torch.uint8)

    def _crop(self, generator: torch.Generator) -> Tensor:
        """A square of a photograph, from all that fits down to `side` · 3/4 pixels."""
        index = int(torch.randint(len(self.photographs), (), generator=generator))
        photograph = self.photographs[index]
        largest = min(photograph.shape[1:])
        smallest = min(largest, 3 * self.side // 4)
        side = round(smallest * (largest / smallest) ** uniform(generator))
        top, left = (
            int(torch.randint(length - side + 1, (), generator=generator))
            for length in photograph.shape[1:]
        )
        return resized(photograph[:, top : top + side, left : left + side].float(), self.side)


def uniform(generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def resized(values: Tensor, side: int) -> Tensor:
    """(3, H, W) → (3, side, side)."""
    return F.interpolate(
        values[None], (side, side), mode="bicubic", antialias=True, align_corners=False
    )[0]


def relit(values: Tensor, generator: torch.Generator) -> Tensor:
    """(3, H, W), 0 … 255, with another contrast, brightness and colour of the light."""
    contrast, brightness = uniform(generator, 0.6, 1.3), uniform(generator, -40, 40)
    light = 1 + 0.12 * torch.randn(3, 1, 1, generator=generator)
    mean = values.mean()
    return ((values - mean) * contrast + mean + brightness) * light


def scene(side: int, generator: torch.Generator) -> Tensor:
    """(3, side, side): a shaded sky, soft clouds on it, and before it hills, houses and discs."""
    colours = 255 * torch.rand(16, 3, 1, 1, generator=generator)
    down = torch.linspace(0, 1, side).view(1, side, 1)
    across = torch.linspace(0, 1, side).view(1, 1, side)
    values = torch.lerp(colours[0], colours[1], down.expand(1, side, side))
    clouds = resized(torch.randn(1, 5, 5, generator=generator).expand(3, -1, -1), side)
    values = torch.lerp(values, colours[2].expand_as(values), 0.5 * clouds.sigmoid())
    horizon = uniform(generator, 0.4, 0.8)
    for layer in range(3, 3 + int(torch.randint(1, 5, (), generator=generator))):
        wave, height = uniform(generator, 1, 9), uniform(generator, 0.01, 0.12)
        ridge = horizon + height * torch.sin(wave * across + uniform(generator, 0, 6.3))
        values = torch.where(down > ridge, shaded(colours[layer], down, generator), values)
        horizon += uniform(generator, 0, 0.15)
    for shape in range(8, 8 + int(torch.randint(0, 8, (), generator=generator))):
        x, y = uniform(generator), uniform(generator)
        width, height = uniform(generator, 0.03, 0.2), uniform(generator, 0.03, 0.35)
        if uniform(generator) < 0.4:
            inside = (across - x).square() + (down - y).square() < width**2
        else:
            inside = ((across - x).abs() < width) & ((down - y).abs() < height)
        values = torch.where(inside, shaded(colours[shape], across, generator), values)
    grain = torch.randn(1, side, side, generator=generator)
    return values + uniform(generator, 0, 8) * grain


def shaded(colour: Tensor, along: Tensor, generator: torch.Generator) -> Tensor:
    return colour * (1 + uniform(generator, -0.5, 0.5) * (along - 0.5))
