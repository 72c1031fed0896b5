"""Ctrl-C, `kill` and a terminal that is closed: a flag that the run's iterators read."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["Interrupt"]

CLOSED = getattr(signal, "SIGHUP", None)
"""What a process gets when its terminal is closed; Windows has none."""
STOPS = tuple(filter(None, (signal.SIGINT, signal.SIGTERM, CLOSED)))


class Interrupt:
    """How SIGINT, SIGTERM and SIGHUP end a run: all alike, and a second one at once.

    But for a second SIGHUP, for a shell that ends with its terminal sends one beside the system's.
    """

    def __init__(self) -> None:
        self.requested = False
        self._polled = False

    @contextlib.contextmanager
    def raised(self) -> Iterator[None]:
        """While open, each of them is a KeyboardInterrupt. SIGHUP stays ignored under nohup."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        stops = [s for s in STOPS if s != CLOSED or signal.getsignal(s) is not signal.SIG_IGN]
        before = [(number, signal.signal(number, self._handle)) for number in stops]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)

    @contextlib.contextmanager
    def polled(self) -> Iterator[None]:
        """While open, the first sets `requested` instead, which somebody reads."""
        with self.raised():
            self._polled = True
            try:
                yield
            finally:
                self._polled = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        first, self.requested = not self.requested, True
        if not (first and self._polled) and (first or number != CLOSED):
            raise KeyboardInterrupt
