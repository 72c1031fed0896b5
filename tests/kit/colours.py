"""Colour profiles for tests, and what they mean, computed by hand."""

from __future__ import annotations

import struct

import numpy as np

from rockfall.kit.icc import srgb

P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
"""Columns: XYZ (D50) of the primaries of Display P3, as in Apple's profile."""
SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
"""Of sRGB, as in its profile of 1999."""


def profile(primaries: np.ndarray) -> bytes:
    """The profile of sRGB's curve with other primaries."""
    made = bytearray(srgb())
    (count,) = struct.unpack_from(">I", made, 128)
    for number in range(count):
        name, start, _ = struct.unpack_from(">4sII", made, 132 + 12 * number)
        if name in (b"rXYZ", b"gXYZ", b"bXYZ"):
            column = primaries[:, "rgb".index(chr(name[0]))]
            struct.pack_into(">3i", made, start + 8, *(round(65536 * each) for each in column))
    return bytes(made)


def in_srgb(pixels: np.ndarray, primaries: np.ndarray) -> np.ndarray:
    """Pixels (…, 3) uint8 of sRGB's curve and other primaries as levels of sRGB, 0 … 255."""
    share = pixels / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = (light @ primaries.T @ np.linalg.inv(SRGB).T).clip(0, 1)
    share = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    found: np.ndarray = 255 * share
    return found
