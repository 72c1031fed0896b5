"""Other sizes for pictures: one at a time with Pillow, or many of a size at once with torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from rockfall.kit.pictures import to_image
from rockfall.kit.progress import counted

__all__ = ["border", "edges", "framed", "resized", "within"]

MAX_SIZE = 512
"""Pixels a side. A dataset lies in memory; a thousand such pictures in colour take 0.8 GB."""
AT_ONCE = 1000
"""Pictures resized at a time: they are floats meanwhile."""


def within(picture: Tensor, side: int) -> Tensor:
    """(C, H, W) uint8, brought down to `side` pixels along the longer side if it has more."""
    *_, height, width = picture.shape
    longer = max(height, width)
    if longer <= side:
        return picture
    size = max(1, round(width * side / longer)), max(1, round(height * side / longer))
    small = np.asarray(to_image(picture).resize(size, Image.Resampling.LANCZOS))
    small = small[..., None] if small.ndim == 2 else small
    return torch.from_numpy(small.copy()).permute(2, 0, 1).contiguous().to(picture.device)


def edges(image: Image.Image) -> np.ndarray:
    """The outermost pixels, (N, channels)."""
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    return np.concatenate((pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))


def border(image: Image.Image) -> np.ndarray:
    """The median of the outermost pixels, a channel each."""
    return np.asarray(np.median(edges(image), axis=0))


def framed(
    image: Image.Image,
    size: tuple[int, int],
    colour: np.ndarray,
    share: tuple[float, float] = (1.0, 1.0),
) -> Image.Image:
    """The whole image, scaled to the middle of a page of `size` (width, height) and `colour`.

    share: of width and height, within which it stays.
    """
    width, height = size
    factor = min(share[0] * width / image.width, share[1] * height / image.height)
    inner = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    # The mean of the pixels that fall together adds no rings; a few pixels are drawn out softly.
    how = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    paper = tuple(int(level) for level in colour)
    page = Image.new(image.mode, (width, height), paper if len(paper) > 1 else paper[0])
    page.paste(image.resize(inner, how), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return page


def resized(pictures: Mapping[str, Tensor], size: int) -> dict[str, Tensor]:
    """Each split's pictures (N, C, H, W) uint8 → (N, C, size, size): bilinear, and antialiased
    where they shrink.

    One that is not square is kept whole, in the middle of a square of the median colour of its
    border. How many are done is shown if it takes long.
    """
    parts = [(key, part) for key, whole in pictures.items() for part in whole.split(AT_ONCE)]
    done: dict[str, list[Tensor]] = {key: [] for key in pictures}
    for key, part in counted(parts, len(parts), "resizing pictures, in thousands"):
        done[key].append(_scaled(_squared(part), size))
    return {key: torch.cat(found) for key, found in done.items()}


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
