"""A person at the keyboard, without a window: single keys from the terminal."""

from __future__ import annotations

import os
import re
import select
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rockfall.errors import UsageError

ARROWS = {"A": "w", "B": "s", "C": "d", "D": "a"}
"""The last byte of an arrow key's sequence, and the letter that it stands for."""
TOKEN = re.compile(r"\x1b[\[O][0-9;]*([A-Za-z~])|(.)", re.DOTALL)
QUIT = ("q", "\x1b", "\x04")


class Quit(Exception):
    """The person has had enough."""


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


def _keys(data: str) -> list[str]:
    """Letters as they are; an arrow as the letter in its place."""
    return [
        ARROWS.get(match[1], "") if match[1] else match[2].lower() for match in TOKEN.finditer(data)
    ]


class Controls:
    """Which key does what in a game.

    actions: key → action. idle: the action when no key is pressed; None goes on with the last.
    """

    def __init__(self, env: Any, count: int) -> None:
        """From the environment's own `get_keys_to_action`, as Gymnasium has it; without one, the
        digits choose among its `count` actions, and a and d where there are two.
        """
        self.idle: int | None = None
        if env.has_wrapper_attr("get_keys_to_action"):
            given = env.get_wrapper_attr("get_keys_to_action")()
            self.actions, self.idle = _single_keys(given), int(given.get((), 0))
        else:
            self.actions = {str(action): action for action in range(min(count, 10))}
            if count == 2:
                self.actions.update(a=0, d=1)
        self._last = self.idle or 0

    def choose(self, keys: list[str]) -> int:
        """The action for the keys pressed in the last moment: the latest one counts."""
        known = [self.actions[key] for key in keys if key in self.actions]
        if known:
            self._last = known[-1]
        elif self.idle is not None:
            self._last = self.idle
        return self._last

    @property
    def hint(self) -> str:
        """One line for the person."""
        keys = [k for k in self.actions if not k.isdigit()]
        arrows = "".join(a for a, key in zip("←↑↓→", "awsd", strict=True) if key in keys)
        digits = [k for k in self.actions if k.isdigit()]
        parts = [*([arrows] if arrows else []), *keys, *([f"0-{digits[-1]}"] if digits else [])]
        return f"{' '.join(parts)} play, q stops"


def _single_keys(given: Mapping[Any, int]) -> dict[str, int]:
    """The mappings of one key alone, by its character."""
    found = {}
    for keys, action in given.items():
        pressed = keys if isinstance(keys, tuple | list | str) else (keys,)
        if len(pressed) == 1:
            key = pressed[0]
            found[key if isinstance(key, str) else chr(key)] = int(action)
    return found
