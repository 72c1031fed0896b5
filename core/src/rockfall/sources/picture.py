"""One picture as a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from pydantic import Field
from torch import Tensor

from rockfall.config import Config, Setting
from rockfall.kit.resizing import within
from rockfall.kit.statistics import statistics
from rockfall.sources.info import SourceInfo

LARGEST = 8000
"""Pixels along the longer side; what is read from a file has at most 64 million."""


class PictureOptions(Config):
    size: int | None = Field(
        None, ge=1, le=LARGEST, description="a longer side of more pixels is brought to so many"
    )


class Picture:
    """`pixels` (3, H, W) uint8, and the `info` that describes them.

    `alpha` (1, H, W) uint8, or None of an opaque picture; a transparent one's pixels lie on white.
    """

    options: tuple[Setting, ...] = tuple(PictureOptions.described())
    warnings: tuple[str, ...] = ()
    """What whoever opens it has to be told, such as that it is the first frame of a film."""

    def __init__(self, name: str, pixels: Tensor, alpha: Tensor | None = None) -> None:
        """name: what `open_source` finds it by again."""
        self.pixels = pixels
        self.alpha = alpha
        self.info = SourceInfo(
            name=name,
            kinds=("picture",),
            shape=tuple(pixels.shape),
            dtype="uint8",
            low=0.0,
            high=255.0,
            statistics=statistics(pixels[None]),
        )

    @classmethod
    def open(cls, name: str, read: Callable[[], Tensor], options: Mapping[str, Any]) -> Self:
        """What `read` returns, (3, H, W) or with alpha (4, H, W), with a picture's options. Raises
        UsageError for others.
        """
        chosen = PictureOptions.build(name, options)
        found = read()
        parts = (found[:3], found[3:]) if len(found) > 3 else (found,)
        return cls(name, *(within(part, chosen.size or max(part.shape)) for part in parts))

    def to(self, device: torch.device) -> Self:
        self.pixels = self.pixels.to(device)
        return self
