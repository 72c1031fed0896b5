"""What happens in a run, as a stream that the terminal, a notebook and `--json` all read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "started",
    "progress",
    "picture",
    "checkpoint",
    "warning",
    "evaluating",
    "finished",
    "interrupted",
    "failed",
]


@dataclass(frozen=True)
class Event:
    """`data` is plain and JSON-able; which keys it has goes by `kind`:

    started: run, model, source, device, resumed (step or None)
    progress: fraction, step, environment_steps (0 for none), label, seconds, metrics (the latest)
    picture, checkpoint: path
    warning: message
    evaluating: what
    finished: run, address (what to type for it), model, kinds (of its source), seconds, result,
        pictures (of the model)
    interrupted, failed: run, step, message
    """

    kind: Kind
    data: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]
