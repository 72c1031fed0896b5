"""A picture to learn from, as `rockfall show` tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rockfall.kit import pictures
from rockfall.pages.source_page import SourcePage
from rockfall.sources.picture import Picture


class PicturePage(SourcePage):
    """What a picture is, as it was opened."""

    def __init__(self, name: str, picture: Picture, asked: Sequence[str] = ()) -> None:
        super().__init__(name, picture.info, asked)
        self.picture = picture

    def told(self) -> list[str]:
        _, height, width = self.info.shape
        return [f"{width} × {height} pixels"]

    def draw(self, out: Path | None) -> Path | None:
        """Write it as it is learned from; of a file, which can be seen already, only if asked."""
        if out is None and self.spec is None:
            return None
        return pictures.save(out or Path(f"{self.info.name}.png"), self.picture.pixels)
