"""Waiting for what a page comes to: `wait_for_function` evaluates text, as our policy forbids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def until(page: Any, holds: Callable[[], object], seconds: float = 20) -> None:
    """Until something holds, or AssertionError."""
    for _ in range(int(seconds / 0.1)):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come to that")
