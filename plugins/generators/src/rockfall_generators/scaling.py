"""How a source's examples become the values that a network makes, and back."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

import rockfall


class Scaling(nn.Module):
    """Inputs (N, …) as the source gives them → values (N, …) float32; `back` is the other way.

    Pictures reach from `low` for 0 to 1 for 255; vectors get mean 0 and deviation 1, a number each.
    Raises ValueError for what is neither, or is not finite.
    """

    def __init__(self, info: rockfall.SourceInfo, low: float = -1.0) -> None:
        super().__init__()
        self.shape = info.shape
        self.count = math.prod(info.shape)
        self.dtype: torch.dtype = getattr(torch, info.dtype)
        self.pictures = self.dtype == torch.uint8
        vectors = self.dtype.is_floating_point
        if len(info.shape) != (3 if self.pictures else 1) or not (self.pictures or vectors):
            raise ValueError(
                f"{info.name} has {info.dtype} of shape {info.shape}: what can be made are "
                "pictures (C, H, W) of bytes and vectors (D,) of floats"
            )
        if self.pictures:
            reach = [255 / (1 - low)]
            middle = [-low * reach[0]]
        else:
            middle, reach = info.statistics["mean"], info.statistics["std"]
        if not all(map(math.isfinite, (*middle, *reach))):
            raise ValueError(f"{info.name} holds values that are not finite numbers")
        self.middle: Tensor
        self.reach: Tensor
        self.register_buffer("middle", torch.tensor(middle))
        deviations = torch.tensor(reach)
        # A number that never changes would be divided by 0.
        self.register_buffer("reach", deviations.masked_fill(deviations == 0, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        return ((inputs - self.middle) / self.reach).float()

    def back(self, values: Tensor) -> Tensor:
        inputs = values * self.reach + self.middle
        if self.pictures:
            inputs = inputs.round().clamp(0, 255)
        return inputs.to(self.dtype)


def check_batch(batch_size: int, info: rockfall.SourceInfo) -> None:
    """Raise ValueError for a batch that the training examples can't fill."""
    count = info.sizes.get("train", batch_size)
    if batch_size > count:
        raise ValueError(
            f"batch_size={batch_size} is more than the {count:,} training examples of {info.name}"
        )
