"""How people see it: terminal, notebook, or JSON lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rockfall.run.events import Listener


def default_listener() -> Listener:
    """Progress for where this process runs: a notebook, a terminal, or a pipe."""
    if "ipykernel" in sys.modules:
        from rockfall.progress.notebook import NotebookListener

        return NotebookListener()
    from rockfall.progress.terminal import TerminalListener

    return TerminalListener()
