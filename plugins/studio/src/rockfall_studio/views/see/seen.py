"""A run as this view has it: its model, and inputs that the page keeps and sends again."""

from __future__ import annotations

import contextlib
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
    from rockfall.kit.tracing import Layer

SHOWS = ("layered", "classifies")
"""Capabilities of which one is enough for a run to be here."""


class OfRun(Ask):
    """run: its name."""

    run: str = Field(max_length=200)


class Seen:
    """A run that is looked at."""

    def __init__(self, opened: Opened) -> None:
        from rockfall import SourceInfo

        record = opened.run.record
        self.opened = opened
        self.model: Any = opened.run.model
        self.info: SourceInfo = SourceInfo.from_json(record.info)
        self._spec = registry().models.find(record.model).spec

    def can(self, capability: str) -> bool:
        return has_capability(self._spec, capability)

    def inputs(self, attached: bytes) -> Tensor:
        """One input, (1, *shape), of the bytes that its numbers are. Raises UsageError if they are
        not as many.
        """
        import torch

        dtype = np.dtype(self.info.dtype)
        wanted = int(np.prod(self.info.shape)) * dtype.itemsize
        if len(attached) != wanted:
            raise UsageError(
                f"an input of {self.opened.run.name} is {wanted:,} bytes, not {len(attached):,}"
            )
        values = np.frombuffer(attached, dtype).reshape(1, *self.info.shape)
        return torch.from_numpy(values.copy()).to(self.opened.run.device)

    def layers(self, inputs: Tensor) -> list[Layer]:
        """What its model makes of inputs (N, *shape); of one that is not layered, the input."""
        from rockfall import eval_mode
        from rockfall.kit.tracing import Layer

        if not self.can("layered"):
            return [Layer("input", "input", inputs)]
        with eval_mode(self.model):
            found: list[Layer] = self.model.trace(inputs)
        return found

    def probabilities(self, inputs: Tensor) -> list[float]:
        """Of the classes, for one input; none of a model that does not classify."""
        from rockfall import eval_mode

        if not self.can("classifies"):
            return []
        with eval_mode(self.model):
            found: list[float] = self.model.classify(inputs)[0].tolist()
        return found


@contextlib.contextmanager
def looking(studio: Studio, run: str) -> Iterator[Seen]:
    """Raises UsageError for a run of which nothing is to be seen, and as `Studio.opened` does."""
    with studio.opened(run) as opened:
        seen = Seen(opened)
        if not any(map(seen.can, SHOWS)):
            raise UsageError(
                f"{run} shows nothing here: its model is neither {' nor '.join(SHOWS)}"
            )
        yield seen


def raw(inputs: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The bytes of one input (1, *shape), as `Seen.inputs` takes them."""
    values = np.ascontiguousarray(inputs[0].cpu().numpy())
    return values.reshape(-1).view(np.uint8)
