"""Pictures that came from the page: read by the reader that all of Rockfall reads files by."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rockfall import UsageError

if TYPE_CHECKING:
    from rockfall import SourceInfo
    from rockfall.kit.pictures import Decoded
    from rockfall.kit.preparation import Prepared

CALLED = "this picture"
"""What an error calls it, which says the name of the file elsewhere."""


def read_picture(content: bytes) -> Decoded:
    """What came with a request, as `rockfall.kit.pictures.decode` reads a file. Raises UsageError
    as that does, and if nothing came.
    """
    from rockfall.kit.pictures import decode

    with _as_file(content) as file:
        return decode(file)


def prepare_picture(content: bytes, info: SourceInfo) -> Prepared:
    """What came with a request as an input of the source that `info` describes, prepared as a file
    that `rockfall classify` is given. Raises as `read_picture` does.
    """
    from rockfall.kit.preparation import prepare_file

    with _as_file(content) as file:
        return prepare_file(file, info)


def prepare_drawing(grey: bytes, side: int, info: SourceInfo) -> Prepared:
    """As `prepare_picture`, of a drawing (side, side) in bytes of grey. Raises UsageError for
    another number of bytes.
    """
    from PIL import Image

    if len(grey) != side * side:
        raise UsageError(f"{len(grey):,} bytes are no drawing of {side} by {side}")
    file = io.BytesIO()
    Image.frombytes("L", (side, side), grey).save(file, "PNG", compress_level=1)
    return prepare_picture(file.getvalue(), info)


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[Path]:
    if not content:
        raise UsageError("no picture came with it")
    with tempfile.TemporaryDirectory(prefix="rockfall-studio-") as folder:
        file = Path(folder, "picture")
        file.write_bytes(content)
        try:
            yield file
        except UsageError as error:
            raise UsageError(str(error).replace(str(file), CALLED)) from None
