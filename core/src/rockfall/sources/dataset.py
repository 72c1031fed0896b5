"""A dataset: named splits of tensors in memory, on the model's device."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self

import torch
from PIL import Image
from torch import Tensor

from rockfall.config import Setting
from rockfall.errors import UsageError
from rockfall.kit import digests
from rockfall.kit.preparation import Preparation
from rockfall.kit.statistics import statistics
from rockfall.sources.info import SourceInfo


class Batch(NamedTuple):
    """inputs: (N, C, H, W) uint8 pictures, (N, D) float vectors, or sequences: (N, T, D), or (N, T)
    int64 of symbols. labels: (N,) int64; of sequences also (N, T) int64 or (N, T, K) float, a
    target for each step, of which `rockfall.kit.targets` says where there is none.
    """

    inputs: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Split:
    """One named part of a dataset. Unlabelled data has labels of -1.

    files: of examples that were read from files, the names of these.
    digests: of examples that may come and go, (N,) int64 of their content, such as
        `rockfall.kit.pictures.digest` gives: what was trained on is known by them.
    """

    inputs: Tensor
    labels: Tensor
    files: tuple[str, ...] = ()
    digests: Tensor | None = None

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.labels):
            raise ValueError(f"{len(self.inputs)} inputs but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: Any) -> Batch:
        """A batch by slice, index tensor or mask."""
        return Batch(self.inputs[index], self.labels[index])

    def evenly_spaced(self, most: int | None) -> Batch:
        """At most so many examples at even distances, for a split may be sorted by class."""
        if most is None or most >= len(self):
            return self[:]
        return self[torch.arange(most) * len(self) // most]

    spread = evenly_spaced  # its name in 0.1, for plugins that still use it

    def take(self, rows: Tensor) -> Batch:
        """A batch by (N,) int64 rows from 0 up: what `self[rows]` gives, up to 20 × quicker."""
        return Batch(self.inputs.index_select(0, rows), self.labels.index_select(0, rows))

    def some(self, rows: Tensor) -> Split:
        """A part of it, by index tensor or mask, with all that is known of its examples."""
        kept = torch.arange(len(self))[rows.cpu()]
        return Split(
            *self[rows],
            files=tuple(self.files[row] for row in kept.tolist()) if self.files else (),
            digests=None if self.digests is None else self.digests[kept],
        )

    def to(self, device: torch.device) -> Split:
        return replace(self, inputs=self.inputs.to(device), labels=self.labels.to(device))


class Dataset:
    """Splits `train`, `validation` and `test`, and the `info` that describes them.

    Tuning looks at `validation` only; `test` is read once, for the final figures.
    """

    options: tuple[Setting, ...] = ()
    """Its options, `source.key=value`, if it was opened by name or path."""
    warnings: tuple[str, ...] = ()
    """What whoever opens it has to be told, such as that some files could not be read."""
    begin_with: tuple[str, ...] = ()
    """Names of models to begin with, the first that is installed, if it knows better than kinds."""
    whole: Dataset | None = None
    """Of a dataset of patches, the pictures that they were cut from, by which features of patches
    are measured."""
    stride: int = 1
    """Pixels between two patches by which a picture of `whole` is encoded."""

    def __init__(
        self,
        name: str,
        splits: Mapping[str, Split],
        *,
        kinds: tuple[str, ...],
        classes: tuple[str, ...] = (),
        preparation: Preparation | Literal["pad", "ink"] = "pad",
    ) -> None:
        """Raises ValueError if a split is missing, or the splits disagree on shape or type.

        preparation: how any picture becomes such an example. `pad`: it is kept whole; `ink`: what
            is drawn on it is taken, as of MNIST's digits; each in the size and colours of the
            examples.
        """
        missing = {"train", "validation", "test"} - splits.keys()
        if missing:
            raise ValueError(f"{name}: no split {', '.join(sorted(missing))}")
        train = splits["train"]
        first = train.inputs
        for key, split in splits.items():
            if split.inputs.shape[1:] != first.shape[1:] or split.inputs.dtype != first.dtype:
                raise ValueError(f"{name}: {key} differs from train in shape or type")
        self.splits = dict(splits)
        pictures, shape = first.dtype == torch.uint8, tuple(first.shape[1:])
        known = statistics(first)
        if isinstance(preparation, str) and pictures and len(shape) == 3:
            preparation = Preparation.of_examples(preparation, shape, known)
        self.info = SourceInfo(
            name=name,
            kinds=kinds,
            shape=shape,
            dtype=str(first.dtype).removeprefix("torch."),
            low=0.0 if pictures else None,
            high=255.0 if pictures else None,
            classes=classes,
            sizes={key: len(split) for key, split in splits.items()},
            statistics=known,
            preparation=preparation.to_json() if isinstance(preparation, Preparation) else None,
            digests=None if train.digests is None else digests.to_text(train.digests),
        )

    @property
    def train(self) -> Split:
        return self.splits["train"]

    @property
    def validation(self) -> Split:
        return self.splits["validation"]

    @property
    def test(self) -> Split:
        return self.splits["test"]

    def split(self, name: str) -> Split:
        """A split by name. Raises UsageError for one that is not there."""
        if name not in self.splits:
            raise UsageError(f"{self.info.name} has no split {name}: {', '.join(self.splits)}")
        return self.splits[name]

    def with_splits(self, splits: Mapping[str, Split], classes: tuple[str, ...]) -> Dataset:
        """What is left of it after a selection: other splits, and the classes of their labels."""
        return Dataset(self.info.name, splits, kinds=self.info.kinds, classes=classes)

    def fresh(self, epoch: int) -> Split:
        """What an epoch learns from: `train`, unless the examples are made up without end."""
        return self.train

    def draw(self) -> Image.Image | None:
        """Examples, for `rockfall show`, of a dataset that draws its own; None: as pictures are."""
        return None

    def to(self, device: torch.device) -> Self:
        moved = copy.copy(self)
        moved.splits = {name: split.to(device) for name, split in self.splits.items()}
        moved.whole = self.whole and self.whole.to(device)
        return moved
