"""Who follows a run: listeners, which hear every event, and plugins, through the lifecycle hooks.

They are called under a forked generator, and one that raises is reported and left out from then
on. Listeners get copies; a hook gets the run itself, which it is meant to read.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence
from typing import Any

from rockfall.kit.console import say
from rockfall.kit.randomness import isolated
from rockfall.registry import registry
from rockfall.run.events import Event, Kind, Listener
from rockfall.run.logged import NOT_METRICS


class Observers:
    """The listeners and plugins of one run."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = list(listeners)
        self._following: dict[str, list[tuple[str, Any]]] = {}

    def emit(self, kind: Kind, **data: Any) -> None:
        """Tell every listener."""
        with isolated():
            for listener in list(self._listeners):
                try:
                    listener(Event(kind, copy.deepcopy(data)))
                except (Exception, SystemExit) as error:
                    self._listeners.remove(listener)
                    name = getattr(listener, "__qualname__", type(listener).__qualname__)
                    self._report(f"listener {name}", error)

    def started(self, run: Any) -> None:
        with isolated():
            self._call("rockfall_run_started", run=run)

    def logged(self, run: Any, lines: list[dict[str, Any]]) -> None:
        """Hand on the lines of one flush; the generators are forked once for all of them."""
        if not self._followers("rockfall_run_logged"):
            return
        with isolated():
            for line in lines:
                metrics = {name: v for name, v in line.items() if name not in NOT_METRICS}
                self._call(
                    "rockfall_run_logged",
                    run=run,
                    step=line.get("environment_steps", line["step"]),
                    metrics=metrics,
                )

    def finished(self, run: Any, result: dict[str, Any] | None) -> None:
        with isolated():
            self._call("rockfall_run_finished", run=run, result=copy.deepcopy(result))

    def _followers(self, hook: str) -> list[tuple[str, Any]]:
        """The plugins that implement a hook; found once, for metrics are many."""
        if hook not in self._following:
            self._following[hook] = registry().follow(hook)
        return self._following[hook]

    def _call(self, hook: str, **arguments: Any) -> None:
        """Call a hook of every plugin."""
        followers = self._followers(hook)
        for plugin, call in list(followers):
            try:
                call(**arguments)
            except (Exception, SystemExit) as error:
                followers.remove((plugin, call))
                self._report(f"plugin {plugin}", error)

    def _report(self, who: str, error: BaseException) -> None:
        """As a warning to those who still listen, and if nobody does, on standard error."""
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        message = f"{who} failed and is left out: {reason}"
        if self._listeners:
            self.emit("warning", message=message)
        else:
            with contextlib.suppress(OSError):  # its terminal was closed
                say(f"warning: {message}", err=True)
