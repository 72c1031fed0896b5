"""What has a capability without having been trained here: published weights, and embedded ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Ready"]


@dataclass(frozen=True)
class Ready:
    """One of those that a capability's `ready` names.

    summary: one line for a list. open: returns it, on the device that there is; it has the methods
    with which the capability is used. megabytes: that opening it downloads; 0 if it is here.
    """

    summary: str
    open: Callable[[], Any]
    megabytes: float = 0.0
