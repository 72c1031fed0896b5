"""`check_picture`: what every registered picture has to be."""

from __future__ import annotations

import torch

from rockfall.registry import registry
from rockfall.sources.opening import open_source
from rockfall.sources.picture import LARGEST, Picture
from rockfall.testing.complaints import about, undisturbed
from rockfall.testing.describing import check_described, check_options


def check_picture(name: str) -> None:
    """Check one registered picture.

    Raises AssertionError unless: it is (3, H, W) uint8 and not all of one colour; it is what its
    spec says; it is the same each time it is opened; and it refuses an unknown option clearly.
    Raises Unavailable if it is not on this machine and can't be had.
    """
    entry = registry().pictures.find(name)
    with about(f"picture {entry.full_name}"), undisturbed():
        opened = _open(entry.full_name)
        pixels = opened.pixels
        assert pixels.dtype == torch.uint8, f"its pixels are {pixels.dtype}, not uint8"
        shape = tuple(pixels.shape)
        assert len(shape) == 3 and shape[0] == 3, f"it is {shape}, not (3, H, W)"
        assert max(shape) <= LARGEST, f"it has more than {LARGEST} pixels along a side"
        assert (pixels != pixels[:, :1, :1]).any(), "it is all of one colour"
        check_described(entry.spec, opened.info)
        assert entry.spec.licence, "its spec names no licence"
        assert entry.spec.reference, "its spec does not say where it comes from (reference)"
        again = _open(entry.full_name)
        assert torch.equal(again.pixels, pixels), "opened again, it is another"
        check_options(entry)


def _open(name: str) -> Picture:
    opened = open_source(name)
    assert isinstance(opened, Picture), f"opening it gives a {type(opened).__name__}"
    return opened
