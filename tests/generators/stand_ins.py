"""Stand-ins for trained generators: anything that samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.opening import open_source


class Sampler:
    """Samples as a function of their number says."""

    def __init__(self, sample: Callable[[int], Tensor]) -> None:
        self._sample = sample

    def sample(self, count: int) -> Tensor:
        return self._sample(count)


class ConditionalSampler(Sampler):
    """And as a function of labels says."""

    def __init__(self, sample_of: Callable[[Tensor], Tensor], classes: int) -> None:
        super().__init__(lambda count: sample_of(torch.randint(classes, (count,))))
        self._sample_of = sample_of

    def sample_of(self, labels: Tensor) -> Tensor:
        return self._sample_of(labels)


def opened(name: str, **options: object) -> Dataset:
    source = open_source(name, options)
    assert isinstance(source, Dataset)
    return source


def one_of(inputs: Tensor) -> Sampler:
    """Gives back examples (N, …), each as likely."""
    return Sampler(lambda count: inputs[torch.randint(len(inputs), (count,))])


def split_of(inputs: Tensor, labels: Tensor | None = None) -> Split:
    return Split(inputs, torch.full((len(inputs),), -1) if labels is None else labels)


def dataset(
    train: Tensor,
    test: Tensor,
    labels: tuple[Tensor, Tensor] | None = None,
    classes: tuple[str, ...] = (),
    name: str = "made-up",
) -> Dataset:
    """Of inputs (N, …) and (M, …), and labels for both if it has classes."""
    labels = labels or (None, None)
    splits = {
        "train": split_of(train, labels[0]),
        "validation": split_of(test, labels[1]),
        "test": split_of(test, labels[1]),
    }
    kind = "pictures" if train.dtype == torch.uint8 else "vectors"
    kinds = (kind, f"labelled-{kind}") if classes else (kind,)
    return Dataset(name, splits, kinds=kinds, classes=classes)
