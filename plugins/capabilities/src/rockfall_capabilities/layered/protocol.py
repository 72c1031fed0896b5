"""What a model that is layered has to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from rockfall.kit.tracing import Layer


@runtime_checkable
class Layered(Protocol):
    """Shows what each of its layers gives, and which goes into which."""

    def trace(self, inputs: Tensor, /) -> list[Layer]:
        """Inputs (N, …), or observations, as the source gives them → the layers of a forward pass.

        The first is the input itself; the others follow those that they are computed of, and the
        last is what the model is asked for: of a classifier the probabilities (N, classes). For an
        `nn.Module`, `rockfall.kit.tracing.trace_layers` is all that it takes.
        """
