"""One picture as a source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch

from rockfall.errors import UsageError
from rockfall.pictures import load
from rockfall.sources.info import SourceInfo


class Picture:
    """`pixels` (3, H, W) uint8, and the `info` that describes them."""

    def __init__(self, path: Path, options: Mapping[str, Any] | None = None) -> None:
        """Raises UsageError for what is not a picture, or for options, which it has none of."""
        if options:
            raise UsageError(f"a picture takes no option {', '.join(options)}")
        self.pixels = load(path)
        self.info = SourceInfo(
            name=str(path.resolve()),
            kinds=("picture",),
            shape=tuple(self.pixels.shape),
            dtype="uint8",
            low=0.0,
            high=255.0,
        )

    def to(self, device: torch.device) -> Self:
        self.pixels = self.pixels.to(device)
        return self
