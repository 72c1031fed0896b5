"""Who follows a run: listeners, which hear every event, and plugins, through the lifecycle hooks.

Nothing that they draw or raise changes the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rockfall.registry import registry
from rockfall.run.events import Event, Kind, Listener
from rockfall.run.randomness import forked

if TYPE_CHECKING:
    from rockfall.run.run import Run

NOT_METRICS = ("step", "seconds", "epoch")
"""What a logged line says of itself beside its metrics."""


class Audience:
    """The listeners and plugins of one run."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = list(listeners)
        self._following: dict[str, list[tuple[str, Any]]] = {}

    def emit(self, kind: Kind, **data: Any) -> None:
        """Tell every listener."""
        event = Event(kind, data)
        for listener in self._listeners:
            listener(event)

    def started(self, run: Run) -> None:
        with forked():
            self._call("rockfall_run_started", run=run)

    def logged(self, run: Run, lines: list[dict[str, Any]]) -> None:
        """Hand on the lines of one flush; the generators are forked once for all of them."""
        if not self._followers("rockfall_run_logged"):
            return
        with forked():
            for line in lines:
                metrics = {name: v for name, v in line.items() if name not in NOT_METRICS}
                self._call("rockfall_run_logged", run=run, step=line["step"], metrics=metrics)

    def finished(self, run: Run, result: dict[str, Any] | None) -> None:
        with forked():
            self._call("rockfall_run_finished", run=run, result=result)

    def _followers(self, hook: str) -> list[tuple[str, Any]]:
        """The plugins that implement a hook; found once, for metrics are many."""
        if hook not in self._following:
            self._following[hook] = registry().follow(hook)
        return self._following[hook]

    def _call(self, hook: str, **arguments: Any) -> None:
        """Call a hook of every plugin; where it raises, it is reported and not called again."""
        followers = self._followers(hook)
        for plugin, call in list(followers):
            try:
                call(**arguments)
            except (Exception, SystemExit) as error:
                followers.remove((plugin, call))
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                self.emit("warning", message=f"plugin {plugin} failed and is left out: {reason}")
