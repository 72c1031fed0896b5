"""An answer for programs, and nothing else, on standard output: `--json`, and `--out -`.

While a verb answers, whatever else is printed, by `print`, `os.write(1, …)`, a C library or another
process, goes to standard error. Python's own prints are held until the first answer: a verb that
prints its JSON itself, and never by `rockfall.kit.console`, has answered so.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TextIO

from rockfall.errors import UsageError

PIPE = Path("-")
"""Standard output, as a path."""


class Strays(io.TextIOBase):
    """Standard output while a verb answers: what does not come by the kit's console."""

    def __init__(self, answers: TextIO, descriptor: int | None) -> None:
        self._answers, self._descriptor = answers, descriptor
        self._held: list[str] | None = []

    @property
    def answers(self) -> TextIO:
        """Where the answer goes; from now on, all that is printed is none."""
        self.settle(sys.stderr)
        return self._answers

    def settle(self, stream: TextIO) -> None:
        """Write what is held, which is known to belong there."""
        if self._held is not None:
            held, self._held = self._held, None
            stream.write("".join(held))
            stream.flush()

    def write(self, text: str) -> int:
        if not isinstance(text, str):  # by which click tells streams of text from those of bytes
            raise TypeError(f"text is written here, not {type(text).__name__}")
        if self._held is not None:
            self._held.append(text)
            return len(text)
        return sys.stderr.write(text)

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        if self._held is None:
            sys.stderr.flush()

    def fileno(self) -> int:
        if self._descriptor is None:
            raise io.UnsupportedOperation("fileno")
        return self._descriptor

    @property
    def buffer(self) -> object:
        return sys.stderr.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._answers.encoding


def standard_output() -> TextIO:
    """Where the kit's console writes: past the strays, if a verb answers."""
    return sys.stdout.answers if isinstance(sys.stdout, Strays) else sys.stdout


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """While open, standard output is for what the kit's console writes."""
    before = sys.stdout
    before.flush()
    with _apart(before) as (answers, descriptor):
        strays = Strays(answers, descriptor)
        sys.stdout = strays
        try:
            yield
            strays.settle(answers)
        finally:
            sys.stdout = before
            strays.settle(sys.stderr)
            answers.flush()


def piped(function: Callable[..., None], name: str) -> Callable[..., None]:
    """A command whose argument `name`, if it is `PIPE`, becomes an open file that leads to standard
    output; what the command says goes to standard error then.

    Raises UsageError beside `--json`, and if standard output is a terminal.
    """

    @functools.wraps(function)
    def command(**given: Any) -> None:
        if given[name] != PIPE:
            function(**given)
            return
        if given.get("as_json"):
            raise UsageError(f"--{name} - and --json both write to standard output: leave one out")
        if sys.stdout.isatty():
            raise UsageError(f"--{name} -: a terminal shows no picture; pipe it into a program")
        with piping() as pipe:
            function(**{**given, name: pipe})

    return command


@contextlib.contextmanager
def piping() -> Iterator[IO[bytes]]:
    """While open, all that is printed goes to standard error; the file leads to standard output.

    Raises UsageError where that takes text alone, as in a notebook.
    """
    before = sys.stdout
    before.flush()
    with _apart(before) as (answers, _):
        if not hasattr(answers, "buffer"):
            raise UsageError("standard output takes text alone here: name a file")
        sys.stdout = sys.stderr
        try:
            yield answers.buffer
        finally:
            sys.stdout = before
            answers.flush()


@contextlib.contextmanager
def _apart(stream: TextIO) -> Iterator[tuple[TextIO, int | None]]:
    """A stream for the answer, and the descriptor that leads to standard error meanwhile."""
    try:
        descriptor, error = stream.fileno(), sys.stderr.fileno()
    except (OSError, ValueError):  # in a notebook, or a test
        yield stream, None
        return
    kept = os.dup(descriptor)
    sys.stderr.flush()
    os.dup2(error, descriptor)
    try:
        with open(kept, "w", encoding=stream.encoding, errors=stream.errors, closefd=False) as out:
            yield out, descriptor
    finally:
        with contextlib.suppress(Exception):  # what a C library printed, and still holds
            ctypes.CDLL(None).fflush(None)
        os.dup2(kept, descriptor)
        os.close(kept)
