"""Published weights of fast style transfer: names, digests and addresses."""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from pathlib import Path

from rockfall.kit.downloads import Remote, data_folder, fetch

ADDRESS = (
    "https://raw.githubusercontent.com/reiinakano/fast-style-transfer-deeplearnjs/"
    "27d45e1f811a3a5a7b0a041cd9ad97b0b142f6b1/src/ckpts"
)
FOLDER = Path("weights", "fast-style")
MEGABYTES = 6.7
"""Of one style."""


@functools.cache
def digests() -> dict[str, list[str]]:
    """The SHA-256 digests of each published style's variables, in order."""
    text = files("rockfall_style").joinpath("published.json").read_text(encoding="utf-8")
    found: dict[str, list[str]] = json.loads(text)
    return found


def remotes(style: str) -> list[Remote]:
    """The files of a published style, one for each variable."""
    names = [f"Variable_{number}" if number else "Variable" for number in range(48)]
    return [
        Remote(name=name, urls=(f"{ADDRESS}/{style}/{name}",), digest=f"sha256:{digest}")
        for name, digest in zip(names, digests()[style], strict=True)
    ]


def style_folder(style: str) -> Path:
    """The folder of a published style for `manifest.read_style`, 6.7 MB to download the first time.

    A folder that already has a manifest is used as it is. Raises Unavailable if the download fails.
    """
    from rockfall_style.manifest import MANIFEST, write_manifest

    folder = data_folder() / FOLDER / style
    if not (folder / MANIFEST).exists():
        for remote in remotes(style):
            fetch(remote, folder)
        write_manifest(folder)  # last: a folder that has one is complete
    return folder
