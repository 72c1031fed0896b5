"""What a page of a folder of a plugin's has, by which `rockfall show` prints and draws it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

__all__ = ["FolderPage"]


@runtime_checkable
class FolderPage(Protocol):
    """What lies in a folder among the runs, as `rockfall show` and `rockfall runs` present it; a
    plugin registers the class by `register.folder`.
    """

    @property
    def warnings(self) -> Sequence[str]:
        """What was amiss while it was drawn."""

    @property
    def next(self) -> str:
        """What to type then."""

    def lines(self) -> list[str]:
        """What there is to say."""

    def draw(self, out: Path | None) -> Path | None:
        """Write its pictures, the main one to `out` if it is given; returns that one's path."""

    def picture_lines(self) -> list[str]:
        """Where the other pictures are."""

    def to_json(self) -> dict[str, Any]:
        """All of it, for programs."""

    def row(self) -> dict[str, Any]:
        """What `rockfall runs` says of it: `model`, `source`, `status`, and `figures`, numbers by
        name.
        """
