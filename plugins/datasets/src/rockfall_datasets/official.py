"""Datasets that are published with a training and a test set, but no validation set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field
from torch import Tensor

from rockfall import Dataset, RockfallError, Split, UsageError
from rockfall.kit.splits import hold_out

Validation = Annotated[
    int, Field(ge=1, description="size of the validation split, held out of the training pictures")
]


def with_validation(
    name: str,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    classes: tuple[str, ...],
    *,
    validation: int,
    seed: int,
    preparation: Literal["pad", "ink"] = "pad",
) -> Dataset:
    """Labelled pictures: the official test split, and `validation` pictures of the training set.

    train, test: uint8 pictures (N, C, H, W) and labels (N,). preparation: as `Dataset` takes it.
    Raises UsageError if no training picture would be left.
    """
    inputs, labels = train
    most = len(labels) - 1
    if validation > most:
        raise UsageError(
            f"{name}: validation={validation:,} leaves no training pictures; {most:,} is the most"
        )
    kept, held = hold_out(len(labels), validation / len(labels), seed)
    splits = {
        "train": Split(inputs[kept], labels[kept].long()),
        "validation": Split(inputs[held], labels[held].long()),
        "test": Split(test[0], test[1].long()),
    }
    return Dataset(
        name,
        splits,
        kinds=("pictures", "labelled-pictures"),
        classes=classes,
        preparation=preparation,
    )


def check_labels(labels: np.ndarray[Any, Any], classes: int, file: Path) -> None:
    """Raise RockfallError, naming the file and the record, for a label out of range."""
    invalid = np.flatnonzero(labels >= classes)
    if len(invalid):
        raise RockfallError(
            f"{file}: record {invalid[0]} has the label {labels[invalid[0]]}, "
            f"but labels of {classes} classes are 0 … {classes - 1}"
        )
