"""How a check complains, and what it keeps from the rest of the process."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any, NoReturn
from unittest import mock

from rockfall.errors import Unavailable
from rockfall.kit.devices import computing
from rockfall.kit.randomness import fork_rng


@contextlib.contextmanager
def about(subject: str) -> Iterator[None]:
    """Put `subject` before whatever an assertion inside says; any other error becomes one.

    Unavailable stays what it is: that data can't be had here is no fault of what is checked.
    """
    try:
        yield
    except Unavailable:
        raise
    except AssertionError as error:
        raise AssertionError(f"{subject}: {error}") from error
    except Exception as error:
        line = " ".join(str(error).split())
        raise AssertionError(f"{subject}: {type(error).__name__}: {line}") from error


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Leave the random generators, the thread count and the precision as they were.

    Inside there is one thread: the work is tiny, and several would wait for one another.
    """
    with fork_rng(), computing(threads=1, matmul_precision="highest"):
        yield


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """Inside, to look up or to reach another machine is an AssertionError."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("it needs the network")

    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple):  # else a socket of this machine's own
            refuse()
        connect(self, address)

    with (
        mock.patch.object(socket, "getaddrinfo", refuse),
        mock.patch.object(socket.socket, "connect", connect_here),
    ):
        yield
