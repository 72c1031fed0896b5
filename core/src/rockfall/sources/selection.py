"""What can be asked of every dataset: some of its classes, fewer examples, another size."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field, field_validator
from torch import Tensor
from torch.nn import functional as F

from rockfall.config import Config, to_text
from rockfall.errors import UsageError
from rockfall.kit.classes import find_class, unknown_class
from rockfall.sources.dataset import Dataset, Split

MAX_SIZE = 512
"""Pixels a side. A dataset lies in memory; a thousand such pictures in colour take 0.8 GB."""
MOST_BYTES = 8 * 2**30
"""Pictures that would take more are refused: while a dataset is made they are there twice."""
AT_ONCE = 1000
"""Pictures resized at a time: they are floats meanwhile."""


class Selection(Config):
    """The options of every dataset that its own factory does not take itself."""

    classes: tuple[str, ...] = Field(
        (), description="only these, by name or else by number; labelled 0, 1, … in their old order"
    )
    limit: int | None = Field(
        None,
        ge=1,
        description="at most so many training and so many validation examples, evenly over the "
        "classes; test stays whole, so that figures stay comparable",
    )
    size: int | None = Field(
        None, ge=1, le=MAX_SIZE, description="pictures are brought to this height and width"
    )

    @field_validator("classes", mode="before")
    @classmethod
    def _each_as_text(cls, value: Any) -> Any:
        values = value if isinstance(value, list | tuple) else [value]
        return [to_text(each) for each in values]

    def of(self, data: Dataset, seed: int = 0) -> Dataset:
        """What is left of a dataset. Raises UsageError for what it does not have."""
        if "classes" in self.model_fields_set:
            data = keep_classes(data, self.classes)
        if self.limit is not None:
            data = keep_examples(data, self.limit, seed)
        if self.size is not None:
            data = resize(data, self.size)
        return data


def applying(data: Dataset) -> set[str]:
    """Which of the options of a `Selection` mean something to this dataset."""
    found = {"limit"}
    if data.info.classes:
        found.add("classes")
    if _has_pictures(data):
        found.add("size")
    return found


def keep_classes(data: Dataset, wanted: tuple[str, ...]) -> Dataset:
    """Only some classes, labelled 0 … k − 1 in the order of their old labels.

    wanted: names, or else labels as text: in a dataset with a class named 7, 7 is that one.
    Raises UsageError for an unknown one, and for a split of which nothing would be left.
    """
    name, classes = data.info.name, data.info.classes
    if not wanted:
        raise UsageError(f"{name}: classes names none to keep")
    if not classes:
        raise UsageError(f"{name} has no classes to choose from")
    labels = sorted({_label(name, classes, each) for each in wanted})
    renumbered = torch.full((len(classes),), -1)
    renumbered[labels] = torch.arange(len(labels))
    kept = tuple(classes[label] for label in labels)

    def some(split: Split) -> Split:
        new = renumbered.to(split.labels.device)[split.labels]
        return Split(split.inputs[new >= 0], new[new >= 0])

    left = data.with_splits({key: some(split) for key, split in data.splits.items()}, kept)
    for key, split in left.splits.items():
        if not len(split):
            raise UsageError(f"{name} has no {key} examples of {', '.join(kept)}")
    return left


def keep_examples(data: Dataset, most: int, seed: int = 0) -> Dataset:
    """At most `most` training examples and as many for validation; test stays whole.

    They are drawn evenly over the classes, so that each is there as often as the others, or whole
    if it has not so many. What a smaller limit keeps, a larger one keeps too. Raises UsageError for
    fewer examples than classes.
    """
    classes = len(data.info.classes)
    if most < classes:
        raise UsageError(
            f"{data.info.name}: limit={most} leaves some of its {classes} classes without an "
            f"example; take {classes} or more, or choose among the classes"
        )
    drawn = {key: _even(data.splits[key], most, seed) for key in ("train", "validation")}
    return data.with_splits({**data.splits, **drawn}, data.info.classes)


def resize(data: Dataset, size: int) -> Dataset:
    """Pictures (N, C, size, size) uint8: bilinear, and antialiased where they shrink.

    One that is not square is kept whole, in the middle of a square of the median colour of its
    border. Raises UsageError for what are not pictures, or would be too many so large.
    """
    if not _has_pictures(data):
        raise UsageError(f"{data.info.name} has no pictures to resize")
    channels, *sides = data.info.shape
    if sides == [size, size]:
        return data
    check_room(data.info.name, sum(data.info.sizes.values()), (channels, size, size))
    from rockfall.kit.progress import counted

    parts = [(k, part) for k, s in data.splits.items() for part in torch.split(s.inputs, AT_ONCE)]
    resized: dict[str, list[Tensor]] = {key: [] for key in data.splits}
    for key, part in counted(parts, len(parts), "resizing pictures, in thousands"):
        resized[key].append(_scaled(_squared(part), size))
    splits = {k: Split(torch.cat(resized[k]), s.labels) for k, s in data.splits.items()}
    return data.with_splits(splits, data.info.classes)


def check_room(name: str, count: int, shape: tuple[int, ...]) -> None:
    """Raise UsageError if so many pictures (C, H, W) are too much to keep in memory."""
    size = count * torch.Size(shape).numel()
    if size > MOST_BYTES:
        raise UsageError(
            f"{name}: {count:,} pictures of {shape[1]} × {shape[2]} take {size / 2**30:.0f} GiB, "
            f"more than {MOST_BYTES / 2**30:.0f}: take a smaller size"
        )


def _has_pictures(data: Dataset) -> bool:
    return len(data.info.shape) == 3 and data.info.dtype == "uint8"


def _label(name: str, classes: tuple[str, ...], wanted: str) -> int:
    label = find_class(classes, wanted)
    if label is None and wanted.isdecimal() and int(wanted) < len(classes):
        label = int(wanted)
    if label is None:
        raise unknown_class(name, classes, wanted)
    return label


def _even(split: Split, most: int, seed: int) -> Split:
    if len(split) <= most:
        return split
    labels, counts = (found.tolist() for found in split.labels.unique(return_counts=True))
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    order = order.to(split.labels.device)
    found = split.labels[order]
    kept = [
        order[found == label][:share]
        for label, share in zip(labels, _shares(counts, most), strict=True)
    ]
    return Split(*split[torch.cat(kept).sort().values])


def _shares(counts: list[int], most: int) -> list[int]:
    """How many to take of each, as equal as can be; the first get what does not divide evenly."""
    shares = [0] * len(counts)
    left = most
    while open_ := [i for i, count in enumerate(counts) if shares[i] < count]:
        each = min(left // len(open_), *(counts[i] - shares[i] for i in open_))
        if not each:
            for i in open_[:left]:
                shares[i] += 1
            break
        for i in open_:
            shares[i] += each
        left -= each * len(open_)
    return shares


def _squared(pictures: Tensor) -> Tensor:
    count, channels, height, width = pictures.shape
    if height == width:
        return pictures
    side = max(height, width)
    edges = (pictures[:, :, 0], pictures[:, :, -1], pictures[..., 0], pictures[..., -1])
    border = torch.cat(edges, 2).median(2).values
    page = border[:, :, None, None].expand(count, channels, side, side).clone()
    top, left = (side - height) // 2, (side - width) // 2
    page[:, :, top : top + height, left : left + width] = pictures
    return page


def _scaled(pictures: Tensor, size: int) -> Tensor:
    scaled = F.interpolate(pictures.float(), (size, size), mode="bilinear", antialias=True)
    return scaled.round().clamp(0, 255).byte()
