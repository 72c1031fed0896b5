"""Reading animated GIF, WebP, PNG and AVIF, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import ImageOps

from rockfall.kit.icc import to_srgb
from rockfall.kit.picture_files import opened, quietly

__all__ = ["frame_count", "frames"]

ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
"""Formats whose frames are a film; a TIFF's are pages, and those of a camera's MPO views."""


def frame_count(path: Path) -> int:
    """The frames of a picture file, 1 of most. Raises UsageError for what is no picture."""
    with quietly(), opened(path) as image:
        return getattr(image, "n_frames", 1) if image.format in ANIMATED else 1


def frames(path: Path) -> Iterator[tuple[np.ndarray, float]]:
    """Each frame of a file as it comes, upright and in sRGB: (H, W, 3) uint8, or with alpha
    (H, W, 4) if any of them is transparent somewhere; and the seconds for which it is seen, 0 if it
    does not say. Raises UsageError for what can't be read.
    """
    clear = any(bool((rgba[..., 3] < 255).any()) for rgba, _ in _frames(path))
    for rgba, seconds in _frames(path):
        yield (rgba if clear else rgba[..., :3]), seconds


def _frames(path: Path) -> Iterator[tuple[np.ndarray, float]]:
    with opened(path) as image:
        for place in range(getattr(image, "n_frames", 1)):
            with quietly():
                image.seek(place)
                rgba = to_srgb(ImageOps.exif_transpose(image)).convert("RGBA")
            yield np.asarray(rgba), float(image.info.get("duration", 0)) / 1000
