"""What `rockfall show` tells of any source that there is something to see of."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rockfall.registry import registry
from rockfall.sources.info import SourceInfo


class SourcePage(ABC):
    """A source as it was opened."""

    def __init__(self, name: str, info: SourceInfo, asked: Sequence[str] = ()) -> None:
        """asked: the `source.key=value` words that it was opened with."""
        self.name, self.asked, self.info = name, asked, info
        entries = (catalogue.get(name) for catalogue in registry().sources)
        self.spec: Any = next((entry.spec for entry in entries if entry), None)

    def data(self) -> dict[str, Any]:
        known = ("summary", "licence", "reference")
        return {
            **self.info.to_json(),
            **{field: getattr(self.spec, field, "") for field in known},
        }

    def lines(self) -> list[str]:
        spec = self.spec
        lines = [f"{self.info.name}: {spec.summary}" if spec else self.info.name, *self.told()]
        if spec and spec.licence:
            lines.append(f"licence: {spec.licence}")
        if spec and spec.reference:
            lines.append(f"from: {spec.reference}")
        return lines

    @property
    def next(self) -> str:
        models = registry().models
        fitting = [
            models.shown_name(e) for e in models if set(e.spec.learns_from) & set(self.info.kinds)
        ]
        verb = f"train {fitting[0]}" if fitting else "info"
        return f"rockfall {verb} {shlex.join((self.name, *self.asked))}"

    @abstractmethod
    def told(self) -> list[str]:
        """Lines on what is in it."""

    @abstractmethod
    def draw(self, out: Path | None) -> Path | None:
        """Write a picture of it, by default where one is wanted; None for nothing to see."""
