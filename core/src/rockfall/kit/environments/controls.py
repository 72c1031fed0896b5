"""Which key stands for which action when a person plays."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from rockfall.errors import UsageError
from rockfall.kit.environments.spaces import Spaces

DIGITS = 10
"""Keys that are digits."""


class Controls:
    """Which key stands for which action: the arrows are a, d, s and w.

    actions: key → action of a batch. idle: the action when no key is pressed; None goes on with the
    last.
    """

    def __init__(self, env: Any, translated: Spaces) -> None:
        """From the environment's own `get_keys_to_action`, as Gymnasium has it. Without one, the
        digits choose among its actions, and a and d where there are two; or they are the numbers of
        a MultiBinary; and a, d, s and w are the ends of a Box of one or two numbers.

        Raises UsageError for more than these keys can say.
        """
        self.idle: Any = None
        nothing: Any = np.zeros(translated.action_shape, int)
        if env.has_wrapper_attr("get_keys_to_action"):
            given = env.get_wrapper_attr("get_keys_to_action")()
            own, idle = _single_keys(given), given.get(())
            self.actions = {key: _action(translated, own[key]) for key in own}
            self.idle = nothing if idle is None else _action(translated, idle)
        elif isinstance(acted := translated.acted, spaces.Discrete):
            self.actions = {str(action): action for action in range(min(int(acted.n), DIGITS))}
            if acted.n == 2:
                self.actions.update(a=0, d=1)
        else:
            self.idle = nothing
            self.actions = _switches(acted) if _is_buttons(acted) else _ends(acted)
        self._last = nothing if self.idle is None else self.idle

    def choose(self, keys: list[str]) -> Any:
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


def _action(translated: Spaces, own: Any) -> Any:
    """An action of the environment as one of a batch: a whole number where it is one."""
    action = translated.encode_action(own)
    return action if action.ndim else action.item()


def _is_buttons(acted: spaces.Space[Any]) -> bool:
    return isinstance(acted, spaces.MultiBinary) and int(np.prod(acted.shape)) <= DIGITS


def _switches(acted: spaces.Space[Any]) -> dict[str, Any]:
    """A digit for each number, which alone is 1."""
    return {
        str(index): row
        for index, row in enumerate(np.eye(int(np.prod(acted.shape or ())), dtype=int))
    }


def _ends(acted: spaces.Space[Any]) -> dict[str, Any]:
    """The low and the high end of each of one or two numbers; 1 from 0 where there is none."""
    if not isinstance(acted, spaces.Box) or (size := int(np.prod(acted.shape))) > 2:
        raise UsageError(
            f"there are too few keys for actions of {' '.join(str(acted).split())}; an environment "
            "may have get_keys_to_action, as gymnasium.utils.play asks"
        )
    found = {}
    for number, keys in zip(range(size), ("ad", "sw"), strict=False):
        for key, bound, without in zip(keys, (acted.low, acted.high), (-1, 1), strict=True):
            end = float(bound.flatten()[number])
            action = np.zeros(size, np.float32)
            action[number] = end if np.isfinite(end) else without
            found[key] = action.reshape(acted.shape)
    return found


def _single_keys(given: Mapping[Any, Any]) -> dict[str, Any]:
    """The mappings of one key alone, by its character; a key that has none is left out."""
    found = {}
    for keys, action in given.items():
        pressed = keys if isinstance(keys, tuple | list | str) else (keys,)
        if len(pressed) == 1:
            code = ord(pressed[0]) if isinstance(pressed[0], str) else pressed[0]
            if code < sys.maxunicode:
                found[chr(code)] = action
    return found
