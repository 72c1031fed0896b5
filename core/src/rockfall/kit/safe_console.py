"""Rich's console for text that others wrote: none of it acts on the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from rockfall.kit.escaping import printable


class SafeConsole(Console):
    """Escapes what it prints where it is text, and lets through only the codes of Rich's own."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Text from a string: escaped first, so that it is measured as it will be printed."""
        return super().render_str(printable(text), **how)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Whatever else is printed, such as a `Text`."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)
