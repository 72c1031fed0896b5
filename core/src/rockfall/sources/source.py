"""The contract of a source: a dataset, an environment, a picture, or a plugin's own."""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable

import torch

from rockfall.sources.info import SourceInfo


@runtime_checkable
class Source(Protocol):
    """What a model learns from."""

    @property
    def info(self) -> SourceInfo:
        """Plain data about the source."""

    def to(self, device: torch.device) -> Self:
        """The same source with its tensors on `device`."""
