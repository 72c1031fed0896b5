"""Progress in a notebook: one cell output that updates itself, without widgets."""

from __future__ import annotations

import html
from typing import Any

from rockfall.kit.escaping import printable
from rockfall.run.events import Event
from rockfall.summary import outcome_lines


class NotebookListener:
    """Shows a bar and the latest metrics through IPython's own display."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, event: Event) -> None:
        data = event.data
        if event.kind == "started":
            self._show(f"{data['model']} on {data['source']}, run {data['run']}", 0.0)
        elif event.kind == "progress":
            metrics = "  ".join(f"{k} {v:.4g}" for k, v in data["metrics"].items())
            self._show(f"step {data['step']}  {metrics}", data["fraction"])
        elif event.kind == "evaluating":
            self._show(f"measuring on {data['what']} …", 1.0)
        elif event.kind == "warning":
            from IPython.display import display  # type: ignore[import-not-found, unused-ignore]

            display({"text/plain": printable(f"warning: {data['message']}")}, raw=True)
        elif event.kind == "finished":
            self._show("\n".join(outcome_lines(data)), 1.0)

    def _show(self, text: str, fraction: float) -> None:
        from IPython.display import display

        text = printable(text)
        bundle = {
            "text/plain": text,
            "text/html": f'<progress value="{fraction:.3f}"></progress> '
            f'<span style="white-space: pre-wrap">{html.escape(text)}</span>',
        }
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
