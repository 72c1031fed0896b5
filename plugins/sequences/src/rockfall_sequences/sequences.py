"""A dataset of sequences, and what a model has to know of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import torch
from PIL import Image
from torch import Generator, Tensor

from rockfall import Batch, Dataset, SourceInfo, Split, UsageError
from rockfall.kit.targets import has_target
from rockfall_sequences.drawing import draw_sequences

SHOWN = 12
"""Examples that `rockfall show` draws."""
FRESH = 0x5EED
"""What the seeds of an epoch's training sequences are salted with."""
SHARES = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1.0)}
"""Of one long sequence, in its order, what is learned from and what is held out."""

Draw = Callable[[int, Generator], Batch]
"""So many new sequences with their labels, from a generator."""


class Sequences(Dataset):
    """Splits of sequences: inputs (N, T, D) float or uint8, or (N, T) int64 of symbols.

    labels: (N, T) int64 with a class for each step, or -100 for none; (N, T, K) float numbers, or
    NaN for none; or (N,) int64, a class for the last step.

    symbols: the names of the numbers that inputs (N, T) are made of.
    columns: the names of the features of inputs (N, T, D).
    draws: of a task whose sequences are made up, which are then never the same again in training.
    is_text: whether the symbols are characters, whose names are those of the classes, and the next
        is the target.
    is_series: whether each step's target is the input of the next.
    streams: of one long sequence that is cut into windows, each split whole, (1, T, …).
    cues: inputs → (N, T), how many steps before each step lies what its target depends on; 0 where
        it has none.
    """

    def __init__(
        self,
        name: str,
        splits: Mapping[str, Split],
        *,
        classes: tuple[str, ...] = (),
        symbols: Sequence[str] = (),
        columns: Sequence[str] = (),
        draws: Draw | None = None,
        cues: Callable[[Tensor], Tensor] | None = None,
        seed: int = 0,
        is_text: bool = False,
        is_series: bool = False,
        streams: Mapping[str, Split] = MappingProxyType({}),
    ) -> None:
        kinds = ["sequences"]
        if splits["train"].labels.ndim == 1:
            kinds.append("labelled-sequences")
        if is_text:
            kinds.append("text")
        if is_series:
            kinds.append("series")
        if streams:
            kinds.append("stream")
        super().__init__(name, splits, kinds=tuple(kinds), classes=classes)
        self.symbols, self.columns = tuple(symbols), tuple(columns)
        self.draws, self.cues, self.seed, self.streams = draws, cues, seed, streams
        if self.symbols:
            self.info = replace(self.info, low=0.0, high=len(self.symbols) - 1.0)
        if (labels := self.train.labels).is_floating_point():
            self.info = replace(self.info, statistics={**self.info.statistics, **_of(labels)})

    @classmethod
    def drawn(
        cls, name: str, draws: Draw, sizes: Mapping[str, int], seed: int, **known: Any
    ) -> Sequences:
        """A made-up task: fixed splits of these sizes, and new sequences in each epoch."""
        generator = torch.Generator().manual_seed(seed)
        splits = {key: Split(*draws(size, generator)) for key, size in sizes.items()}
        return cls(name, splits, draws=draws, seed=seed, **known)

    def fresh(self, epoch: int) -> Split:
        """What an epoch learns from: the training split, in whose place a made-up task has others
        after the first epoch, which depend on its seed and the epoch alone.
        """
        if self.draws is None or epoch == 0:
            return self.train
        generator = self.generator(epoch)
        device = self.train.inputs.device
        inputs, labels = (
            values.to(device, non_blocking=True)
            for values in self.draws(len(self.train), generator)
        )
        return Split(inputs, labels)

    def generator(self, epoch: int) -> Generator:
        """By which an epoch is made, of the source's seed and the epoch alone."""
        return torch.Generator().manual_seed((self.seed << 20) + (FRESH << 40) + epoch)

    def stream(self, name: str) -> Split:
        """A split of one long sequence, whole, where the windows are."""
        return self.streams[name].to(self.train.inputs.device)

    def with_splits(self, splits: Mapping[str, Split], classes: tuple[str, ...]) -> Sequences:
        """What is left after a selection, which is all that is ever learned from."""
        known: dict[str, Any] = {
            "symbols": self.symbols,
            "columns": self.columns,
            "cues": self.cues,
        }
        for kind in ("text", "series"):
            known[f"is_{kind}"] = kind in self.info.kinds
        return Sequences(self.info.name, splits, classes=classes, **known)

    def draw(self) -> Image.Image | None:
        """Some training sequences, each above its targets."""
        batch = self.train[:SHOWN]
        return draw_sequences(
            self.info.name, batch, self.info.classes, self.symbols, columns=self.columns
        )


def parts_of(name: str, steps: int, unit: str, length: int) -> dict[str, slice]:
    """Which steps of one long sequence are in each split. Raises UsageError for fewer than windows
    of this length take.

    unit: what steps are called, in the plural.
    """
    if steps < 20 * (length + 1):
        raise UsageError(
            f"{name} has {steps:,} {unit}, too few for windows of {length}: it takes "
            f"{20 * (length + 1):,}, or a smaller source.length"
        )
    return {
        key: slice(round(low * steps), round(high * steps)) for key, (low, high) in SHARES.items()
    }


def outputs_of(info: SourceInfo) -> int:
    """How many numbers a model gives for each step: a logit a class, or the predicted numbers."""
    return len(info.classes) or len(info.statistics["target mean"])


def features_of(info: SourceInfo) -> int:
    """How many numbers a step of a sequence is to a network: symbols are one-hot."""
    return info.shape[1] if len(info.shape) > 1 else int(info.high or 0) + 1


def _of(labels: Tensor) -> dict[str, list[float]]:
    """Mean and deviation of each number that is to be predicted."""
    found = labels[has_target(labels)].double()
    mean = found.nanmean(0)
    deviation = (found - mean).square().nanmean(0).sqrt()
    return {"target mean": mean.tolist(), "target std": deviation.tolist()}
