"""Single numbers on devices, which are collected there and read together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

CAPACITY = 4096
"""Numbers for which there is memory at first."""


class Place(NamedTuple):
    """Which number it is of those that were added on a device."""

    device: torch.device
    number: int


class Scalars:
    """Numbers on devices, as float32, in memory that is kept, and doubled when it is full.

    Logging costs what it launches. So all that is added together is written side by side by one
    `torch.stack`, where copies, as of values that are about to change, would each be a launch.
    """

    def __init__(self) -> None:
        self._columns: dict[torch.device, _Column] = {}

    def add(self, tensors: Mapping[str, Tensor]) -> dict[str, Place]:
        """Copy tensors of one element each, as they are now; returns their places in `read`."""
        found: dict[str, Place] = {}
        for device in dict.fromkeys(tensor.device for tensor in tensors.values()):
            names = [name for name, tensor in tensors.items() if tensor.device == device]
            column = self._columns.setdefault(device, _Column())
            begin = column.append([tensors[name] for name in names])
            found.update((name, Place(device, begin + i)) for i, name in enumerate(names))
        return found

    def read(self) -> dict[Place, float]:
        """All that was added, in one transfer a device, which waits for it."""
        return {
            Place(device, i): number
            for device, column in self._columns.items()
            for i, number in enumerate(column.read())
        }

    def clear(self) -> None:
        """Forget what was added."""
        for column in self._columns.values():
            column.count = 0


class _Column:
    """The numbers on one device."""

    def __init__(self) -> None:
        self.count = 0
        self._numbers: Tensor | None = None

    def append(self, tensors: list[Tensor]) -> int:
        """Returns the place of the first."""
        begin, end = self.count, self.count + len(tensors)
        numbers = self._numbers
        if numbers is None:
            numbers = torch.empty(CAPACITY, device=tensors[0].device)
        while end > len(numbers):
            numbers = torch.cat((numbers, torch.empty_like(numbers)))
        with torch.no_grad():
            torch.stack([each.reshape(()) for each in tensors], out=numbers[begin:end])
        self.count, self._numbers = end, numbers
        return begin

    def read(self) -> list[float]:
        if self._numbers is None or not self.count:  # nothing to wait for
            return []
        numbers: list[float] = self._numbers[: self.count].tolist()
        return numbers
