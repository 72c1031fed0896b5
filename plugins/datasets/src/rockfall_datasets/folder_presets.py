"""Which preset suits a folder: a few of its pictures tell whether it holds photographs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from rockfall.kit import pictures
from rockfall_datasets.folder_layout import find_pictures
from rockfall_datasets.folder_reading import MAX_OWN_SIZE

PHOTOGRAPHS = "photographs"
LOOKED_AT = 7
"""Pictures that are read, at even distances; a large one takes a tenth of a second."""
COLOURED = 8.0
"""By how much, of 255, the channels of photographs differ on average, at the least."""


def preset_for(text: str) -> str:
    """`photographs` for the path of a folder most of whose pictures are in colour, and larger than
    those that keep their own size; else empty.

    Drawings, digits and scans are grey or hardly coloured, and what leaves a photograph what it is,
    such as to mirror it, may make another digit of one. Raises UsageError for a folder of which no
    dataset can be made, and for a picture that can't be read.
    """
    if not os.path.isdir(os.path.expanduser(text)):  # unlike Path's, False for what can be no path
        return ""
    found = find_pictures(Path(os.path.expanduser(text))).files["train"]
    files = [file for by_class in found.values() for file in by_class]
    some = [files[len(files) * n // LOOKED_AT] for n in range(min(LOOKED_AT, len(files)))]
    like = sum(_is_photograph(file) for file in dict.fromkeys(some))
    return PHOTOGRAPHS if 2 * like > len(dict.fromkeys(some)) else ""


def _is_photograph(file: Path) -> bool:
    with pictures.quietly():
        image = pictures.on_white(pictures.decode(file).image).convert("RGB")
    if max(image.size) <= MAX_OWN_SIZE:
        return False
    image.thumbnail((MAX_OWN_SIZE, MAX_OWN_SIZE))
    channels = np.asarray(image, np.int16)
    return float((channels.max(2) - channels.min(2)).mean()) >= COLOURED
