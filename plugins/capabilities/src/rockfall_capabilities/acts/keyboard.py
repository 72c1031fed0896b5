"""Single keys from the terminal, for a person who plays without a window."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
from types import FrameType, TracebackType
from typing import Self

from rockfall import UsageError

ARROWS = {"A": "w", "B": "s", "C": "d", "D": "a"}
"""The last byte of an arrow key's sequence, and the letter that it stands for."""
TOKEN = re.compile(r"\x1b[\[O][0-9;]*([A-Za-z~])|(.)", re.DOTALL)
QUIT = ("q", "\x1b", "\x04")


class Quit(Exception):
    """The person stops playing."""


class Keyboard:
    """While open, the terminal hands out keys as they are pressed and does not echo them.

    It is put back as it was when the block ends, however it ends. Ctrl-C works as always.
    """

    def __init__(self) -> None:
        """Raises UsageError where there is no terminal to read keys from."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError(
                "a person plays in a terminal, and this is none: "
                "`rockfall play random` needs no hands"
            )
        try:
            import termios
        except ImportError:
            raise UsageError("this system's terminal gives no single keys to play with") from None
        self._termios = termios
        self._file = sys.stdin.fileno()

    def __enter__(self) -> Self:
        import tty

        self._before = self._termios.tcgetattr(self._file)
        # To be terminated, too, has to pass by `__exit__`.
        self._handler = signal.signal(signal.SIGTERM, _terminate)
        tty.setcbreak(self._file)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Flushes too: keys pressed after the end are not meant for the shell.
        self._termios.tcsetattr(self._file, self._termios.TCSAFLUSH, self._before)
        signal.signal(signal.SIGTERM, self._handler)

    def pressed(self, seconds: float | None = 0.0) -> list[str]:
        """The keys pressed since last asked; waits so long for the first, or for ever.

        Raises Quit for q, Escape, Ctrl-D and a terminal that has gone.
        """
        keys: list[str] = []
        while select.select([self._file], [], [], 0.0 if keys else seconds)[0]:
            data = os.read(self._file, 1024).decode(errors="replace")
            if not data:
                raise Quit
            keys += _keys(data)
        if any(key in QUIT for key in keys):
            raise Quit
        return keys


def _terminate(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _keys(data: str) -> list[str]:
    """Letters as they are; an arrow as the letter in its place."""
    return [
        ARROWS.get(match[1], "") if match[1] else match[2].lower() for match in TOKEN.finditer(data)
    ]
