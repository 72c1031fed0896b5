"""What `generates` asks of a model: to sample and, where it can, to sample by class."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Generates(Protocol):
    """Makes new examples."""

    def sample(self, count: int, /) -> Tensor:
        """(count, …) of the source's shape and type, drawn from torch's global generator."""


@runtime_checkable
class GeneratesByClass(Generates, Protocol):
    """Makes new examples of the classes that it is given."""

    def sample_of(self, labels: Tensor, /) -> Tensor:
        """Labels (N,) int64, each from 0 up → (N, …) of the source's shape and type, drawn from
        torch's global generator.
        """
