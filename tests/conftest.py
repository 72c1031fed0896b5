"""What every test relies on, however the tests were started."""

from __future__ import annotations

import signal

# A shell that starts a command in the background has it ignore Ctrl-C, and its children too.
signal.signal(signal.SIGINT, signal.default_int_handler)
