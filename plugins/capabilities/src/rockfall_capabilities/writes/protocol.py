"""What a model that writes has to offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class Writes(Protocol):
    """Goes on with a text."""

    def write(self, prompt: Sequence[str], length: int, temperature: float, /) -> list[str]:
        """Names of symbols → so many more. temperature: 1 as they are likely, less for likelier
        ones, 0 for the likeliest alone. Raises UsageError for a symbol that it does not know.
        """
