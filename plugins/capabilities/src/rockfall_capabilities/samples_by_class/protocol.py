"""What a model that samples by class has to offer."""

from __future__ import annotations

from typing import Protocol, TypeGuard, runtime_checkable

from torch import Tensor


@runtime_checkable
class SamplesByClass(Protocol):
    """Draws new examples of given classes."""

    def sample_of(self, labels: Tensor, /) -> Tensor:
        """Labels (N,) int64, each from 0 up → (N, …) of the source's shape and type, drawn from
        torch's global generator.
        """


def is_conditional(model: object) -> TypeGuard[SamplesByClass]:
    """Whether a model samples by class, for code to which only the model is given.

    Where its spec is at hand, ask that by `rockfall.capabilities.has_capability`. The conformance
    kit checks that the two agree.
    """
    return isinstance(model, SamplesByClass)
