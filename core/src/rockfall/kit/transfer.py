"""The bytes of one address, into a file; what the file has already is not asked for again."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rockfall.kit.files import writing

TIMEOUT = 15.0
"""Seconds to wait for a connection, and for the next bytes."""
CHUNK = 1 << 16
LARGEST = 4 << 30
"""Bytes after which a body of unknown length is taken for one without an end."""


class Failed(Exception):
    """The address does not give the file; the text says why."""


class Broken(Failed):
    """The body stopped early; what came of it is in the file, and the rest can be asked for."""


def transfer(url: str, part: Path, size: int | None, report: Callable[[int], None]) -> None:
    """Append to `part` what it lacks, or write it anew where the server can't give the rest.

    size: bytes of the whole file, if they are known. report: called with the bytes that are there.
    Raises Failed, Broken, and RockfallError for what the disk refuses.
    """
    start = part.stat().st_size if part.exists() else 0
    asked = {"Range": f"bytes={start}-"} if start else {}
    request = urllib.request.Request(url, headers={"User-Agent": "rockfall", **asked})
    try:
        response = _opener().open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            return  # there is nothing after what is there
        raise Failed(f"HTTP {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise Failed(_reason(error)) from error
    with response:
        if response.status != http.client.PARTIAL_CONTENT:
            start = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise Failed("answers with another part than was asked for")
        end = None if response.length is None else start + response.length
        if size is not None and end is not None and end != size:
            raise Failed(f"has {end:,} bytes, and {size:,} were published")
        done = _copy(response, part, start, size or end or LARGEST, report)
    whole = size or end
    if whole is not None and done < whole:
        raise Broken(f"stopped after {done:,} of {whole:,} bytes")


def _copy(response: Any, part: Path, start: int, most: int, report: Callable[[int], None]) -> int:
    done = start
    # Unbuffered, so that closing the file has nothing left to write that a full disk could refuse.
    with writing(part):
        file = part.open("ab" if start else "wb", buffering=0)
    with file:
        report(done)
        for chunk in _chunks(response):
            done += len(chunk)
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
    except (OSError, http.client.HTTPException) as error:
        raise Broken(_reason(error)) from error


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, TimeoutError):
        return f"no answer for {TIMEOUT:g} s"
    return str(getattr(inner, "strerror", None) or inner or type(inner).__name__)


def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS, through a proxy if the environment names one; no file:, ftp: or data:."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener
