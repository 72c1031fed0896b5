"""What a model that resamples has to offer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Resamples(Protocol):
    """Goes on from an example by its Markov chain."""

    def resample(
        self, inputs: Tensor, clamped: Tensor, /, *, temperature: float = 1.0
    ) -> Iterator[Tensor]:
        """Inputs (N, …) as the source gives them → after each step of their chains (N, …) of the
        source's shape and type, a tensor of its own, without end; drawn from torch's global
        generator. It may give the means of what it draws, which show more.

        clamped: (N, …) bool, what keeps its value. temperature: T > 0, by which all energies are
        divided, those of hidden units too: below 1 the chain stays with what is likely.
        """
