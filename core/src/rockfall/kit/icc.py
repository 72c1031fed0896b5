"""Colours as a file's ICC profile means them, brought to sRGB, which everything here is in."""

from __future__ import annotations

import functools
import io
import itertools

import numpy as np
from PIL import Image, ImageCms

SLACK = 2
"""Levels by which a profile may move any colour and still be sRGB itself, as most are: then pixels
stay as they are, for conversion would but round them.
"""
PROBED = (0, 4, 8, 12, 24, *range(51, 256, 51))
"""Levels of each channel: dark ones close together, which move most where another is bright."""
BLACK_POINT = ImageCms.Flags.BLACKPOINTCOMPENSATION
FLAGS = BLACK_POINT | ImageCms.Flags.NOCACHE
"""Without a cache of its own a conversion may be shared by threads."""
MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}
"""Of an image, by the colour space of its profile."""
PLAIN = {"1": "L", "LA": "L", "La": "L", "RGBA": "RGB", "RGBa": "RGB", "RGBX": "RGB"}
"""Modes without what is no colour."""
DATED = slice(24, 36)
"""The bytes of a profile that say when it was made."""


def to_srgb(image: Image.Image) -> Image.Image:
    """An image of 8 bits as it is, or if it has another profile than sRGB, in RGB or RGBA.

    A profile that is damaged, or of colours that the image has not, is passed over, as browsers do.
    """
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    unpacked = image.convert("RGBA" if alpha else "RGB") if image.mode in ("P", "PA") else image
    plain = unpacked.convert(PLAIN.get(unpacked.mode, unpacked.mode))
    conversion = _conversion(profile, plain.mode)
    if conversion is None:
        return image
    converted = ImageCms.applyTransform(plain, conversion)
    if converted is None:
        return image
    if plain.mode == "L":  # rounding may give a grey a tinge
        converted = converted.convert("L").convert("RGB")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


@functools.lru_cache(maxsize=16)
def _conversion(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile's colours, in an image of this mode, to sRGB; None where there is nothing to
    do, or it can't be done.
    """
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if MODES.get(given.profile.xcolor_space) != mode:
            return None
        conversion = ImageCms.buildTransform(
            given,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            FLAGS,
        )
        return None if mode in ("RGB", "L") and _moves_nothing(conversion, mode) else conversion
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _moves_nothing(conversion: ImageCms.ImageCmsTransform, mode: str) -> bool:
    levels = np.array(list(itertools.product(PROBED, repeat=3)), np.uint8)[None]
    probe = Image.fromarray(levels) if mode == "RGB" else Image.fromarray(levels[..., 0])
    moved = ImageCms.applyTransform(probe, conversion)
    expected = np.asarray(probe.convert("RGB"), np.int16)
    return int(np.abs(np.asarray(moved, np.int16) - expected).max()) <= SLACK


@functools.cache
def srgb() -> bytes:
    """The profile for files that are written; the same bytes every time."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[DATED] = bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))  # the first of January 2000
    return bytes(profile)
