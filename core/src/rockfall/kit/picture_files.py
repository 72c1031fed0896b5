"""Reading picture files of every kind, by what is in them; the door to it is `pictures`."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError, features

from rockfall.errors import UsageError
from rockfall.kit.digests import BYTES
from rockfall.kit.icc import to_srgb
from rockfall.kit.regular import open_regular

MAX_PIXELS = 64_000_000
"""Larger files are refused before they are unpacked: a small file can hold a huge picture."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM") + (
    ("AVIF",) if features.check("avif") else ()
)
"""What is read, whatever the file is called. Pillow knows more, and runs programs for some."""
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""Of HEIC, which telephones write, and Pillow reads with pillow-heif alone."""

BITS, SAMPLE_FORMAT, SUBFILE, DNG = 258, 339, 254, 50706
"""Tags of TIFF: bits a value, what kind of number it is, whether it is a reduced copy of another
picture in the file, and the version of a raw photograph.
"""
UNSIGNED = 1
WHITES = (2**8 - 1, 2**16 - 1, 2**32 - 1)
"""Levels that are white in integers of 8, 16 and 32 bits, which are kept in 32 at times."""


class Decoded(NamedTuple):
    """A picture file's content: an upright image in sRGB, RGB, or RGBA if it is transparent in
    places; and what is to be said of how it was read, such as that it is the first of 12 frames.
    """

    image: Image.Image
    notes: tuple[str, ...] = ()


def decode(path: Path) -> Decoded:
    """A picture file, whatever its name is; for several threads inside one `quietly`.

    Of several frames, the first. Colours are brought from the file's profile to sRGB. Raises
    UsageError for a file that is not a picture, is cut short, has over 64 Mpixel, or values of no
    known range.
    """
    with opened(path) as image:
        notes = [*_frames(image)]
        if image.mode in ("I", "F"):
            levels, note = _levels(image)
            notes += note
        else:
            levels = image
        upright = ImageOps.exif_transpose(levels)
        if upright.mode.startswith("I;16"):  # Pillow's own conversion clips
            scaled = np.asarray(upright, np.float64) / 257
            upright = _like(upright, scaled.round().astype(np.uint8))
        coloured = to_srgb(upright)
        if coloured.has_transparency_data:
            rgba = coloured.convert("RGBA")
            if rgba.getchannel("A").getextrema() != (255, 255):
                return Decoded(rgba, tuple(notes))
        return Decoded(coloured.convert("RGB"), tuple(notes))


def on_white(image: Image.Image) -> Image.Image:
    """An image as RGB, where it is transparent on white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def read(path: Path) -> Image.Image:
    """As `decode`, but an RGB image, transparency on white."""
    return on_white(decode(path).image)


def sides(path: Path) -> tuple[int, int]:
    """(height, width) of a picture file, upright, from its header alone; refuses as `load` does."""
    with opened(path) as image:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) in range(5, 9)
        return (image.width, image.height) if turned else (image.height, image.width)


def is_picture(path: Path) -> bool:
    """Whether a file begins as a picture does, whatever it is called, and even if it can't be
    read here.
    """
    with contextlib.suppress(OSError), open_regular(path, links=True) as file:
        if _is_heif(file.read(12)):
            return True
        file.seek(0)
        try:
            Image.open(file, formats=FORMATS).close()
        except Image.DecompressionBombError:
            return True
        except Exception:  # Pillow raises nearly anything for what is none
            return False
        return True
    return False


