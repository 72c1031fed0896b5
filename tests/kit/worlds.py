"""Processes that train together, as threads of one: what goes between them goes through a list."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor

from rockfall.kit.parallel import World, _packed, _unpacked

T = TypeVar("T")
PATIENCE = 20.0


class Threads(World):
    """One of several threads; what the others do not take part in fails after `PATIENCE`."""

    def __init__(self, rank: int, size: int, meeting: threading.Barrier, table: list[Any]) -> None:
        super().__init__(rank, size)
        self._meeting, self._table = meeting, table

    def exchange(self, given: Any) -> list[Any]:
        self._table[self.rank] = given
        self._meeting.wait(PATIENCE)
        found = list(self._table)
        self._meeting.wait(PATIENCE)
        return found

    def sum_(self, tensor: Tensor) -> None:
        tensor.copy_(torch.stack(self.exchange(tensor.clone())).sum(0))

    def most_(self, tensor: Tensor) -> None:
        tensor.copy_(torch.stack(self.exchange(tensor.clone())).amax(0))

    def gather(self, state: Any) -> list[Any] | None:
        found = [_unpacked(each) for each in self.exchange(_packed(state))]
        return None if self.rank else found

    def broadcast(self, state: Any) -> Any:
        return _unpacked(self.exchange(_packed(None if self.rank else state))[0])


def together(size: int, act: Callable[[Threads], T]) -> list[T]:
    """What each of so many threads gives, in the order of ranks."""
    meeting, table = threading.Barrier(size), [None] * size

    def one(rank: int) -> T:
        try:
            return act(Threads(rank, size, meeting, table))
        except BaseException:
            meeting.abort()
            raise

    with ThreadPoolExecutor(size) as threads:
        done = [threads.submit(one, rank) for rank in range(size)]
    failed = [each.exception() for each in done]
    for error in failed:
        if error is not None and not isinstance(error, threading.BrokenBarrierError):
            raise error
    return [each.result() for each in done]
