"""Layers above one another, each of which reads what the one before gives for each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Layer(Protocol):
    """One layer, as torch's `nn.LSTM(…, batch_first=True)` is called."""

    def __call__(self, steps: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """(N, T, D) and the state before the first of these steps, None for the very first → (N,
        T, units), and the state after the last.
        """

    def holds(self, steps: Tensor) -> dict[str, Tensor]:
        """(N, T, D) → name → (N, T, units): gates and what is held, at each step."""


class Stack(nn.Module):
    """(N, T, features) → (N, T, units), with dropout between two layers."""

    def __init__(self, make: Callable[[int, int], nn.Module], features: int, config: Any) -> None:
        """make: inputs, units → a `Layer`."""
        super().__init__()
        widths = (features, *[config.units] * config.layers)
        self.layers = nn.ModuleList(make(width, config.units) for width in widths[:-1])
        self.dropout = config.dropout

    def forward(
        self, steps: Tensor, states: Sequence[Any] | None = None
    ) -> tuple[Tensor, list[Any]]:
        after = []
        for number, layer in enumerate(self.layers):
            if number:
                steps = F.dropout(steps, self.dropout, self.training)
            steps, state = layer(steps, None if states is None else states[number])
            after.append(state)
        return steps, after

    def holds(self, steps: Tensor) -> dict[str, Tensor]:
        """What the last layer holds."""
        below: list[Any] = list(self.layers)
        last = below.pop()
        for layer in below:
            steps, _ = layer(steps)
        held: dict[str, Tensor] = last.holds(steps)
        return held


def over_time(found: Sequence[tuple[Tensor, ...]], *names: str) -> dict[str, Tensor]:
    """What was found at each step, T times some (N, units), by name as (N, T, units)."""
    columns = zip(*found, strict=True)
    return {name: torch.stack(each, 1) for name, each in zip(names, columns, strict=True)}
