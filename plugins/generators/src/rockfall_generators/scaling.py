"""How a source's examples become the values that a network generates, and the inverse."""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

import rockfall


class HasBatchSize(Protocol):
    """Settings of a training by mini-batches."""

    @property
    def batch_size(self) -> int:
        """Examples of a mini-batch."""

    def model_copy(self, *, update: dict[str, Any]) -> Any:
        """Pydantic's."""


C = TypeVar("C", bound=HasBatchSize)


class Scaling(nn.Module):
    """Inputs (N, …) of the source → values (inputs − offset) / scale (N, …) float32.

    Pictures are from `low` for 0 to 1 for 255; each number of a vector has mean 0 and standard
    deviation 1. Raises ValueError for what is neither, or is not finite.
    """

    def __init__(self, info: rockfall.SourceInfo, low: float = -1.0) -> None:
        super().__init__()
        self.shape = info.shape
        self.numel = math.prod(info.shape)
        self.dtype: torch.dtype = getattr(torch, info.dtype)
        self.pictures = self.dtype == torch.uint8
        vectors = self.dtype.is_floating_point
        if len(info.shape) != (3 if self.pictures else 1) or not (self.pictures or vectors):
            raise ValueError(
                f"{info.name} has {info.dtype} of shape {info.shape}: what can be generated are "
                "pictures (C, H, W) of bytes and vectors (D,) of floats"
            )
        if self.pictures:
            scale = [255 / (1 - low)]
            offset = [-low * scale[0]]
        else:
            offset, scale = info.statistics["mean"], info.statistics["std"]
        if not all(map(math.isfinite, (*offset, *scale))):
            raise ValueError(f"{info.name} holds values that are not finite numbers")
        self.middle: Tensor  # the names that the buffers have in checkpoints
        self.reach: Tensor
        self.register_buffer("middle", torch.tensor(offset))
        deviations = torch.tensor(scale)
        # A number that never changes would be divided by 0.
        self.register_buffer("reach", deviations.masked_fill(deviations == 0, 1))

    @property
    def offset(self) -> Tensor:
        """The input whose value is 0: (1,) of pictures, (D,) of vectors."""
        return self.middle

    @property
    def scale(self) -> Tensor:
        """Inputs by which a value changes by 1: (1,) of pictures, (D,) of vectors."""
        return self.reach

    def forward(self, inputs: Tensor) -> Tensor:
        return ((inputs - self.offset) / self.scale).to(self.scale.dtype)

    def inverse(self, values: Tensor) -> Tensor:
        """Values (N, …) → inputs (N, …) of the source's type; of pictures, rounded and clamped."""
        inputs = values * self.scale + self.offset
        if self.pictures:
            inputs = inputs.round().clamp(0, 255)
        return inputs.to(self.dtype)


def with_full_batches(config: C, info: rockfall.SourceInfo, least: int = 1) -> C:
    """The settings, with a `batch_size` that the training examples can fill.

    Raises ValueError for fewer examples than `least`.
    """
    count = info.sizes.get("train", config.batch_size)
    if count < least:
        raise ValueError(
            f"{info.name} has {count:,} training example{'s' * (count != 1)}, and a mini-batch "
            f"needs {least}"
        )
    if config.batch_size <= count:
        return config
    fitting: C = config.model_copy(update={"batch_size": count})
    return fitting


def tell_of_batch(run: rockfall.Run, config: HasBatchSize) -> None:
    """Warn, once in a run, of a batch that was larger than the data."""
    asked = run.record.config.get("batch_size", 0)
    if config.batch_size < asked and not run.state.get("batch told"):
        run.state["batch told"] = True
        run.warn(
            f"batch_size={asked} is more than the {config.batch_size:,} training examples of "
            f"{run.record.source}, so a mini-batch is all of them"
        )
