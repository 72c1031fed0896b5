"""Which key stands for which action when a person plays."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any


class Controls:
    """Which key stands for which action.

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
        """The action for the keys pressed since the last step: the latest one counts."""
        known = [self.actions[key] for key in keys if key in self.actions]
        if known:
            self._last = known[-1]
        elif self.idle is not None:
            self._last = self.idle
        return self._last

    @property
    def hint(self) -> str:
        """One line that tells the person the keys."""
        keys = [k for k in self.actions if not k.isdigit()]
        arrows = "".join(a for a, key in zip("←↑↓→", "awsd", strict=True) if key in keys)
        digits = [k for k in self.actions if k.isdigit()]
        parts = [*([arrows] if arrows else []), *keys, *([f"0-{digits[-1]}"] if digits else [])]
        return f"{' '.join(parts)} play, q stops"


def _single_keys(given: Mapping[Any, int]) -> dict[str, int]:
    """The mappings of one key alone, by its character; a key that has none is left out."""
    found = {}
    for keys, action in given.items():
        pressed = keys if isinstance(keys, tuple | list | str) else (keys,)
        if len(pressed) == 1:
            code = ord(pressed[0]) if isinstance(pressed[0], str) else pressed[0]
            if code < sys.maxunicode:
                found[chr(code)] = int(action)
    return found
