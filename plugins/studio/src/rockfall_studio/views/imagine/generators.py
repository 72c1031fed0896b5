"""What all of Imagine opens: runs of models that make pictures, and arrays as the page has them."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from rockfall import UsageError
from rockfall.plugin import has_capability, registry
from rockfall_studio.asks import Ask
from rockfall_studio.studio import Opened, Studio

if TYPE_CHECKING:
    from torch import Tensor

    from rockfall import SourceInfo

MAX_SEED = 2**32 - 1
MOST = 100
"""Pictures that are computed at once."""

_drawing = threading.RLock()
"""Held while random numbers are drawn: torch's generator is one for all threads."""


class OfRun(Ask):
    """run: its name."""

    run: str = Field(max_length=200)


class OfSamples(OfRun):
    """label: of which class; none: of any."""

    count: int = Field(24, ge=1, le=MOST)
    seed: int = Field(0, ge=0, le=MAX_SEED)
    label: int | None = Field(None, ge=0)


class Generator:
    """A run's model that makes pictures.

    shape: (C, H, W) of a picture.
    """

    def __init__(self, opened: Opened) -> None:
        from rockfall import SourceInfo

        record = opened.run.record
        self.opened = opened
        self.model: Any = opened.run.model
        self.info: SourceInfo = SourceInfo.from_json(record.info)
        self.shape = self.info.shape
        self._spec = registry().models.find(record.model).spec

    @property
    def capabilities(self) -> list[str]:
        """Names, without distributions."""
        return [name.rpartition(":")[2] for name in self._spec.capabilities]

    def can(self, capability: str) -> bool:
        return has_capability(self._spec, capability)

    def require(self, capability: str) -> None:
        """Raises UsageError without it."""
        if not self.can(capability):
            raise UsageError(f"{self.opened.run.name} does not have the capability {capability}")

    @property
    def conditions(self) -> int:
        """How many of the last latents are the class, one-hot."""
        return len(self.info.classes) if self.can("samples-by-class") else 0

    def inputs(self, content: bytes) -> Tensor:
        """Pictures (N, C, H, W) uint8 that the page had from here, and sent back. Raises UsageError
        for another number of bytes, and for too many.
        """
        import torch

        size = math.prod(self.shape)
        if not content or len(content) % size:
            raise UsageError(f"{len(content):,} bytes are no pictures of {size:,}")
        if len(content) > MOST * size:
            raise UsageError(f"more than {MOST} pictures at once")
        pixels = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        channels, height, width = self.shape
        pictures = pixels.view(-1, height, width, channels).permute(0, 3, 1, 2).contiguous()
        return pictures.to(self.opened.run.device)


@contextlib.contextmanager
def generator(studio: Studio, run: str, capability: str = "") -> Iterator[Generator]:
    """A run whose examples are pictures, its model in evaluation mode, without gradients, held for
    this thread. Raises UsageError for one of others, and as `Studio.opened` does.
    """
    from rockfall import eval_mode

    with studio.opened(run, capability) as opened:
        found = Generator(opened)
        if len(found.shape) != 3 or found.info.dtype != "uint8":
            raise UsageError(f"what {run} makes are no pictures: see `rockfall sample {run}`")
        with eval_mode(found.model):
            yield found


@contextlib.contextmanager
def drawing(seed: int | None = None) -> Iterator[None]:
    """Inside, random numbers are drawn by nobody else; by this seed, if there is one."""
    from rockfall import fork_rng

    with _drawing:
        if seed is None:
            yield
        else:
            with fork_rng(seed):
                yield


def planes(pictures: Tensor) -> np.ndarray[Any, Any]:
    """(N, C, H, W) uint8 → (N, H, W, C), as a canvas has them."""
    return np.ascontiguousarray(pictures.permute(0, 2, 3, 1).cpu().numpy())


def floats(values: Tensor) -> np.ndarray[Any, Any]:
    return values.detach().cpu().float().numpy()
