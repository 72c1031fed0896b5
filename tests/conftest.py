"""What every test relies on, however the tests were started."""

from __future__ import annotations

import os
import signal
import tempfile

# A shell that starts a command in the background has it ignore Ctrl-C, and its children too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Nothing that a test trains is noted beside what the user has trained.
_state = tempfile.TemporaryDirectory()
os.environ["ROCKFALL_STATE"] = _state.name
