"""Reading, tiling and writing pictures and GIFs, without a display. Tensors are (C, H, W) uint8."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from rockfall.errors import UsageError
from rockfall.kit.files import atomic
from rockfall.kit.regular import open_regular

__all__ = [
    "SUFFIXES",
    "grid",
    "load",
    "quietly",
    "read",
    "save",
    "save_gif",
    "sides",
    "to_image",
]

MAX_PIXELS = 64_000_000
"""Larger files are refused before they are unpacked: a small file can hold a huge picture."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""What is read, whatever the file is called. Pillow knows more, and runs programs for some."""

JPEG = (".jpg", ".jpeg")
SUFFIXES = (".png", *JPEG)
"""Of the files that `save` writes."""

PALETTE_FRAMES = 32


def load(path: Path) -> Tensor:
    """A picture file as (3, H, W) uint8, upright, transparency on white.

    Of several frames, the first. Raises UsageError for a file that is not a picture, is cut short,
    has over 64 Mpixel, or values of no known range.
    """
    with quietly():
        pixels = np.asarray(read(path))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous()


def read(path: Path) -> Image.Image:
    """As `load`, but an RGB image; for several threads inside one `quietly`."""
    with _opened(path) as image:
        if image.mode == "F":
            raise ValueError("its values are fractions of no known range; save it with 8 bits")
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):  # 16-bit greyscale: Pillow's own conversion clips
            scaled = np.asarray(upright, np.float64) / 257
            upright = Image.fromarray(scaled.round().clip(0, 255).astype(np.uint8))
        rgba = upright.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def sides(path: Path) -> tuple[int, int]:
    """(height, width) of a picture file, upright, from its header alone; refuses as `load` does."""
    with _opened(path) as image:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) in range(5, 9)
        return (image.width, image.height) if turned else (image.height, image.width)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Inside, Pillow's warnings are not shown: what matters is refused. Not for threads to enter
    at once, as Python's list of filters is one for all of them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A picture file whose pixels are not unpacked yet; whatever fails inside is a UsageError."""
    try:
        with open_regular(path, links=True) as file, Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            yield image
    except Image.DecompressionBombError:  # Pillow's own, too, which names another limit
        raise UsageError(f"{path} is larger than 64 million pixels") from None
    except UnidentifiedImageError:
        raise UsageError(
            f"{path} can't be read as a picture: its content is none of {', '.join(FORMATS)}"
        ) from None
    except Exception as error:  # Pillow raises nearly anything for a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{path} can't be read as a picture: {reason}") from None


def to_image(picture: Tensor) -> Image.Image:
    """(C, H, W) uint8, C 1 or 3, as a Pillow image."""
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
    """Write a JPEG if the path ends so, and else a PNG, whole or not at all."""
    image = to_image(picture) if isinstance(picture, Tensor) else picture
    with atomic(path) as file:
        if path.suffix.lower() in JPEG:
            image.save(file, format="JPEG", quality=95, subsampling=0)
        else:
            image.save(file, format="PNG")
    return path


def save_gif(
    path: Path, frames: Iterable[np.ndarray], fps: float, colours: np.ndarray | None = None
) -> Path:
    """Write (H, W, 3) uint8 frames as an endless GIF, whole or not at all, one as they come.

    All share one palette, so that nothing flickers: the commonest colours of one frame, or else of
    the first, and a coarse cube for what appears in others.

    colours: the frame that is to look best.
    """
    coming = iter(frames)
    first = [] if colours is not None else list(itertools.islice(coming, PALETTE_FRAMES))
    cube = [level for colour in itertools.product((0, 85, 170, 255), repeat=3) for level in colour]
    typical = colours if colours is not None else np.concatenate(first)
    common = Image.fromarray(typical).quantize(256 - len(cube) // 3)
    palette = Image.new("P", (1, 1))
    palette.putpalette((common.getpalette() or []) + cube)
    images = (
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in itertools.chain(first, coming)
    )
    with atomic(path) as file:
        next(images).save(
            file,
            format="GIF",
            save_all=True,
            append_images=images,
            duration=round(1000 / fps),
            loop=0,
            optimize=True,
        )
    return path
