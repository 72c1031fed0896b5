"""What a model that samples in steps has to offer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from torch import Tensor

from rockfall_capabilities.samples.protocol import Samples


@runtime_checkable
class SamplesInSteps(Samples, Protocol):
    """Draws new examples step by step."""

    def sample_steps(self, count: int, /) -> Iterator[Tensor]:
        """From the start to what `sample` gives under the same seed, each (count, …) of the
        source's shape and type, and a tensor of its own.
        """
