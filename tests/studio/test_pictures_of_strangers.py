"""What is uploaded as a picture: bounded in bytes and pixels, and read by one reader alone."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

import rockfall_studio
from rockfall import UsageError
from rockfall_studio.uploads import read_picture
from tests.studio.conftest import Asking

SOURCES = Path(rockfall_studio.__file__).parent


def png(width: int, height: int) -> bytes:
    """A black picture, which takes a thousandth of what it unfolds to."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


HOSTILE = {
    "a bomb": (png(20_000, 20_000), "larger than 64 million pixels"),
    "cut off": (png(100, 100)[:60], "can't be read as a picture"),
    "markup": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "none of PNG"),
    "a program": (b"%!PS-Adobe-3.0\n%%BoundingBox: 0 0 100 100\n", "none of PNG"),
    "nothing": (b"", "no picture"),
}


@pytest.mark.parametrize(("content", "said"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_picture_is_one_line(content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        read_picture(content)
    assert "\n" not in str(refused.value)
    assert "/tmp" not in str(refused.value)


@pytest.mark.long
@pytest.mark.parametrize("name", ["see.picture", "imagine.prepare"])
def test_every_upload_goes_that_way(looking: Callable[..., Asking], name: str) -> None:
    asking = looking("vae")
    for content, said in HOSTILE.values():
        with pytest.raises(UsageError, match=said):
            asking(name, content, run="vae")
    with pytest.raises(UsageError, match="larger than"):
        asking("style.keep", HOSTILE["a bomb"][0])


def test_nothing_else_of_the_studio_opens_a_picture() -> None:
    for path in SOURCES.rglob("*.py"):
        found = re.findall(r"Image\.open|imread|decode_image|pictures\.load", path.read_text())
        assert not found, path
