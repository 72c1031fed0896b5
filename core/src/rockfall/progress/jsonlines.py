"""Progress for programs: each event as one line of JSON on standard output."""

from __future__ import annotations

import json
import sys

from rockfall.run.events import Event


def print_event(event: Event) -> None:
    """Write `{"event": kind, …}`."""
    sys.stdout.write(json.dumps({"event": event.kind, **event.data}) + "\n")
    sys.stdout.flush()
