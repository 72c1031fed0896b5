"""What a run has recorded of its source, while that is opened again.

A source may do something otherwise than it did in an earlier version, such as split its examples.
A run of that version is resumed and measured on what it was trained on, so that the source has to
know.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

__all__ = ["recorded_info"]

_info: ContextVar[Mapping[str, Any] | None] = ContextVar("info", default=None)


def recorded_info() -> Mapping[str, Any] | None:
    """The `SourceInfo`, as JSON, of the run whose source is opened again; None if there is none."""
    return _info.get()


@contextlib.contextmanager
def opened_again(info: Mapping[str, Any]) -> Iterator[None]:
    """Inside, sources are opened as a run recorded them."""
    before = _info.set(info)
    try:
        yield
    finally:
        _info.reset(before)
