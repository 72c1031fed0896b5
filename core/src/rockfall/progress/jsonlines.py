"""Progress for programs: each event as one line of JSON on standard output."""

from __future__ import annotations

import json

from rockfall.kit.console import say
from rockfall.run.events import Event


def print_event(event: Event) -> None:
    """Write `{"event": kind, …}`."""
    say(json.dumps({"event": event.kind, **event.data}))