def digest(image: Image.Image) -> int:
    """48 bits of a digest of an image's size and pixels: the same for the same picture, in whatever
    file of whatever name.
    """
    content = hashlib.sha256(f"{image.mode} {image.width} {image.height} ".encode())
    content.update(image.tobytes())
    return int.from_bytes(content.digest()[:BYTES], "big")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Inside, Pillow's warnings are not shown: what matters is refused. Not for threads to enter
    at once, as Python's list of filters is one for all of them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """A picture file whose pixels are not unpacked yet; whatever fails inside is a UsageError."""
    start = b""
    try:
        with open_regular(path, links=True) as file:
            start = file.read(12)
            file.seek(0)
            formats = [*FORMATS, "HEIF"] if _is_heif(start) and _reads_heif() else FORMATS
            with Image.open(file, formats=formats) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                _refuse_raw(image)
                yield image
    except Image.DecompressionBombError:  # Pillow's own, too, which names another limit
        raise UsageError(f"{path} is larger than 64 million pixels") from None
    except UnidentifiedImageError:
        raise UsageError(f"{path} can't be read as a picture: {_unknown(start)}") from None
    except Exception as error:  # Pillow raises nearly anything for a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{path} can't be read as a picture: {reason}") from None


def _unknown(start: bytes) -> str:
    """Why a file that begins so is not read."""
    if _is_heif(start):
        return "it is HEIC: `pip install pillow-heif`, or save it as JPEG"
    if start.startswith((b"II*\0", b"MM\0*")):
        return "it is a TIFF of a kind that is not read, or damaged: save it with 8 bits"
    return f"its content is none of {', '.join(FORMATS)}"


def _is_heif(start: bytes) -> bool:
    return start[4:8] == b"ftyp" and start[8:12] in HEIF_BRANDS


@functools.cache
def _reads_heif() -> bool:
    """Whether Pillow has been taught to, by a package that is no dependency of ours."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except (ImportError, AttributeError):
        return False
    return True


def _refuse_raw(image: Image.Image) -> None:
    """Raise ValueError for a raw photograph, of which TIFF's reader finds the thumbnail."""
    tags: Any = getattr(image, "tag_v2", {})
    if DNG in tags or tags.get(SUBFILE, 0) & 1:
        raise ValueError("it is a raw photograph: develop it, and save it as JPEG")


def _frames(image: Image.Image) -> Iterator[str]:
    if image.format == "MPO":  # a photograph, and what the camera knows of it
        return
    try:
        count: int = getattr(image, "n_frames", 1)
    except Exception:  # a later frame is damaged, and the first may be whole
        image.seek(0)
        yield "the first of several frames"
    else:
        if count > 1:
            yield f"the first of {count} {'pages' if image.format == 'TIFF' else 'frames'}"


def _levels(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """An image of 32-bit numbers in 8 bits, and in words what was taken for white.

    Fractions go from 0 to 1. Integers are as if of 8, 16 or 32 bits, the fewest that hold them all.
    Raises ValueError for others.
    """
    values = np.asarray(image)
    tags: Any = getattr(image, "tag_v2", {})
    if image.mode == "I" and not tags:  # PGM, whose range Pillow brings to 16 bits
        return _like(image, (values / 257).round().clip(0, 255).astype(np.uint8)), []
    if image.mode == "I" and tags.get(SAMPLE_FORMAT, (UNSIGNED,))[0] == UNSIGNED:
        values = values.view(np.uint32)
    if not np.isfinite(values).all() or values.min() < 0:
        raise ValueError("some of its values are below 0, or no numbers: save it with 8 bits")
    most = float(values.max())
    if image.mode == "F" and most <= 1:
        white = 1
    elif image.mode == "F" and (values % 1).any():
        raise ValueError("its values are fractions of no known range; save it with 8 bits")
    else:
        white = next((white for white in WHITES if most <= white), 0)
    if not white:
        raise ValueError("its values are of no known range; save it with 8 bits")
    scaled = values.astype(np.float64) * (255 / white)
    return _like(image, scaled.round().astype(np.uint8)), [f"white at {white:,}"]


def _like(image: Image.Image, levels: np.ndarray) -> Image.Image:
    """Grey levels (H, W) as an image that has the profile and the orientation of another."""
    made = Image.fromarray(levels)
    made.info = {key: value for key, value in image.info.items() if key != "transparency"}
    made.getexif()[ExifTags.Base.Orientation] = image.getexif().get(ExifTags.Base.Orientation, 1)
    return made
