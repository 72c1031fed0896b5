"""Made-up pictures for what is drawn of classifiers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from rockfall.sources.dataset import Dataset, Split


def pixels(image: Image.Image | Path) -> np.ndarray:
    if isinstance(image, Path):
        with Image.open(image) as opened:
            image = opened.convert("RGB")
    return np.asarray(image.convert("RGB")).astype(int)


def split(count: int, classes: int, shape: tuple[int, ...] = (1, 6, 6)) -> Split:
    generator = torch.Generator().manual_seed(count)
    inputs = torch.randint(256, (count, *shape), generator=generator, dtype=torch.uint8)
    return Split(inputs, torch.arange(count) % classes)


def dataset(classes: int = 3, shape: tuple[int, ...] = (1, 6, 6), test: int = 40) -> Dataset:
    splits = {
        "train": split(30, classes, shape),
        "validation": split(10, classes, shape),
        "test": split(test, classes, shape),
    }
    kinds = ("labelled-pictures", "pictures")
    return Dataset("made-up", splits, kinds=kinds, classes=tuple("abcdefghij"[:classes]))
