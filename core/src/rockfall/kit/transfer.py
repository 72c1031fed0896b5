"""The bytes of one address, into a file; what the file has already is not asked for again."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rockfall.kit.connections import (
    FLOOR,
    MINUTE,
    Pace,
    in_words,
    seconds_of,
    status_in_words,
)
from rockfall.kit.files import writing

TIMEOUT = 15.0
"""Seconds to wait for a connection, and for the next bytes."""
CHUNK = 1 << 16
BUSY = (408, 429, 500, 502, 503, 504)
"""What a server says that may have the file a little later."""
LARGEST = 4 << 30
"""Bytes after which a body of unknown length is taken for one without an end."""


class Failed(Exception):
    """The address does not give the file; the text says why."""


class Busy(Failed):
    """The server asks to come again, in `pause` seconds if it says when."""

    def __init__(self, reason: str, pause: float | None) -> None:
        self.pause = pause
        super().__init__(reason)

    def pause_after(self, attempt: int) -> float:
        """What it says, or else twice as long after each attempt, from a second."""
        return 2.0**attempt if self.pause is None else self.pause


class Broken(Failed):
    """The body stopped early; what came of it is in the file, and the rest can be asked for."""


def transfer(url: str, part: Path, size: int | None, report: Callable[[int], None]) -> None:
    """Append to `part` what it lacks, or write it anew where the server can't give the rest.

    size: bytes of the whole file, if they are known. report: called with the bytes that are there.
    Raises Failed, Busy, Broken, and RockfallError for what the disk refuses.
    """
    pace = Pace()
    with pace.kept():
        try:
            _transfer(url, part, size, report, pace)
        except Failed as error:
            if not pace.slow:
                raise
            kind = Broken if isinstance(error, Broken) else Failed
            raise kind(f"sends less than {FLOOR // 1000} kB in {MINUTE:g} s") from error


def _transfer(
    url: str, part: Path, size: int | None, report: Callable[[int], None], pace: Pace
) -> None:
    start = part.stat().st_size if part.exists() else 0
    asked = {"Range": f"bytes={start}-"} if start else {}
    request = urllib.request.Request(url, headers={"User-Agent": "rockfall", **asked})
    try:
        response = pace.opener().open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            return  # there is nothing after what is there
        words = status_in_words(error.code)
        if error.code in BUSY:
            raise Busy(words, seconds_of(error.headers.get("Retry-After"))) from error
        if isinstance(error.reason, str) and "infinite loop" in error.reason:
            raise Failed(f"{words}, round in a circle") from error
        raise Failed(words) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Failed(in_words(error, TIMEOUT)) from error
    with response:
        if response.status != http.client.PARTIAL_CONTENT:
            start = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise Failed("answers with another part than was asked for")
        end = None if response.length is None else start + response.length
        if size is not None and end is not None and end != size:
            raise Failed(f"has {end:,} bytes, and {size:,} were published")
        done = _copy(response, part, start, size or end or LARGEST, report, pace)
    whole = size or end
    if whole is not None and done < whole:
        raise Broken(f"stopped after {done:,} of {whole:,} bytes")


def _copy(
    response: Any,
    part: Path,
    start: int,
    most: int,
    report: Callable[[int], None],
    pace: Pace,
) -> int:
    done = start
    # Unbuffered, so that closing the file has nothing left to write that a full disk could refuse.
    with writing(part):
        file = part.open("ab" if start else "wb", buffering=0)
    with file:
        report(done)
        for chunk in _chunks(response):
            done += len(chunk)
            pace.came += len(chunk)
            if done > most:
                file.truncate(0)
                raise Failed(f"sends more than the {most:,} bytes that it should")
            with writing(part):
                left = memoryview(chunk)
                while left:
                    left = left[file.write(left) :]
            report(done)
    return done


def _chunks(response: Any) -> Iterator[bytes]:
    try:
        while chunk := response.read1(CHUNK):
            yield chunk
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Broken(in_words(error, TIMEOUT)) from error
