"""The hooks that a plugin may implement: one to register, three to follow a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec

import pluggy

from rockfall.specs import (
    CapabilitySpec,
    CommandSpec,
    DatasetSpec,
    EnvironmentSpec,
    FolderSpec,
    ModelSpec,
    OpenerSpec,
    PictureSpec,
    Spec,
)

API = 1
"""The plugin interface that this core speaks; a plugin module says `rockfall_api = 1`."""

hookspec = pluggy.HookspecMarker("rockfall")
hookimpl = pluggy.HookimplMarker("rockfall")

P = ParamSpec("P")


def _adds(spec: Callable[P, Spec]) -> Callable[Concatenate[Register, P], None]:
    def add(self: Register, /, *args: P.args, **fields: P.kwargs) -> None:
        self.specs.append(spec(*args, **fields))

    return add


class Register:
    """Collects what one plugin registers; each method takes its spec's fields by name."""

    def __init__(self) -> None:
        self.specs: list[Spec] = []

    model = _adds(ModelSpec)
    dataset = _adds(DatasetSpec)
    picture = _adds(PictureSpec)
    environment = _adds(EnvironmentSpec)
    capability = _adds(CapabilitySpec)
    command = _adds(CommandSpec)
    source_opener = _adds(OpenerSpec)
    folder = _adds(FolderSpec)


class Hooks:
    """Hook specifications. An implementation may leave out arguments that it does not need.

    run: the `rockfall.Run`.
    """

    @hookspec
    def rockfall_register(self, register: Register) -> None:
        """Register models, sources, capabilities, commands, openers and folders."""

    @hookspec
    def rockfall_run_started(self, run: Any) -> None:
        """A run is about to begin or to go on."""

    @hookspec
    def rockfall_run_logged(self, run: Any, step: int, metrics: Mapping[str, float]) -> None:
        """Metrics were logged at `step`, of its environment where an agent learns. Called in bulk,
        in order, some time after the step.
        """

    @hookspec
    def rockfall_run_finished(self, run: Any, result: Mapping[str, object] | None) -> None:
        """The run ended; `result` is None when it was interrupted or failed."""
