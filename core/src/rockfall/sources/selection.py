"""The options of every dataset: some of its classes, fewer examples, another size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from pydantic import Field, field_validator

from rockfall.config import Config, to_text
from rockfall.errors import UsageError
from rockfall.kit.classes import class_label
from rockfall.kit.memory import check_room
from rockfall.kit.resizing import MAX_SIZE, resized
from rockfall.kit.splits import balanced
from rockfall.sources.dataset import Dataset, Split


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


def keep_classes(data: Dataset, wanted: tuple[str, ...]) -> Dataset:
    """Only some classes, labelled 0 … k − 1 in the order of their old labels.

    wanted: names, or else labels as text: in a dataset with a class named 7, 7 is that one.
    Raises UsageError for an unknown one, and for a split of which nothing would be left.
    """
    name, classes = data.info.name, data.info.classes
    if not wanted:
        raise UsageError(f"{name}: classes names none to keep")
    if not classes or data.train.labels.ndim > 1:
        raise UsageError(f"{name} has no classes to choose from")
    labels = sorted({class_label(name, classes, each) for each in wanted})
    renumbered = torch.full((len(classes),), -1)
    renumbered[labels] = torch.arange(len(labels))
    kept = tuple(classes[label] for label in labels)

    def some(split: Split) -> Split:
        new = renumbered.to(split.labels.device)[split.labels]
        return replace(split.some(new >= 0), labels=new[new >= 0])

    left = _left(data, {key: some(split) for key, split in data.splits.items()}, kept)
    for key, split in left.splits.items():
        if not len(split):
            raise UsageError(f"{name} has no {key} examples of {', '.join(kept)}")
    return left


def keep_examples(data: Dataset, most: int, seed: int = 0) -> Dataset:
    """At most `most` training examples and as many for validation, balanced over the classes that
    they have as a whole; test stays whole. Raises UsageError for fewer examples than classes.
    """
    whole = data.train.labels.ndim == 1
    classes = len(data.info.classes)
    if most < classes and whole:
        raise UsageError(
            f"{data.info.name}: limit={most} leaves some of its {classes} classes without an "
            f"example; take {classes} or more, or choose among the classes"
        )
    splits = dict(data.splits)
    for key in ("train", "validation"):
        if len(splits[key]) > most:
            labels = splits[key].labels
            each = labels if whole else torch.zeros(len(labels))
            splits[key] = splits[key].some(balanced(each, most, seed))
    return _left(data, splits, data.info.classes)


def resize(data: Dataset, size: int) -> Dataset:
    """Its pictures as (N, C, size, size) uint8, by `rockfall.kit.resizing`. Raises UsageError for
    what are not pictures, or would be too many so large.
    """
    if not _has_pictures(data):
        raise UsageError(f"{data.info.name} has no pictures to resize")
    channels, *sides = data.info.shape
    if sides == [size, size]:
        return data
    check_room(data.info.name, sum(data.info.sizes.values()), (channels, size, size))
    inputs = resized({key: split.inputs for key, split in data.splits.items()}, size)
    splits = {key: replace(split, inputs=inputs[key]) for key, split in data.splits.items()}
    return _left(data, splits, data.info.classes, resized=size)


def _left(
    data: Dataset, splits: Mapping[str, Split], classes: tuple[str, ...], **resized: int
) -> Dataset:
    """What is left of a dataset, of which all that is known of the whole is true."""
    left = data.with_splits(splits, classes)
    left.warnings, left.begin_with = data.warnings, data.begin_with
    if data.info.preparation:
        left.info = replace(left.info, preparation={**data.info.preparation, **resized})
    return left


def _has_pictures(data: Dataset) -> bool:
    return len(data.info.shape) == 3 and data.info.dtype == "uint8"
