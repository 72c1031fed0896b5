"""What plugins keep among the runs that is no run: see `FolderSpec`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from rockfall.kit.folders import FolderPage
from rockfall.registry import registry
from rockfall.run.directory import runs_folder


def folder_page(name: str | Path) -> FolderPage | None:
    """The page of what lies there, if it is of a plugin; a name is one of the folder of runs."""
    path = Path(os.path.expanduser(name))
    for place in (path, runs_folder() / path):
        for entry in registry().folders:
            if os.path.isfile(place / entry.spec.marker):  # False for what can be no path
                page: FolderPage = entry.spec.load()(place)
                return page
    return None


def folder_pages(out: Path | None) -> Iterator[tuple[str, FolderPage]]:
    """The name and the page of each in a folder of runs."""
    for path in sorted((out or runs_folder()).glob("*/")):
        if page := folder_page(path.absolute()):
            yield path.name, page
