"""A terminal for a command in this process, with a person who waits for words and presses keys."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import sys
import termios
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from rockfall.cli import main
from rockfall.kit.console import console

Script = Iterable[tuple[str, str | signal.Signals]]
"""Text to wait for, and the keys to press then; or a signal to send, SIGINT being Ctrl-C."""


class Session:
    """What a command wrote, its exit code, and the terminal's settings before and after."""

    code: Any
    before: list[Any]
    after: list[Any]

    def __init__(self) -> None:
        self.written = ""

    def watch(self, master: int, script: Script) -> None:
        """Read until the command closes the terminal; the script's keys go in meanwhile."""
        waiting = list(script)
        seen = 0
        with contextlib.suppress(OSError):  # how Linux says that the other side is closed
            while data := os.read(master, 65536):
                self.written += data.decode(errors="replace")
                while waiting and (found := self.written.find(waiting[0][0], seen)) >= 0:
                    words, keys = waiting.pop(0)
                    seen = found + len(words)
                    if isinstance(keys, signal.Signals):
                        os.kill(os.getpid(), keys)
                    else:
                        os.write(master, keys.encode())


def in_terminal(folder: Path, *words: str, script: Script = (), **environment: str) -> Session:
    """Run `rockfall …` in `folder` on a terminal of 80 × 24."""
    session = Session()
    master, slave = pty.openpty()
    size = {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color"}
    watcher = threading.Thread(target=session.watch, args=(master, script))
    console.cache_clear()
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, {**size, **environment}),
        open(slave, "r+b", buffering=0) as raw,
        open(os.dup(slave), "w", encoding="utf-8") as out,
        mock.patch.object(sys, "stdin", raw),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", out),
    ):
        session.before = termios.tcgetattr(slave)
        watcher.start()
        with pytest.raises(SystemExit) as exit:
            main(list(words))
        session.after = termios.tcgetattr(slave)
    session.code = exit.value.code
    watcher.join(10)
    os.close(master)
    console.cache_clear()
    return session
