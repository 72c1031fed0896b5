"""One pass over the data, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from rockfall.sources.dataset import Batch, Split


class Loops(Protocol):
    """What an epoch needs of a `Run`."""

    examples: int

    def blocks(self, total: int, most: int) -> Iterator[range]: ...
    def permutation(self, count: int) -> Tensor: ...


@dataclass(frozen=True)
class Epoch:
    """One pass over the data."""

    run: Loops
    index: int

    def batches(self, split: Split, batch_size: int, *, shuffle: bool = True) -> Iterator[Batch]:
        """Slices of a shuffled index; the last batch may be smaller."""
        return self.blocks(split, batch_size, 1, shuffle=shuffle)

    def blocks(
        self, split: Split, batch_size: int, most: int, *, shuffle: bool = True
    ) -> Iterator[Batch]:
        """At most `most` batches at once, one after the other in one: see `Run.blocks`."""
        order: Tensor | None = None
        for steps in self.run.blocks(-(-len(split) // batch_size), most):
            rows = slice(steps.start * batch_size, steps.stop * batch_size)
            if shuffle and order is None:  # once the loop is entered: its place seeds the order
                order = self.run.permutation(len(split))
            batch = split[rows] if order is None else split.take(order[rows])
            self.run.examples += len(batch.inputs)
            yield batch
