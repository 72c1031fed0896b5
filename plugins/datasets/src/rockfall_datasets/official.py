"""Datasets that are published with a training and a test set, and none for validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from torch import Tensor

from rockfall.errors import RockfallError, UsageError
from rockfall.sources.dataset import Dataset, Split, hold_out

Validation = Annotated[int, Field(ge=1, description="training pictures held out for validation")]


def with_validation(
    name: str,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    classes: tuple[str, ...],
    *,
    validation: int,
    seed: int,
) -> Dataset:
    """Labelled pictures: the official `test`, and `validation` pictures drawn from training.

    train, test: uint8 pictures (N, C, H, W) and labels (N,). Raises UsageError if so many can't be
    held out.
    """
    inputs, labels = train
    most = len(labels) - 1
    if validation > most:
        raise UsageError(f"{name}: validation={validation:,} leaves nothing: {most:,} at most")
    kept, held = hold_out(len(labels), validation / len(labels), seed)
    splits = {
        "train": Split(inputs[kept], labels[kept].long()),
        "validation": Split(inputs[held], labels[held].long()),
        "test": Split(test[0], test[1].long()),
    }
    return Dataset(name, splits, kinds=("pictures", "labelled-pictures"), classes=classes)


def check_labels(labels: np.ndarray[Any, Any], classes: int, file: Path) -> None:
    """Raise RockfallError, naming the file and the record, for a label that is no class's."""
    wrong = np.flatnonzero(labels >= classes)
    if len(wrong):
        raise RockfallError(
            f"{file}: record {wrong[0]} has the label {labels[wrong[0]]}, "
            f"and the {classes} classes are 0 … {classes - 1}"
        )
