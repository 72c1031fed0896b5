"""Reading, tiling and writing pictures and GIFs, without a display. Tensors are (C, H, W) uint8."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rockfall.kit.files import atomic
from rockfall.kit.icc import srgb
from rockfall.kit.palettes import COLOURS, in_palette, palette_of
from rockfall.kit.picture_files import (
    Decoded,
    decode,
    digest,
    is_picture,
    on_white,
    quietly,
    read,
    sides,
)
from rockfall.kit.spool import Spool

__all__ = [
    "SUFFIXES",
    "Decoded",
    "decode",
    "digest",
    "grid",
    "is_picture",
    "load",
    "load_with_alpha",
    "on_white",
    "quietly",
    "read",
    "save",
    "save_gif",
    "sides",
    "to_image",
    "with_alpha",
    "write",
]

PNG: dict[str, Any] = {"format": "PNG"}
JPEG: dict[str, Any] = {"format": "JPEG", "quality": 95, "subsampling": 0}
TIFF: dict[str, Any] = {"format": "TIFF", "compression": "tiff_adobe_deflate"}
WRITTEN: dict[str, dict[str, Any]] = {
    ".png": PNG,
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".webp": {"format": "WEBP", "quality": 95},
    ".tif": TIFF,
    ".tiff": TIFF,
}
"""How a file is written, by the end of its name."""
SUFFIXES = tuple(WRITTEN)
"""Of the files that `save` writes."""

CLEAR = COLOURS - 1
"""The number of the colour that stands for none, in a GIF that is transparent in places."""


def load(path: Path) -> Tensor:
    """A picture file as (3, H, W) uint8, upright, transparency on white.

    Of several frames, the first. Raises UsageError for a file that is not a picture, is cut short,
    has over 64 Mpixel, or values of no known range.
    """
    with quietly():
        pixels = np.asarray(on_white(decode(path).image))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous()


def load_with_alpha(path: Path) -> Tensor:
    """As `load`, but of a picture that is transparent somewhere (4, H, W): alpha comes last."""
    with quietly():
        return with_alpha(decode(path).image)


def with_alpha(image: Image.Image) -> Tensor:
    """An image that `decode` gave: (3, H, W) uint8, or (4, H, W) if it is transparent somewhere;
    transparency on white.
    """
    pixels = np.asarray(on_white(image))
    if image.mode == "RGBA":
        pixels = np.concatenate((pixels, np.asarray(image)[..., 3:]), -1)
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous()


def to_image(picture: Tensor) -> Image.Image:
    """(C, H, W) uint8, C 1, 3 or 4, the last of them alpha, as a Pillow image."""
    array = picture.detach().cpu().numpy()
    return Image.fromarray(array[0] if len(array) == 1 else np.moveaxis(array, 0, -1))


def grid(pictures: Tensor, columns: int = 0, gap: int = 1, enlarge: int = 0) -> Tensor:
    """Tile (N, C, H, W) uint8 pictures into one, row by row.

    columns: 0 makes it about square. enlarge: whole factor; 0 brings tiny pictures to about
    40 pixels, so that they can be seen.
    """
    count, channels, height, width = pictures.shape
    factor = enlarge or max(1, 40 // max(height, width))
    columns = columns or max(1, round(count**0.5))
    rows = -(-count // columns)
    large = pictures.repeat_interleave(factor, 2).repeat_interleave(factor, 3).cpu()
    height, width = height * factor, width * factor
    sheet = torch.full(
        (channels, rows * (height + gap) + gap, columns * (width + gap) + gap),
        128,
        dtype=torch.uint8,
    )
    for index, picture in enumerate(large):
        top = gap + index // columns * (height + gap)
        left = gap + index % columns * (width + gap)
        sheet[:, top : top + height, left : left + width] = picture
    return sheet


def save(path: Path, picture: Tensor | Image.Image) -> Path:
    """Write a JPEG, WebP or TIFF if the path ends so, and else a PNG, whole or not at all; in
    colours it says that they are sRGB's.

    picture: (C, H, W) uint8, C 1, 3 or 4, the last of them alpha; a JPEG has it on white.
    """
    image = to_image(picture) if isinstance(picture, Tensor) else picture
    how = WRITTEN.get(path.suffix.lower(), PNG)
    if how is JPEG and image.mode == "RGBA":
        image = on_white(image)
    with atomic(path) as file:
        image.save(file, **how, **_profile(image))
    return path


def write(to: Path | IO[bytes], picture: Tensor) -> None:
    """As `save`, or as a PNG to a file that is open, such as standard output."""
    if isinstance(to, Path):
        save(to, picture)
    else:
        image = to_image(picture)
        image.save(to, **PNG, **_profile(image))


def _profile(image: Image.Image) -> dict[str, Any]:
    """What tells a file's reader which colours are meant; greys are the same in all."""
    return {"icc_profile": srgb()} if image.mode in ("RGB", "RGBA") else {}


def save_gif(
    path: Path, frames: Iterable[np.ndarray], fps: float, durations: Sequence[int] = ()
) -> Path:
    """Write (H, W, 3) or (H, W, 4) uint8 frames as an endless GIF, whole or not at all.

    All share one palette, of all of them, in which they are dithered so that what does not move
    does not flicker. Of a fourth channel, what is below the middle is transparent.

    durations: milliseconds for which each is seen, in place of 1000 / fps; it may be filled as the
        frames come.
    """
    with contextlib.closing(Spool(frames)) as spool, atomic(path) as file:
        opaque = all(frame.shape[-1] == 3 for frame in spool)
        colours = palette_of((frame[..., :3] for frame in spool), COLOURS if opaque else CLEAR)
        images = (_indexed(frame, colours) for frame in spool)
        clear: dict[str, Any] = {} if opaque else {"transparency": CLEAR, "disposal": 2}
        next(images).save(
            file,
            format="GIF",
            save_all=True,
            append_images=images,
            duration=list(durations) if durations else round(1000 / fps),
            loop=0,
            optimize=opaque,
            **clear,
        )
    return path


def _indexed(frame: np.ndarray, colours: np.ndarray) -> Image.Image:
    """A frame (H, W, 3 or 4) in colours (N, 3) uint8, and where it is transparent in number N."""
    places = in_palette(frame[..., :3], colours)
    if frame.shape[-1] == 4:
        places = np.where(frame[..., 3] < 128, CLEAR, places)
    image = Image.fromarray(places.astype(np.uint8))
    image.putpalette(colours.tobytes())
    return image
