"""Pictures that came from the page: read by the reader that all of Rockfall reads files by."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rockfall import UsageError

if TYPE_CHECKING:
    from rockfall.kit.pictures import Decoded

CALLED = "this picture"
"""What an error calls it, which says the name of the file elsewhere."""


def read_picture(content: bytes) -> Decoded:
    """What came with a request, as `rockfall.kit.pictures.decode` reads a file. Raises UsageError
    as that does, and if nothing came.
    """
    from rockfall.kit.pictures import decode

    if not content:
        raise UsageError("no picture came with it")
    with tempfile.TemporaryDirectory(prefix="rockfall-studio-") as folder:
        file = Path(folder, "picture")
        file.write_bytes(content)
        try:
            return decode(file)
        except UsageError as error:
            raise UsageError(str(error).replace(str(file), CALLED)) from None
